import { DROPPED } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { endJournal } from './journal.ts'
import { endLease } from './lease.ts'

/**
 * What an operator wants of a message. Where steps of its turn are stored, it concerns all messages of that.
 *
 * @param related the messages of the turn where steps are stored; otherwise at least those that are being answered,
 * where `row` is, or those that wait with it
 * @returns false where it is in no state for that
 */
export type OperatorDecision = (
  conversation: ConversationRow,
  row: MessageRow,
  related: ReadonlyArray<Pick<MessageRow, 'key' | 'state' | 'frozen' | 'group_id'>>,
  changes: Changes,
) => boolean

/** A parked or held message may be tried again now; one that waits for its next attempt, with those of its turn. */
export const decideRetry: OperatorDecision = (conversation, row, related, changes) => {
  const mayBeTried =
    row.state === 'parked' || row.state === 'held' || (row.state === 'received' && row.not_before > 0)
  if (!mayBeTried) return false
  const fresh = { failures: 0, leases: 0, not_before: 0, answered_by: null }
  const others = related.filter(
    ({ key, state, group_id }) =>
      key !== row.key && state === 'received' && group_id !== null && group_id === row.group_id,
  )
  for (const one of row.frozen ? related : [row, ...others]) {
    changes.change(one, { state: 'received', reason: null, ...fresh })
  }
  changes.wake(conversation)
  changes.queueChanged = true
  return true
}

/**
 * A message is withdrawn. One that is being answered loses its turn; the others of the turn wait again, unless steps
 * of it are stored: answered again, they would have its tools run twice.
 */
export const decideDrop: OperatorDecision = (conversation, row, related, changes) => {
  if (!['received', 'held', 'parked', 'answering'].includes(row.state)) return false
  if (row.state === 'answering') endLease(conversation, related, 'received', changes)
  // The next message may be tried now.
  else changes.wake(conversation)
  const turn = row.frozen ? related : [row]
  for (const one of turn) changes.change(one, { state: 'withdrawn', reason: DROPPED })
  endJournal(turn, changes)
  changes.queueChanged = true
  return true
}
