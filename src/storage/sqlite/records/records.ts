import type { Incident } from '../../../alerts/incident.ts'
import type { FigureQuery, FigureSum } from '../../../inbox/figures/figures.ts'
import { MINUTE } from '../../../support/clock.ts'
import type { Session } from '../thread/session.ts'

/** See `Facts.get`. */
export function factGet(session: Session, key: string): string | null {
  const row = session.get('SELECT value FROM facts WHERE key = ?', key)
  return row ? String(row['value']) : null
}

/** See `Facts.set`. */
export function factSet(session: Session, key: string, value: string): void {
  session.run(
    'INSERT INTO facts (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    key,
    value,
  )
}

/** See `Facts.delete`. */
export function factDelete(session: Session, key: string): void {
  session.run('DELETE FROM facts WHERE key = ?', key)
}

/** See `Figures.add`. */
export function figureAdd(session: Session, name: string, at: number, value: number): void {
  session.run(
    `INSERT INTO figures (name, minute, value) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET value = value + excluded.value`,
    name,
    Math.floor(at / MINUTE),
    value,
  )
}

/** See `Figures.read`. */
export function figureRead(
  session: Session,
  name: string,
  from: number,
  to: number,
): ReadonlyArray<{ readonly at: number; readonly value: number }> {
  return session
    .all(
      'SELECT minute, value FROM figures WHERE name = ? AND minute >= ? AND minute < ? ORDER BY minute',
      name,
      Math.floor(from / MINUTE),
      Math.ceil(to / MINUTE),
    )
    .map((row) => ({ at: Number(row['minute']) * MINUTE, value: Number(row['value']) }))
}

/** See `Figures.sums`. */
export function figureSums(session: Session, query: FigureQuery): readonly FigureSum[] {
  const step = Math.round(query.stepMs / MINUTE)
  return session
    .all(
      `SELECT name, minute / CAST(? AS INTEGER) AS step, sum(value) AS total, max(value) AS most FROM figures
         WHERE name IN (SELECT value FROM json_each(?)) AND minute >= ? AND minute < ?
         GROUP BY name, step ORDER BY name, step`,
      step,
      JSON.stringify(query.names),
      Math.floor(query.from / MINUTE),
      Math.ceil(query.to / MINUTE),
    )
    .map((row) => ({
      name: String(row['name']),
      at: Number(row['step']) * step * MINUTE,
      sum: Number(row['total']),
      max: Number(row['most']),
    }))
}

/** See `IncidentStore.save`. */
export function incidentSave(session: Session, incident: Incident): void {
  session.run(
    `INSERT INTO incidents (id, opened_at, closed_at, json) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET closed_at = excluded.closed_at, json = excluded.json`,
    incident.id,
    incident.openedAt,
    incident.closedAt,
    JSON.stringify(incident),
  )
}

/** See `IncidentStore.current`. */
export function incidentCurrent(session: Session): Incident | null {
  const row = session.get(
    'SELECT json FROM incidents WHERE closed_at IS NULL ORDER BY opened_at DESC LIMIT 1',
  )
  return row ? (JSON.parse(String(row['json'])) as Incident) : null
}

/** See `IncidentStore.list`. */
export function incidentList(session: Session, limit: number): readonly Incident[] {
  return session
    .all('SELECT json FROM incidents ORDER BY opened_at DESC, id DESC LIMIT ?', limit)
    .map((row) => JSON.parse(String(row['json'])) as Incident)
}
