import type { PendingPairing } from '../../conversation/access/pairing.ts'
import { query, type Steps } from './steps.ts'

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

/** See `Pairings.isApproved`. */
export function* isApproved(channel: string, personId: string): Steps<boolean> {
  const rows = yield* query(
    'SELECT 1 FROM hermes.pairings WHERE channel = $1 AND person_id = $2 AND approved_at IS NOT NULL',
    [channel, personId],
  )
  return rows.length > 0
}

/** See `Pairings.approved`. */
export function* approved() {
  const rows = yield* query<PairingRow>(
    `SELECT ${COLUMNS} FROM hermes.pairings WHERE approved_at IS NOT NULL ORDER BY approved_at`,
  )
  return rows.map((row) => ({
    channel: row.channel,
    personId: row.person_id,
    personName: row.person_name,
    at: row.approved_at!,
  }))
}

/** See `Pairings.pending`. */
export function* pending(now: number): Steps<readonly PendingPairing[]> {
  const rows = yield* query<PairingRow>(
    `SELECT ${COLUMNS} FROM hermes.pairings WHERE approved_at IS NULL AND code IS NOT NULL AND expires_at > $1
       ORDER BY created_at`,
    [now],
  )
  return rows.map(pendingOf)
}

/** See `Pairings.request`. */
export function* request(channel: string, personId: string): Steps<PendingPairing | null> {
  const [row] = yield* query<PairingRow>(
    `SELECT ${COLUMNS} FROM hermes.pairings
       WHERE channel = $1 AND person_id = $2 AND approved_at IS NULL AND code IS NOT NULL`,
    [channel, personId],
  )
  return row ? pendingOf(row) : null
}

/**
 * See `Pairings.save`. A person who was approved in between stays approved. What others asked for and did not
 * get goes when it has expired: its number is the strangers'.
 */
export function* save(pairing: PendingPairing): Steps<void> {
  yield* query(
    'DELETE FROM hermes.pairings WHERE channel = $1 AND approved_at IS NULL AND expires_at <= $2',
    [pairing.channel, pairing.answeredAt],
  )
  yield* query(
    `INSERT INTO hermes.pairings (channel, person_id, person_name, code, created_at, expires_at, answered_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (channel, person_id) DO UPDATE SET person_name = excluded.person_name, code = excluded.code,
         created_at = excluded.created_at, expires_at = excluded.expires_at, answered_at = excluded.answered_at`,
    [
      pairing.channel,
      pairing.personId,
      pairing.personName,
      pairing.code,
      pairing.createdAt,
      pairing.expiresAt,
      pairing.answeredAt,
    ],
  )
}

/** See `Pairings.approve`. A code is valid for one approval, however many processes get it at once. */
export function* approve(channel: string, code: string, now: number) {
  const [row] = yield* query<PairingRow>(
    `UPDATE hermes.pairings SET approved_at = $3, code = NULL
       WHERE channel = $1 AND code = $2 AND approved_at IS NULL AND expires_at > $3 RETURNING ${COLUMNS}`,
    [channel, code, now],
  )
  return row ? { personId: row.person_id, personName: row.person_name } : null
}

/** See `Pairings.revoke`. */
export function* revoke(channel: string, personId: string): Steps<boolean> {
  const rows = yield* query('DELETE FROM hermes.pairings WHERE channel = $1 AND person_id = $2 RETURNING 1', [
    channel,
    personId,
  ])
  return rows.length > 0
}

/** See `Pairings.guesses`. */
export function* guesses(channel: string, since: number): Steps<number> {
  const [row] = yield* query<{ n: number }>(
    'SELECT count(*) AS n FROM hermes.pairing_guesses WHERE channel = $1 AND at >= $2',
    [channel, since],
  )
  return row!.n
}

/** See `Pairings.recordGuess`. */
export function* recordGuess(channel: string, now: number): Steps<void> {
  yield* query('INSERT INTO hermes.pairing_guesses (channel, at) VALUES ($1, $2)', [channel, now])
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
