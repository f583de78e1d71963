import type { Variables } from '../../config/environment/dotenv.ts'
import { assertBindAllowed, readGatewayToken } from '../../config/home/gateway-token.ts'
import { homePaths, resolveHome } from '../../config/home/home.ts'
import { applyNetworkSettings } from '../../config/network.ts'
import { readSettings, type Settings } from '../../config/settings.ts'
import { ConfigurationError, messageOf } from '../../support/errors.ts'
import { editCommand, misconfigured, ok, warning, type Finding } from './finding.ts'

export interface CheckedConfig {
  readonly findings: readonly Finding[]
  /** null: the configuration cannot be used. */
  readonly settings: Settings | null
}

/** Checks config.yaml, `.env` and the environment as a start would read them. */
export async function checkConfig(home: string | undefined, processEnv: Variables): Promise<CheckedConfig> {
  const paths = homePaths(resolveHome(home, processEnv))
  let settings: Settings
  try {
    settings = await readSettings({ home: paths.home, processEnv, lenient: true })
  } catch (cause) {
    if (!(cause instanceof ConfigurationError)) throw cause
    const findings = cause.message.split('\n').map((line) => problemFinding(line, paths, processEnv))
    return { findings, settings: null }
  }
  const findings = [
    ...settings.problems.map((line) => problemFinding(line, paths, processEnv)),
    ...settings.warnings.map((text) => warningFinding(text, paths)),
    ...checkBind(settings),
    ...applyNetwork(settings, processEnv),
  ]
  if (!findings.some(({ level }) => level === 'error')) {
    findings.push(ok('config', `${paths.config} and ${paths.env} are valid`))
  }
  return { findings, settings }
}

function warningFinding(text: string, paths: { env: string; soul: string }): Finding {
  if (text.startsWith('SOUL.md')) return warning('soul', text, editCommand(paths.soul))
  if (/Hermes Agent/.test(text)) return warning('config.ignored-keys', text, null)
  return warning('environment', text, editCommand(paths.env))
}

/** @param line a problem from the loader: `FILE:LINE: problem`, or a sentence about a variable */
function problemFinding(
  line: string,
  paths: { config: string; env: string },
  processEnv: Variables,
): Finding {
  if (line.startsWith(paths.config)) {
    const at = /^:(\d+):/.exec(line.slice(paths.config.length))?.[1]
    return misconfigured('config', line, editCommand(paths.config, at === undefined ? undefined : Number(at)))
  }
  const variable = /^([A-Z][A-Z_]+) /.exec(line)?.[1]
  const own = variable !== undefined && processEnv[variable] !== undefined
  return misconfigured('environment', line, own ? `unset ${variable}` : editCommand(paths.env))
}

/** Refuses a gateway that other machines can reach before it has a token. */
function checkBind({ config, paths }: Settings): Finding[] {
  try {
    assertBindAllowed(config.gateway.host, readGatewayToken(paths.gatewayToken) !== null)
    return []
  } catch (cause) {
    return [misconfigured('gateway.host', messageOf(cause), editCommand(paths.config))]
  }
}

/** Applies the proxy and the certificates, which the other checks need. */
function applyNetwork({ environment, paths }: Settings, processEnv: Variables): Finding[] {
  try {
    applyNetworkSettings(environment.network, {
      extraCaCertsLoaded: processEnv['NODE_EXTRA_CA_CERTS'] !== undefined,
    })
    return []
  } catch (cause) {
    return [misconfigured('environment', messageOf(cause), editCommand(paths.env))]
  }
}
