import type { MessageRow } from './message-row.ts'

/** The part of a pairing that belongs to the person. */
export interface PairingRow {
  readonly person_name: string | null
  readonly approved_at: number | null
  readonly created_at: number
}

/** A pairing as it is exported for its person; null = there is none. */
export function exportedPairing(row: PairingRow | undefined) {
  if (!row) return null
  return {
    name: row.person_name,
    approvedAt: row.approved_at === null ? null : isoTime(row.approved_at),
    createdAt: isoTime(row.created_at),
  }
}

/** A message as it is exported, without its attachments and context. */
export function exportedMessage(row: MessageRow) {
  return {
    id: row.id,
    role: row.role,
    at: isoTime(row.at),
    state: row.state,
    name: row.person_name,
    text: row.text,
  }
}

function isoTime(at: number): string {
  return new Date(at).toISOString()
}
