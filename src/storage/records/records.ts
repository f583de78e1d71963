import type { Incident } from '../../alerts/incident.ts'
import type { FigureQuery, FigureSum } from '../../inbox/figures/figures.ts'
import { MINUTE } from '../../support/clock.ts'
import { query, type Steps } from './steps.ts'

/** Small things that must survive, by their key. See `Facts`. */
export const facts = {
  *get(key: string): Steps<string | null> {
    const [row] = yield* query<{ value: string }>('SELECT value FROM hermes.facts WHERE key = $1', [key])
    return row?.value ?? null
  },
  *set(key: string, value: string): Steps<void> {
    yield* query(
      'INSERT INTO hermes.facts (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
      [key, value],
    )
  },
  *delete(key: string): Steps<void> {
    yield* query('DELETE FROM hermes.facts WHERE key = $1', [key])
  },
}

/** Figures by the minute; those of several processes add up. See `Figures`. */
export const figures = {
  *add(name: string, at: number, value: number): Steps<void> {
    yield* query(
      `INSERT INTO hermes.figures AS f (name, minute, value) VALUES ($1, $2, $3)
         ON CONFLICT (name, minute) DO UPDATE SET value = f.value + excluded.value`,
      [name, Math.floor(at / MINUTE), value],
    )
  },
  *read(name: string, from: number, to: number) {
    const rows = yield* query<{ minute: number; value: number }>(
      'SELECT minute, value FROM hermes.figures WHERE name = $1 AND minute >= $2 AND minute < $3 ORDER BY minute',
      [name, Math.floor(from / MINUTE), Math.ceil(to / MINUTE)],
    )
    return rows.map(({ minute, value }) => ({ at: minute * MINUTE, value }))
  },
  *sums({ names, from, to, stepMs }: FigureQuery): Steps<readonly FigureSum[]> {
    const step = Math.round(stepMs / MINUTE)
    const rows = yield* query<{ name: string; step: number; total: number; most: number }>(
      `SELECT name, minute / CAST($1 AS bigint) AS step, sum(value) AS total, max(value) AS most FROM hermes.figures
         WHERE name = ANY ($2::text[]) AND minute >= $3 AND minute < $4 GROUP BY 1, 2 ORDER BY 1, 2`,
      [step, names, Math.floor(from / MINUTE), Math.ceil(to / MINUTE)],
    )
    return rows.map((row) => ({
      name: row.name,
      at: row.step * step * MINUTE,
      sum: row.total,
      max: row.most,
    }))
  },
}

/** Incidents as whole records. See `IncidentStore`. */
export const incidents = {
  *save(incident: Incident): Steps<void> {
    yield* query(
      `INSERT INTO hermes.incidents (id, opened_at, closed_at, json) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET closed_at = excluded.closed_at, json = excluded.json`,
      [incident.id, incident.openedAt, incident.closedAt, JSON.stringify(incident)],
    )
  },
  *current(): Steps<Incident | null> {
    const [row] = yield* query<{ json: string }>(
      'SELECT json FROM hermes.incidents WHERE closed_at IS NULL ORDER BY opened_at DESC LIMIT 1',
    )
    return row ? (JSON.parse(row.json) as Incident) : null
  },
  *list(limit: number): Steps<readonly Incident[]> {
    const rows = yield* query<{ json: string }>(
      'SELECT json FROM hermes.incidents ORDER BY opened_at DESC, id DESC LIMIT $1',
      [limit],
    )
    return rows.map((row) => JSON.parse(row.json) as Incident)
  },
}
