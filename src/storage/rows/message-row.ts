import type { AttachmentInfo, MessageRole, MessageState, StoredMessage } from '../../inbox/message.ts'

/** The states that wait for an answer, written as the partial index has them, so that it is used. */
export const WAITING = `state IN ('received', 'answering', 'held')`

/** The columns of `messages` that are alike in every database; each adds those with its own types. */
export interface MessageFields {
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
  readonly at: number
  readonly answered_by: string | null
  readonly revision: number
  readonly group_id: string | null
  readonly failures: number
  readonly leases: number
  readonly not_before: number
  readonly draft: string | null
}

export function asStoredMessage(
  row: MessageFields,
  conversationId: string,
  attachments: readonly AttachmentInfo[],
): StoredMessage {
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
    attachments,
    at: row.at,
    answeredBy: row.answered_by,
    revision: row.revision,
  }
}
