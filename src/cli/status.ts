import type { CredentialParts } from '../credentials/assemble.ts'
import { exitCodeOf } from '../credentials/keeper/status.ts'
import { statusReport } from '../http/api/status-report.ts'
import type { StatusReport } from '../http/wire-reports.ts'
import type { WaitingCounts } from '../inbox/inbox.ts'
import { VERSION } from '../support/package.ts'
import { withCredentials } from './auth/auth-parts.ts'
import { printStatus } from './auth/auth-status.ts'
import { GatewayApi } from './client/running.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { pathsOf, withExistingStorage } from './context.ts'
import { duration, paint, print, printJson, table } from './terminal/output.ts'

const NOTHING: WaitingCounts = { received: 0, answering: 0, held: 0, parked: 0, oldestAt: null }

/** The whole picture: from the running gateway, else from what is stored. */
export async function statusCommand(options: GlobalOptions & { readonly json: boolean }): Promise<ExitCode> {
  const paths = pathsOf(options)
  const api = await GatewayApi.connect(paths.home, paths.gatewayToken)
  const report = api ? await api.call<StatusReport>('GET', '/api/status') : await storedReport(options)
  if (options.json) printJson(report)
  else printReport(report)
  if (!report.gateway.running) return EXIT.failed
  return exitCodeOf(report.credential.state)
}

function storedReport(options: GlobalOptions): Promise<StatusReport> {
  return withCredentials(options, (parts) => reportOf(options, parts))
}

async function reportOf(
  options: GlobalOptions,
  { keeper, settings }: CredentialParts,
): Promise<StatusReport> {
  const found = await withExistingStorage(options, async ({ inbox, incidents }) => ({
    counts: await inbox.counts(),
    incident: await incidents.current(),
  }))
  const stored = found?.result
  return statusReport({
    gateway: { running: false, version: VERSION, pid: null, url: null, startedAt: null, sandbox: false },
    readiness: null,
    credential: keeper.snapshot(),
    channels: [],
    counts: stored?.counts ?? NOTHING,
    incident: stored?.incident ?? null,
    routes: [],
    warnings: settings.warnings,
  })
}

function printReport(report: StatusReport): void {
  const { gateway, credential, channels, queue, incident, alerts, warnings } = report
  print(headline(report))
  print()
  printStatus(credential, null)
  print()
  const rows: string[][] = channels.map(({ channel, state, account, problem }) => [
    channel,
    problem ? paint('yellow', `${state}: ${problem}`) : state,
    account ?? '',
  ])
  for (const { route, working, problem } of alerts) {
    rows.push([`alert ${route}`, problem ?? (working ? 'works' : 'not used yet'), ''])
  }
  if (rows.length > 0) print(table(rows))
  if (report.fleet) printFleet(report.fleet)
  const waiting = queue.received + queue.answering + queue.held
  const age = queue.oldestAt ? `, the oldest for ${duration(Date.now() - Date.parse(queue.oldestAt))}` : ''
  print(`Queue: ${waiting} waiting (${queue.held} held)${age}, ${queue.parked} parked`)
  if (queue.parked > 0) print('  hermes queue list --state parked')
  if (incident) print(paint('red', `Incident: ${incident.status} since ${incident.openedAt}`))
  for (const warning of warnings) print(paint('yellow', `! ${warning}`))
  if (gateway.url)
    print(
      `\n${gateway.url}, process ${gateway.pid}, up ${duration(Date.now() - Date.parse(gateway.startedAt!))}`,
    )
}

/** The gateways on the same database, and what each of them holds. */
function printFleet(fleet: NonNullable<StatusReport['fleet']>): void {
  print(`Fleet: ${fleet.length === 1 ? 'one gateway' : `${fleet.length} gateways`}`)
  print(
    table(
      fleet.map(({ role, host, pid, version, since, holds }) => [
        `  ${host}:${pid}`,
        role,
        version,
        `up ${duration(Date.now() - Date.parse(since))}`,
        holds.flatMap(heldBy).join(', '),
      ]),
    ),
  )
}

/** `channel:telegram:1a2b3c4d` is who receives from Telegram; what else is held is the gateways' own affair. */
function heldBy(name: string): readonly string[] {
  const [kind, channel] = name.split(':')
  if (kind === 'channel' && channel !== undefined) return [channel]
  return name === 'leader' ? ['alerts'] : []
}

function headline({ gateway }: StatusReport): string {
  if (!gateway.running) return paint('red', '● No gateway runs on this home. Start it with "hermes gateway".')
  if (gateway.status === 'ready')
    return paint('green', `● Messages are answered.${gateway.sandbox ? ' (sandbox)' : ''}`)
  return paint(
    'red',
    `● Messages cannot be answered: ${gateway.status}${gateway.reason ? ` (${gateway.reason})` : ''}.`,
  )
}
