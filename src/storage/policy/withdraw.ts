import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { endJournal } from './journal.ts'
import { endLease } from './lease.ts'

/** A conversation of which messages are withdrawn, and what is counted of them. */
export interface Withdrawing {
  readonly state: { readonly row: ConversationRow; waiting: readonly MessageRow[]; count: number }
  readonly figures: { total: number }
  readonly changes: Changes
}

/** Those of the waiting messages that nothing has happened to in the same delivery, oldest first. */
export function stillWaiting({ waiting }: Withdrawing['state']): readonly MessageRow[] {
  return waiting.filter(({ state }) => state === 'received' || state === 'held' || state === 'answering')
}

/**
 * Messages that wait or are being answered are withdrawn. With one that is being answered, or with all of them, the
 * running turn loses its lease.
 *
 * @returns how many had been waiting, and whether a turn is to be stopped
 */
export function withdraw(
  rows: readonly MessageRow[],
  reason: string | null,
  { state, figures, changes }: Withdrawing,
): { readonly withdrawn: number; readonly stopped: boolean } {
  const conversation = state.row
  const rest = stillWaiting(state).filter((row) => !rows.includes(row))
  const ends = rest.length === 0 || rows.some((row) => row.state === 'answering')
  const stopped = ends && conversation.lease_turn !== null
  const withdrawn = rows.filter((row) => row.state !== 'answering').length
  for (const row of rows) changes.change(row, { state: 'withdrawn', reason })
  endJournal(rows, changes)
  if (stopped) {
    conversation.stopped_turn = conversation.lease_turn
    endLease(conversation, [], 'withdrawn', changes)
  }
  state.waiting = rest
  state.count -= withdrawn
  figures.total -= withdrawn
  changes.queueChanged = true
  return { withdrawn, stopped }
}
