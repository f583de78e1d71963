import { DROPPED } from '../../inbox/message.ts'
import type { ConversationRow } from '../rows/conversation-row.ts'
import type { MessageRow } from '../rows/message-row.ts'
import type { Changes } from './changes.ts'
import { endLease } from './lease.ts'

/** A parked or held message may be tried again now. @returns false where it is in no such state */
export function decideRetry(conversation: ConversationRow, row: MessageRow, changes: Changes): boolean {
  const mayBeTried =
    row.state === 'parked' || row.state === 'held' || (row.state === 'received' && row.not_before > 0)
  if (!mayBeTried) return false
  const fresh = { failures: 0, leases: 0, not_before: 0, answered_by: null }
  changes.change(row, { state: 'received', reason: null, ...fresh })
  changes.wake(conversation)
  changes.queueChanged = true
  return true
}

/**
 * The operator withdraws a message. One that is being answered loses its turn; the others of the turn wait again.
 *
 * @param answering the messages that are being answered; needed only where `row` is
 * @returns false where it does not wait
 */
export function decideDrop(
  conversation: ConversationRow,
  row: MessageRow,
  answering: ReadonlyArray<Pick<MessageRow, 'key' | 'state'>>,
  changes: Changes,
): boolean {
  if (!['received', 'held', 'parked', 'answering'].includes(row.state)) return false
  if (row.state === 'answering') endLease(conversation, answering, 'received', changes)
  // The next message may be tried now.
  else changes.wake(conversation)
  changes.change(row, { state: 'withdrawn', reason: DROPPED })
  changes.queueChanged = true
  return true
}
