import type { Incident, IncidentStore } from '../../../alerts/incident.ts'
import type { Figures } from '../../../inbox/figures/figures.ts'
import type { Facts } from '../../../inbox/inbox.ts'
import { MINUTE } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'
import { clean, json } from '../connection/statements.ts'

/** Small things that must survive, by their key. */
export function postgresFacts(db: Queryable): Facts {
  return {
    async get(key) {
      const [row] = await db.query<{ value: string }>('SELECT value FROM hermes.facts WHERE key = $1', [
        clean(key),
      ])
      return row?.value ?? null
    },
    async set(key, value) {
      await db.query(
        `INSERT INTO hermes.facts (key, value) VALUES ($1, $2)
           ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
        [clean(key), clean(value)],
      )
    },
    async delete(key) {
      await db.query('DELETE FROM hermes.facts WHERE key = $1', [clean(key)])
    },
  }
}

/** Figures by the minute; those of several processes add up. */
export function postgresFigures(db: Queryable): Figures {
  return {
    async add(name, at, value) {
      await db.query(
        `INSERT INTO hermes.figures AS f (name, minute, value) VALUES ($1, $2, $3)
           ON CONFLICT (name, minute) DO UPDATE SET value = f.value + excluded.value`,
        [name, Math.floor(at / MINUTE), value],
      )
    },
    async read(name, from, to) {
      const rows = await db.query<{ minute: number; value: number }>(
        'SELECT minute, value FROM hermes.figures WHERE name = $1 AND minute >= $2 AND minute < $3 ORDER BY minute',
        [name, Math.floor(from / MINUTE), Math.ceil(to / MINUTE)],
      )
      return rows.map(({ minute, value }) => ({ at: minute * MINUTE, value }))
    },
    async sums(query) {
      const step = Math.round(query.stepMs / MINUTE)
      const rows = await db.query<{ name: string; step: number; total: number; most: number }>(
        `SELECT name, minute / $1::bigint AS step, sum(value) AS total, max(value) AS most FROM hermes.figures
           WHERE name = ANY ($2::text[]) AND minute >= $3 AND minute < $4 GROUP BY 1, 2 ORDER BY 1, 2`,
        [step, query.names, Math.floor(query.from / MINUTE), Math.ceil(query.to / MINUTE)],
      )
      return rows.map((row) => ({
        name: row.name,
        at: row.step * step * MINUTE,
        sum: row.total,
        max: row.most,
      }))
    },
  }
}

/** Incidents as whole records. */
export function postgresIncidents(db: Queryable): IncidentStore {
  return {
    async save(incident) {
      await db.query(
        `INSERT INTO hermes.incidents (id, opened_at, closed_at, json) VALUES ($1, $2, $3, $4)
           ON CONFLICT (id) DO UPDATE SET closed_at = excluded.closed_at, json = excluded.json`,
        [incident.id, incident.openedAt, incident.closedAt, json(incident)],
      )
    },
    async current() {
      const [row] = await db.query<{ json: string }>(
        'SELECT json FROM hermes.incidents WHERE closed_at IS NULL ORDER BY opened_at DESC LIMIT 1',
      )
      return row ? (JSON.parse(row.json) as Incident) : null
    },
    async list(limit) {
      const rows = await db.query<{ json: string }>(
        'SELECT json FROM hermes.incidents ORDER BY opened_at DESC, id DESC LIMIT $1',
        [limit],
      )
      return rows.map((row) => JSON.parse(row.json) as Incident)
    },
  }
}
