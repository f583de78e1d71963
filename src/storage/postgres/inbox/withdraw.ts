import type { MessageState } from '../../../inbox/message.ts'
import { waitingRows, type ConversationRow } from '../rows.ts'
import type { Work } from './work.ts'

/**
 * Revokes the lease of a conversation, whichever process holds it: the messages being answered become
 * `state`, and a late result finds its turn gone.
 */
export async function endLease(
  work: Work,
  conversation: ConversationRow,
  state: MessageState,
): Promise<void> {
  if (conversation.lease_turn === null) return
  await work.flush()
  for (const row of await waitingRows(work.tx, conversation.key)) {
    if (row.state === 'answering') work.change(row, { state, reason: null })
  }
  revokeLease(work, conversation)
  if (state === 'received') work.wake(conversation)
}

/** Revokes only the lease; the caller decides the state of the messages. */
export function revokeLease(work: Work, conversation: ConversationRow): void {
  conversation.lease_turn = conversation.lease_owner = conversation.lease_at = null
  conversation.generation++
  work.context.waitingTotal.forget()
  work.save(conversation)
}

/**
 * What a command does to a conversation's queue: everything that waits is withdrawn, and the running turn
 * loses its lease.
 *
 * @returns how many messages had been waiting
 */
export async function withdrawAll(work: Work, conversation: ConversationRow): Promise<number> {
  await work.flush()
  const rows = await waitingRows(work.tx, conversation.key)
  for (const row of rows) work.change(row, { state: 'withdrawn', reason: null })
  if (conversation.lease_turn !== null) {
    conversation.stopped_turn = conversation.lease_turn
    revokeLease(work, conversation)
  }
  work.context.waitingTotal.forget()
  return rows.filter((row) => row.state !== 'answering').length
}
