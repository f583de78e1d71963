import type { MessageState } from '../../../inbox/message.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import { WAITING } from '../../rows/message-row.ts'
import { asMessages, MESSAGE_COLUMNS, type MessageRow } from '../rows.ts'
import type { Session } from '../thread/session.ts'

/** The rows of a conversation that are being answered, oldest first. */
export function answeringRows(session: Session, conversation: ConversationRow): readonly MessageRow[] {
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ? AND ${WAITING} AND state = 'answering' ORDER BY seq`,
      conversation.key,
    ),
  )
}

/** Gives a message another state. */
export function setState(session: Session, key: number, state: MessageState, reason: string | null): void {
  session.run(
    'UPDATE messages SET state = ?, reason = ?, revision = ? WHERE key = ?',
    state,
    reason,
    session.nextRevision(),
    key,
  )
}

/**
 * Revokes the lease of a conversation, whichever process holds it: the messages being answered become
 * `state`, and a late result finds its turn gone. The caller saves the conversation.
 */
export function endLease(session: Session, conversation: ConversationRow, state: MessageState): number {
  if (conversation.lease_turn === null) return 0
  const rows = answeringRows(session, conversation)
  for (const row of rows) setState(session, row.key, state, null)
  conversation.lease_turn = conversation.lease_owner = conversation.lease_at = null
  conversation.generation++
  session.waitingTotal = null
  return rows.length
}

/**
 * What a command does to a conversation's queue: everything that waits is withdrawn, and the running turn
 * loses its lease. The caller saves the conversation.
 *
 * @returns how many messages had been waiting
 */
export function withdrawAll(session: Session, conversation: ConversationRow): number {
  const stopped = conversation.lease_turn
  endLease(session, conversation, 'withdrawn')
  if (stopped !== null) conversation.stopped_turn = stopped
  const rows = session.all(
    `SELECT key FROM messages WHERE conversation = ? AND ${WAITING} ORDER BY seq`,
    conversation.key,
  )
  for (const row of rows) setState(session, Number(row['key']), 'withdrawn', null)
  session.waitingTotal = null
  return rows.length
}
