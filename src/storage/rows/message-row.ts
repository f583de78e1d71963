import type { AttachmentInfo, MessageRole, MessageState, StoredMessage } from '../../inbox/message.ts'

/** The states that wait for an answer, written as the partial index has them, so that it is used. */
export const WAITING = `state IN ('received', 'answering', 'held')`

/** The key of a row that its database has not numbered yet: both count from 1. */
export const NOT_YET_STORED = 0

/** A row of `messages`, except the columns that only statements use. Changed in memory by `Changes` alone. */
export interface MessageRow {
  readonly key: number
  readonly id: string
  readonly seq: number
  readonly role: MessageRole
  readonly state: MessageState
  readonly text: string
  readonly preface: string | null
  readonly reason: string | null
  readonly platform_id: string | null
  readonly person_id: string | null
  readonly person_name: string | null
  /** SQLite has no booleans: 0 or 1. */
  readonly addressed: boolean | number
  /** JSON, or as the driver has parsed it; null = none. */
  readonly attachments: string | readonly AttachmentInfo[] | null
  readonly at: number
  readonly answered_by: string | null
  readonly revision: number
  readonly history_seq: number | null
  readonly group_id: string | null
  readonly solo: boolean | number
  readonly failures: number
  readonly leases: number
  readonly not_before: number
  readonly held_base: number | null
  readonly draft: string | null
}

/** The columns of a `MessageRow`, in every database: each costs a microsecond to hand over, so no others are read. */
export const MESSAGE_COLUMNS = `key, id, seq, role, state, text, preface, reason, platform_id, person_id, person_name,
  addressed, attachments, at, answered_by, revision, history_seq, group_id, solo, failures, leases, not_before,
  held_base, draft`

export function storedMessage(row: MessageRow, conversationId: string): StoredMessage {
  return {
    id: row.id,
    conversationId,
    seq: row.seq,
    role: row.role,
    text: row.text,
    preface: row.preface,
    state: row.state,
    reason: row.reason,
    platformMessageId: row.platform_id,
    personId: row.person_id,
    personName: row.person_name,
    attachments: attachmentsOf(row),
    at: row.at,
    answeredBy: row.answered_by,
    revision: row.revision,
  }
}

function attachmentsOf({ attachments }: MessageRow): readonly AttachmentInfo[] {
  if (typeof attachments === 'string') return JSON.parse(attachments) as readonly AttachmentInfo[]
  return attachments ?? []
}
