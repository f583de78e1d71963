import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { applyNetworkSettings } from '../../config/network.ts'
import { readSettings, type Settings } from '../../config/settings.ts'
import { inspectSecretFile } from '../../support/files/secret-file.ts'
import { findRunning, type RunningGateway } from '../client/gateway-api.ts'
import { checkCredential } from '../doctor/check-credential.ts'
import type { Files } from './plan-files.ts'

/** The current setup, before anything is asked. */
export interface CurrentSetup {
  readonly settings: Settings
  readonly files: Files
  /** The home folder exists. */
  readonly homeExists: boolean
  /** A description of the credential that a gateway would use; null = none. */
  readonly credential: string | null
  /** The path of Claude Code's sign-in file on this machine; null = none. */
  readonly claudeCode: string | null
  readonly running: RunningGateway | null
}

/** @throws ConfigurationError if the files cannot be read: the wizard must not overwrite them */
export async function readCurrentSetup(
  home: string | undefined,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<CurrentSetup> {
  const settings = await readSettings({ home, processEnv, lenient: true })
  const { paths, environment } = settings
  applyNetworkSettings(environment.network, {
    extraCaCertsLoaded: processEnv['NODE_EXTRA_CA_CERTS'] !== undefined,
  })
  const configDir = environment.claudeConfigDir ?? join(processEnv['HOME'] || homedir(), '.claude')
  const claudeCode = join(configDir, '.credentials.json')
  const homeExists = existsSync(paths.home)
  return {
    settings,
    files: { config: await readText(paths.config), env: await readText(paths.env) },
    homeExists,
    credential: homeExists ? await credentialInUse(settings, processEnv) : null,
    claudeCode: inspectSecretFile(claudeCode, { lookOnly: true }).kind === 'fine' ? claudeCode : null,
    running: await findRunning(paths.home),
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}

async function credentialInUse(
  settings: Settings,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<string | null> {
  const { status } = await checkCredential(settings, processEnv)
  if (status === null || status.fingerprint === null) return null
  return `${status.kind} from ${status.source} (${status.fingerprint}), ${status.state}`
}
