import { homePaths, resolveHome } from '../../config/home/home.ts'
import { SECOND } from '../../support/clock.ts'
import { messageOf } from '../../support/errors.ts'
import { redact } from '../../support/redact.ts'
import { EXIT, type ExitCode, type GlobalOptions } from '../command.ts'
import { paint, print, printJson } from '../terminal/output.ts'
import { checkAlerts } from './check-alerts.ts'
import { checkConfig } from './check-config.ts'
import { checkCredential } from './check-credential.ts'
import { checkDiscord } from './check-discord.ts'
import { checkEmail } from './check-email.ts'
import { checkDisk, checkGatewayToken, checkHome, checkNode, checkSecretFiles } from './check-files.ts'
import { checkGateway, checkPort } from './check-gateway.ts'
import { checkMatrix } from './check-matrix.ts'
import { checkAddresses } from './check-network.ts'
import { checkPostgres } from './check-postgres.ts'
import { checkService } from './check-service.ts'
import { checkSlack } from './check-slack.ts'
import { checkStore } from './check-store.ts'
import { checkTelegram } from './check-telegram.ts'
import { error, type Finding, type Level } from './finding.ts'

/** Whoever waits longer than this wonders whether anything happens. */
const PATIENCE_MS = 2 * SECOND

export async function doctorCommand(options: GlobalOptions & { readonly json: boolean }): Promise<ExitCode> {
  const findings = await withProgress(!options.json, () => examine(options.home, process.env))
  if (options.json) {
    printJson({
      items: findings.map(({ id, level, message, mend }) => ({ id, level, message: redact(message), mend })),
    })
  } else {
    printFindings(findings)
  }
  return exitCodeOf(findings)
}

/** Looks at everything. What depends on nothing else is asked at the same time. */
export async function examine(
  home: string | undefined,
  processEnv: Readonly<NodeJS.ProcessEnv>,
): Promise<readonly Finding[]> {
  const paths = homePaths(resolveHome(home, processEnv))
  const folder = checkHome(paths.home)
  // Without a folder there is nothing in it to look at.
  if (folder.some(({ id }) => id === 'home') && folder[0]?.level === 'error') return [checkNode(), ...folder]
  const { findings: configuration, settings } = await checkConfig(paths.home, processEnv)
  const { findings: gateway, running } = await checkGateway(paths.home)
  const local = await Promise.all([
    guarded('disk', async () => [await checkDisk(paths.home)]),
    guarded('database', async () => {
      const storage = settings?.config.storage
      return storage?.kind === 'postgres' ? checkPostgres(storage.url) : checkStore(paths.database)
    }),
    guarded('service', () => checkService(paths.home, processEnv)),
  ])
  const files = [...checkSecretFiles(paths), ...checkGatewayToken(paths.gatewayToken)]
  const common = [checkNode(), ...folder, ...files, ...configuration]
  if (!settings) return [...common, ...local.flat(), ...gateway]
  const credential = await checkCredential(settings, processEnv)
  const renewable = credential.status?.renewable ?? false
  const remote = await Promise.all([
    guarded('port', async () => (running ? [] : [await checkPort(settings.config.gateway, paths)])),
    guarded('reach', () => checkAddresses(settings.config, renewable)),
    guarded('telegram', () => checkTelegram(settings, running !== null)),
    guarded('discord', () => checkDiscord(settings)),
    guarded('matrix', () => checkMatrix(settings)),
    guarded('slack', () => checkSlack(settings)),
    guarded('email', () => checkEmail(settings)),
    guarded('alerts', () => checkAlerts(settings, processEnv)),
  ])
  return [...common, ...local.flat(), ...gateway, ...credential.findings, ...remote.flat()]
}

/** A check that fails in an unforeseen way is a finding, not the end of all others. */
async function guarded(id: string, check: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await check()
  } catch (cause) {
    return [error(id, `This could not be checked: ${messageOf(cause)}.`, null)]
  }
}

/** A configuration that refuses the start comes before a missing sign-in, and that before the rest. */
export function exitCodeOf(findings: readonly Finding[]): ExitCode {
  const errors = findings.filter(({ level }) => level === 'error')
  if (errors.some(({ kind }) => kind === 'configuration')) return EXIT.configuration
  if (errors.some(({ kind }) => kind === 'sign-in')) return EXIT.personMustAct
  return errors.length > 0 ? EXIT.failed : EXIT.ok
}

const SIGNS: Readonly<Record<Level, () => string>> = {
  ok: () => paint('green', '✓'),
  warning: () => paint('yellow', '!'),
  error: () => paint('red', '✗'),
}

function printFindings(findings: readonly Finding[]): void {
  for (const { level, message, mend } of findings) {
    print(`${SIGNS[level]()} ${redact(message)}`)
    if (mend !== null) print(`    ${paint('cyan', mend)}`)
  }
  const count = (level: Level) => findings.filter((finding) => finding.level === level).length
  const errors = count('error')
  const warnings = count('warning')
  print()
  if (errors + warnings === 0) print(paint('green', 'Everything is as it should be.'))
  else print(`${plural(errors, 'error')}, ${plural(warnings, 'warning')}. Below each stands what mends it.`)
}

function plural(count: number, what: string): string {
  return `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`
}

/** Shows on a terminal that something happens, once it takes a while. */
async function withProgress<T>(wanted: boolean, work: () => Promise<T>): Promise<T> {
  if (!wanted || !process.stderr.isTTY) return work()
  let shown = false
  const timer = setTimeout(() => {
    shown = true
    process.stderr.write('Waiting for answers from the network…')
  }, PATIENCE_MS)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
    // Back to the beginning of the line, and what stands there is wiped out.
    if (shown) process.stderr.write('\r\u001B[K')
  }
}
