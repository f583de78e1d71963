import { outageCause } from '../alerts/outage-cause.ts'
import type { CredentialParts } from '../credentials/assemble.ts'
import { exitCodeOf } from '../credentials/keeper/status.ts'
import { statusReport } from '../http/api/status-report.ts'
import type { StatusReport } from '../http/wire-reports.ts'
import type { WaitingCounts } from '../inbox/inbox.ts'
import { VERSION } from '../support/package.ts'
import { withCredentials } from './auth/auth-parts.ts'
import { printStatus } from './auth/auth-status.ts'
import { GatewayApi } from './client/gateway-api.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { resolvePaths, withExistingStorage } from './context.ts'
import {
  duration,
  localTime,
  paint,
  plural,
  print,
  printJson,
  table,
  type PaintedCell,
} from './terminal/output.ts'

const NO_MESSAGES: WaitingCounts = { received: 0, answering: 0, held: 0, parked: 0, oldestAt: null }

/** Prints the state of everything, from the running gateway or else from stored data. */
export async function statusCommand(options: GlobalOptions & { readonly json: boolean }): Promise<ExitCode> {
  const paths = resolvePaths(options)
  const api = await GatewayApi.connect(paths.home, paths.gatewayToken)
  const report = api ? await api.call<StatusReport>('GET', '/api/status') : await storedReport(options)
  if (options.json) printJson(report)
  else printReport(report)
  if (!report.gateway.running) return EXIT.failed
  return exitCodeOf(report.credential.state)
}

function storedReport(options: GlobalOptions): Promise<StatusReport> {
  return withCredentials(options, (parts) => buildReport(options, parts))
}

async function buildReport(
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
    holding: null,
    credential: keeper.snapshot(),
    channels: [],
    counts: stored?.counts ?? NO_MESSAGES,
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
  const rows: Array<Array<string | PaintedCell>> = channels.map(({ channel, state, account, problem }) => [
    channel,
    problem ? { style: 'yellow' as const, text: `${state}: ${problem}` } : state,
    account ?? '',
  ])
  for (const { route, working, problem } of alerts) {
    rows.push([`alert ${route}`, problem ?? (working ? 'working' : 'not used yet'), ''])
  }
  if (rows.length > 0) print(table(rows))
  if (report.fleet) printFleet(report.fleet)
  const waiting = queue.received + queue.answering + queue.held
  const age = queue.oldestAt ? `, the oldest for ${duration(Date.now() - Date.parse(queue.oldestAt))}` : ''
  print(`Queue: ${waiting} waiting (${queue.held} held)${age}, ${queue.parked} parked`)
  if (queue.parked > 0) print('  hermes queue list --state parked')
  if (incident)
    print(
      paint(
        'red',
        `Incident: ${outageCause(incident.status, incident.reason, incident.credential)}, since ${localTime(incident.openedAt)}`,
      ),
    )
  for (const warning of warnings) print(paint('yellow', `! ${warning}`))
  if (gateway.url)
    print(
      `\n${gateway.url}, process ${gateway.pid}, up ${duration(Date.now() - Date.parse(gateway.startedAt!))}`,
    )
}

/** Prints the gateways that share the database, and the role of each. */
function printFleet(fleet: NonNullable<StatusReport['fleet']>): void {
  print(`Fleet: ${plural(fleet.length, 'gateway')}`)
  print(
    table(
      fleet.map(({ role, host, pid, version, since, holds }) => [
        `  ${host}:${pid}`,
        role,
        version,
        `up ${duration(Date.now() - Date.parse(since))}`,
        holds.flatMap(leaseName).join(', '),
      ]),
    ),
  )
}

/** `channel:telegram:1a2b3c4d` connects to Telegram, the leader sends alerts; other leases are internal. */
function leaseName(name: string): readonly string[] {
  const [kind, channel] = name.split(':')
  if (kind === 'channel' && channel !== undefined) return [channel]
  return name === 'leader' ? ['alerts'] : []
}

function headline({ gateway, credential, holding }: StatusReport): string {
  if (!gateway.running) return paint('red', '● No gateway is running. Start it with "hermes gateway".')
  if (holding === null) return paint('green', `● Answering messages.${gateway.sandbox ? ' (sandbox)' : ''}`)
  const { status, reason, nextTryAt, waiting } = holding
  const parts = [
    `Not answering: ${outageCause(status, reason, credential)}`,
    ...(waiting > 0 ? [`${plural(waiting, 'message')} ${waiting === 1 ? 'waits' : 'wait'}`] : []),
    ...(nextTryAt === null ? [] : [nextTry(Date.parse(nextTryAt) - Date.now())]),
  ]
  // Not yet an outage to a health check: it may be over in seconds.
  return paint(gateway.status === 'ready' ? 'yellow' : 'red', `● ${parts.join('; ')}.`)
}

function nextTry(ms: number): string {
  return ms > 0 ? `next try in ${duration(ms)}` : 'trying again now'
}
