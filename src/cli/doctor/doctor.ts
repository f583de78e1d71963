import { homePaths, resolveHome } from '../../config/home/home.ts'
import type { PlatformName } from '../../config/person-ids.ts'
import { NO_CREDENTIAL } from '../../credentials/credential-words.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { redact } from '../../support/text/redact.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { paint, plural, print, printJson } from '../terminal/output.ts'
import { checkAddresses } from './check-addresses.ts'
import { checkAlerts } from './check-alerts.ts'
import { checkConfig } from './check-config.ts'
import { checkCredential } from './check-credential.ts'
import { checkDiscord } from './check-discord.ts'
import { checkEmail } from './check-email.ts'
import { checkDisk, checkGatewayToken, checkHome, checkNode, checkSecretFiles } from './check-files.ts'
import { checkGateway, checkPort } from './check-gateway.ts'
import { checkMatrix } from './check-matrix.ts'
import { checkPostgres } from './check-postgres.ts'
import { checkService } from './check-service.ts'
import { checkSlack } from './check-slack.ts'
import { checkStore } from './check-store.ts'
import { checkTelegram } from './check-telegram.ts'
import { error, type Finding, type Level } from './finding.ts'

/** After this long a person wonders whether anything is happening. */
const SHOW_PROGRESS_AFTER_MS = 2 * SECOND

export async function doctorCommand(options: GlobalOptions & { readonly json: boolean }): Promise<ExitCode> {
  const findings = await withProgress(!options.json, () => runChecks(options.home, process.env))
  if (options.json) {
    printJson({
      items: findings.map(({ id, level, message, fix }) => ({
        id,
        level,
        message: redact(message),
        mend: fix,
      })),
    })
  } else {
    printFindings(findings)
  }
  return exitCodeOf(findings)
}

/** Runs all checks; independent ones run in parallel. */
export async function runChecks(
  home: string | undefined,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<readonly Finding[]> {
  const paths = homePaths(resolveHome(home, processEnv))
  const folder = checkHome(paths.home)
  // Without a folder there is nothing else to check.
  if (folder.some(({ id }) => id === 'home') && folder[0]?.level === 'error') return [checkNode(), ...folder]
  const { findings: configuration, settings } = await checkConfig(paths.home, processEnv)
  const local = await Promise.all([
    guarded('disk', async () => [await checkDisk(paths.home)]),
    guarded('database', async () => {
      const storage = settings?.config.storage
      return storage?.kind === 'postgres' ? checkPostgres(storage.url) : checkStore(paths.database)
    }),
    guarded('service', () => checkService(paths.home, processEnv)),
  ])
  // After the database, which reading the sign-in may migrate.
  const credential = settings ? await checkCredential(settings, processEnv) : null
  const { findings: gateway, running } = await checkGateway(paths.home, credential?.status ?? NO_CREDENTIAL)
  const files = [...checkSecretFiles(paths), ...checkGatewayToken(paths.gatewayToken)]
  const common = [checkNode(), ...folder, ...files, ...configuration]
  if (!settings || !credential) return [...common, ...local.flat(), ...gateway]
  const renewable = credential.status?.renewable ?? false
  const model = credential.baseUrl ?? settings.config.model.baseUrl
  const platforms: Readonly<Record<PlatformName, () => Promise<readonly Finding[]>>> = {
    telegram: () => checkTelegram(settings, running !== null),
    discord: () => checkDiscord(settings),
    matrix: () => checkMatrix(settings),
    slack: () => checkSlack(settings),
    email: () => checkEmail(settings),
  }
  const remote = await Promise.all([
    guarded('port', async () => (running ? [] : [await checkPort(settings.config.gateway, paths)])),
    guarded('reach', () => checkAddresses(model, settings.config.auth.oauth, renewable)),
    ...Object.entries(platforms).map(([name, check]) => guarded(name, check)),
    guarded('alerts', () => checkAlerts(settings, processEnv)),
  ])
  return [...common, ...local.flat(), ...gateway, ...credential.findings, ...remote.flat()]
}

/** A check that throws becomes a finding; the others still run. */
async function guarded(id: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check()
  } catch (cause) {
    return [error(id, `The check "${id}" failed: ${messageOf(cause)}.`, null)]
  }
}

/** Configuration errors take precedence over a missing sign-in, and that over other errors. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const errors = findings.filter(({ level }) => level === 'error')
  if (errors.some(({ kind }) => kind === 'configuration')) return EXIT.configuration
  if (errors.some(({ kind }) => kind === 'sign-in')) return EXIT.personMustAct
  return errors.length > 0 ? EXIT.failed : EXIT.ok
}

const SYMBOLS: Readonly<Record<Level, () => string>> = {
  ok: () => paint('green', '✓'),
  warning: () => paint('yellow', '!'),
  error: () => paint('red', '✗'),
}

function printFindings(findings: readonly Finding[]): void {
  for (const { level, message, fix, skipped } of findings) {
    print(`${skipped ? '–' : SYMBOLS[level]()} ${redact(message)}`)
    if (fix !== null) print(`    ${paint('cyan', fix)}`)
  }
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length
  const errors = count('error')
  const warnings = count('warning')
  print()
  const hasFix = findings.some(({ fix }) => fix !== null)
  const hint = hasFix ? ' Fixes are listed above.' : ''
  if (errors + warnings === 0) print(paint('green', 'All checks passed.'))
  else print(`${plural(errors, 'error')}, ${plural(warnings, 'warning')}.${hint}`)
}

/** Shows progress on a terminal if the work takes a while. */
async function withProgress<T>(wanted: boolean, work: () => Promise<T>): Promise<T> {
  if (!wanted || !process.stderr.isTTY) return work()
  let shown = false
  const timer = setTimeout(() => {
    shown = true
    process.stderr.write('Waiting for the network…')
  }, SHOW_PROGRESS_AFTER_MS)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
    // Return to the start of the line and erase it.
    if (shown) process.stderr.write('\r\u001B[K')
  }
}
