import type { PendingPairing } from '../../../conversation/access/pairing.ts'
import type { Row, Session } from '../thread/session.ts'

/** See `Pairings.isApproved`. */
export function isApproved(session: Session, channel: string, personId: string): boolean {
  const row = session.get(
    'SELECT 1 FROM pairings WHERE channel = ? AND person_id = ? AND approved_at IS NOT NULL',
    channel,
    personId,
  )
  return row !== undefined
}

/** See `Pairings.approved`. */
export function approved(session: Session): ReadonlyArray<{
  readonly channel: string
  readonly personId: string
  readonly personName: string | null
  readonly at: number
}> {
  return session
    .all('SELECT * FROM pairings WHERE approved_at IS NOT NULL ORDER BY approved_at')
    .map((row) => ({
      channel: String(row['channel']),
      personId: String(row['person_id']),
      personName: personNameOf(row),
      at: Number(row['approved_at']),
    }))
}

/** See `Pairings.pending`. */
export function pending(session: Session, now: number): readonly PendingPairing[] {
  return session
    .all(
      'SELECT * FROM pairings WHERE approved_at IS NULL AND code IS NOT NULL AND expires_at > ? ORDER BY created_at',
      now,
    )
    .map(pendingOf)
}

/** See `Pairings.request`. */
export function request(session: Session, channel: string, personId: string): PendingPairing | null {
  const row = session.get(
    `SELECT * FROM pairings WHERE channel = ? AND person_id = ? AND approved_at IS NULL AND code IS NOT NULL`,
    channel,
    personId,
  )
  return row ? pendingOf(row) : null
}

/** See `Pairings.save`. A person who was approved in between stays approved. */
export function save(session: Session, pairing: PendingPairing): void {
  session.run(
    `INSERT INTO pairings (channel, person_id, person_name, code, created_at, expires_at, answered_at)
       VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET person_name = excluded.person_name, code = excluded.code,
         created_at = excluded.created_at, expires_at = excluded.expires_at, answered_at = excluded.answered_at`,
    pairing.channel,
    pairing.personId,
    pairing.personName,
    pairing.code,
    pairing.createdAt,
    pairing.expiresAt,
    pairing.answeredAt,
  )
}

/** See `Pairings.approve`. A code is good for one approval. */
export function approve(
  session: Session,
  channel: string,
  code: string,
  now: number,
): { readonly personId: string; readonly personName: string | null } | null {
  const row = session.get(
    `SELECT * FROM pairings WHERE channel = ? AND code = ? AND approved_at IS NULL AND expires_at > ?`,
    channel,
    code,
    now,
  )
  if (!row) return null
  session.run(
    'UPDATE pairings SET approved_at = ?, code = NULL WHERE channel = ? AND person_id = ?',
    now,
    channel,
    row['person_id']!,
  )
  return { personId: String(row['person_id']), personName: personNameOf(row) }
}

/** See `Pairings.revoke`. */
export function revoke(session: Session, channel: string, personId: string): boolean {
  return session.run('DELETE FROM pairings WHERE channel = ? AND person_id = ?', channel, personId) > 0
}

/** See `Pairings.guesses`. */
export function guesses(session: Session, channel: string, since: number): number {
  const row = session.get(
    'SELECT count(*) AS n FROM pairing_guesses WHERE channel = ? AND at >= ?',
    channel,
    since,
  )
  return Number(row?.['n'])
}

/** See `Pairings.recordGuess`. */
export function recordGuess(session: Session, channel: string, now: number): void {
  session.run('INSERT INTO pairing_guesses (channel, at) VALUES (?, ?)', channel, now)
}

function pendingOf(row: Row): PendingPairing {
  return {
    channel: String(row['channel']),
    personId: String(row['person_id']),
    personName: personNameOf(row),
    code: String(row['code']),
    createdAt: Number(row['created_at']),
    expiresAt: Number(row['expires_at']),
    answeredAt: Number(row['answered_at']),
  }
}

function personNameOf(row: Row): string | null {
  const name = row['person_name']
  return name === null || name === undefined ? null : String(name)
}
