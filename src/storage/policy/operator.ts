import { DROPPED } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { endLease } from './lease.ts'

/**
 * What an operator wants of a message.
 *
 * @param answering the messages that are being answered; needed only where `row` is
 * @returns false where it is in no state for that
 */
export type OperatorDecision = (
  conversation: ConversationRow,
  row: MessageRow,
  answering: ReadonlyArray<Pick<MessageRow, 'key' | 'state'>>,
  changes: Changes,
) => boolean

/** A parked or held message may be tried again now. */
export const decideRetry: OperatorDecision = (conversation, row, _, changes) => {
  const mayBeTried =
    row.state === 'parked' || row.state === 'held' || (row.state === 'received' && row.not_before > 0)
  if (!mayBeTried) return false
  const fresh = { failures: 0, leases: 0, not_before: 0, answered_by: null }
  changes.change(row, { state: 'received', reason: null, ...fresh })
  changes.wake(conversation)
  changes.queueChanged = true
  return true
}

/** A message is withdrawn. One that is being answered loses its turn; the others of the turn wait again. */
export const decideDrop: OperatorDecision = (conversation, row, answering, changes) => {
  if (!['received', 'held', 'parked', 'answering'].includes(row.state)) return false
  if (row.state === 'answering') endLease(conversation, answering, 'received', changes)
  // The next message may be tried now.
  else changes.wake(conversation)
  changes.change(row, { state: 'withdrawn', reason: DROPPED })
  changes.queueChanged = true
  return true
}
