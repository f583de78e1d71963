import type { Incident } from '../alerts/incident.ts'
import { outageCause } from '../alerts/outage-cause.ts'
import { incidentItem } from '../http/api/status-report.ts'
import type { IncidentItem } from '../http/wire-reports.ts'
import type { List } from '../http/wire.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { withStorage } from './context.ts'
import { duration, localTime, paint, print, printJson, table } from './terminal/output.ts'

/** More than anybody reads. */
const LIST_LIMIT = 100

/** Lists the outages of this home, newest first, whether a gateway is running or not. */
export async function incidentsCommand(
  options: GlobalOptions & { readonly json: boolean },
): Promise<ExitCode> {
  const items = await withStorage(options, ({ incidents }) => incidents.list(LIST_LIMIT))
  if (options.json) {
    printJson({ items: (items ?? []).map(incidentItem) } satisfies List<IncidentItem>)
    return EXIT.ok
  }
  if (!items) return EXIT.failed
  if (items.length === 0) {
    print('No outages so far.')
    return EXIT.ok
  }
  const now = Date.now()
  print(
    table([
      ['STARTED', 'DURATION', 'CAUSE', 'HELD', 'ANSWERED', 'ALERTS'],
      ...items.map((incident) => row(incident, now)),
    ]),
  )
  const [newest] = items
  if (newest && newest.closedAt === null) {
    print(`\n${paint('yellow', 'The first outage is still open.')} See "hermes status".`)
  }
  return EXIT.ok
}

function row(incident: Incident, now: number): string[] {
  const { openedAt, closedAt, status, reason, credential, counts, alerted, alertRounds } = incident
  return [
    localTime(openedAt),
    `${duration((closedAt ?? now) - openedAt)}${closedAt === null ? ', ongoing' : ''}`,
    outageCause(status, reason, credential),
    String(counts.held),
    String(counts.answered),
    alerted ? String(Math.max(1, alertRounds)) : 'none',
  ]
}
