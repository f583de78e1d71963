import type { Incident } from '../alerts/incident.ts'
import { incidentItem } from '../http/api/status-report.ts'
import type { IncidentItem } from '../http/wire-reports.ts'
import type { List } from '../http/wire.ts'
import { EXIT, type ExitCode, type GlobalOptions } from './command.ts'
import { withStorage } from './context.ts'
import { duration, paint, print, printJson, table } from './terminal/output.ts'

/** As many as anybody scrolls through. */
const LIST_LIMIT = 100

/** The outages of this home, the newest first; beside a running gateway or without one. */
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
    print('No outage so far.')
    return EXIT.ok
  }
  const now = Date.now()
  print(
    table([
      ['BEGAN', 'LASTED', 'WHAT', 'WAITED', 'ANSWERED', 'OPERATOR'],
      ...items.map((incident) => row(incident, now)),
    ]),
  )
  const [newest] = items
  if (newest && newest.closedAt === null) {
    print(`\n${paint('yellow', 'The first one goes on.')} What to do: hermes status`)
  }
  return EXIT.ok
}

function row(incident: Incident, now: number): string[] {
  const { openedAt, closedAt, status, reason, counts, alerted, alertRounds } = incident
  return [
    new Date(openedAt).toISOString().slice(0, 16).replace('T', ' '),
    `${duration((closedAt ?? now) - openedAt)}${closedAt === null ? ' so far' : ''}`,
    reason === null ? status : `${status} (${reason})`,
    String(counts.held),
    String(counts.answered),
    alerted ? (alertRounds > 1 ? `told ${alertRounds}×` : 'told') : 'not told',
  ]
}
