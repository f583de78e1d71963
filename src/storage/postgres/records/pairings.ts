import type { Pairings, PendingPairing } from '../../../conversation/access/pairing.ts'
import type { Queryable } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'

interface PairingRow {
  readonly channel: string
  readonly person_id: string
  readonly person_name: string | null
  readonly approved_at: number | null
  readonly code: string | null
  readonly created_at: number
  readonly expires_at: number
  readonly answered_at: number
}

/**
 * Columns by name: a statement prepared with `*` fails on its connection once a newer program adds a column.
 */
const COLUMNS = 'channel, person_id, person_name, approved_at, code, created_at, expires_at, answered_at'

/** Who has access to the gateway, and who has asked for it. */
export function postgresPairings(db: Queryable): Pairings {
  return {
    async isApproved(channel, personId) {
      const rows = await db.query(
        'SELECT 1 FROM hermes.pairings WHERE channel = $1 AND person_id = $2 AND approved_at IS NOT NULL',
        [clean(channel), clean(personId)],
      )
      return rows.length > 0
    },
    async approved() {
      const rows = await db.query<PairingRow>(
        `SELECT ${COLUMNS} FROM hermes.pairings WHERE approved_at IS NOT NULL ORDER BY approved_at`,
      )
      return rows.map((row) => ({
        channel: row.channel,
        personId: row.person_id,
        personName: row.person_name,
        at: row.approved_at!,
      }))
    },
    async pending(now) {
      const rows = await db.query<PairingRow>(
        `SELECT ${COLUMNS} FROM hermes.pairings WHERE approved_at IS NULL AND code IS NOT NULL AND expires_at > $1
           ORDER BY created_at`,
        [now],
      )
      return rows.map(pendingOf)
    },
    async request(channel, personId) {
      const [row] = await db.query<PairingRow>(
        `SELECT ${COLUMNS} FROM hermes.pairings
           WHERE channel = $1 AND person_id = $2 AND approved_at IS NULL AND code IS NOT NULL`,
        [clean(channel), clean(personId)],
      )
      return row ? pendingOf(row) : null
    },
    /** A person who was approved in between stays approved. */
    async save(pairing) {
      await db.query(
        `INSERT INTO hermes.pairings (channel, person_id, person_name, code, created_at, expires_at, answered_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (channel, person_id) DO UPDATE SET person_name = excluded.person_name, code = excluded.code,
             created_at = excluded.created_at, expires_at = excluded.expires_at, answered_at = excluded.answered_at`,
        [
          clean(pairing.channel),
          clean(pairing.personId),
          pairing.personName === null ? null : clean(pairing.personName),
          pairing.code,
          pairing.createdAt,
          pairing.expiresAt,
          pairing.answeredAt,
        ],
      )
    },
    /** A code is valid for one approval, however many processes get it at once. */
    async approve(channel, code, now) {
      const [row] = await db.query<PairingRow>(
        `UPDATE hermes.pairings SET approved_at = $3, code = NULL
           WHERE channel = $1 AND code = $2 AND approved_at IS NULL AND expires_at > $3 RETURNING ${COLUMNS}`,
        [clean(channel), clean(code), now],
      )
      return row ? { personId: row.person_id, personName: row.person_name } : null
    },
    async revoke(channel, personId) {
      const rows = await db.query(
        'DELETE FROM hermes.pairings WHERE channel = $1 AND person_id = $2 RETURNING 1',
        [clean(channel), clean(personId)],
      )
      return rows.length > 0
    },
    async guesses(channel, since) {
      const [row] = await db.query<{ n: number }>(
        'SELECT count(*) AS n FROM hermes.pairing_guesses WHERE channel = $1 AND at >= $2',
        [clean(channel), since],
      )
      return row!.n
    },
    async recordGuess(channel, now) {
      await db.query('INSERT INTO hermes.pairing_guesses (channel, at) VALUES ($1, $2)', [
        clean(channel),
        now,
      ])
    },
  }
}

function pendingOf(row: PairingRow): PendingPairing {
  return {
    channel: row.channel,
    personId: row.person_id,
    personName: row.person_name,
    code: row.code!,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    answeredAt: row.answered_at,
  }
}
