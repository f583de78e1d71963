import type { Outage } from '../../inbox/arrival.ts'
import { TOO_OLD } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { endJournal } from './journal.ts'

/**
 * Notifies a conversation once per outage that it has to wait. Asked only where a message that waits was
 * addressed to the bot.
 *
 * @returns whether a notice was added
 */
export function notifyOfOutage(
  conversation: ConversationRow,
  outage: Outage,
  now: number,
  changes: Changes,
): boolean {
  if (outage.notice === null || conversation.told_outage === outage.id) return false
  conversation.told_outage = outage.id
  changes.notify(conversation, outage.notice, { replyTo: null, at: now })
  return true
}

/**
 * Everything of a conversation that waits is held. Messages being answered are not changed: their own turn
 * finds out.
 *
 * @param waiting all that waits or is being answered; at least one waits
 * @param observed outage time observed so far, in milliseconds
 * @returns whether a notice was added
 */
export function decideHold(
  conversation: ConversationRow,
  waiting: readonly MessageRow[],
  { outage, now }: { readonly outage: Outage; readonly now: number },
  observed: number,
  changes: Changes,
): boolean {
  for (const row of waiting) {
    if (row.state !== 'received') continue
    const held_base = row.held_base ?? observed
    changes.change(row, { state: 'held', reason: outage.reason, held_base })
  }
  return waiting.some((row) => row.addressed) && notifyOfOutage(conversation, outage, now, changes)
}

/**
 * What is held for a reason of its own, until a moment, may be tried now.
 *
 * @param waiting all that waits or is being answered
 */
export function decideRelease(
  conversation: ConversationRow,
  waiting: readonly MessageRow[],
  reason: string,
  changes: Changes,
): void {
  for (const row of waiting) {
    if (row.state !== 'held' || row.reason !== reason) continue
    changes.change(row, { state: 'received', reason: null, not_before: 0 })
  }
  changes.wake(conversation)
  changes.queueChanged = true
}

/**
 * A message was held for too long and is refused.
 *
 * @param turn the message; where steps of its turn are stored, all messages of that
 * @param notice the sentence for its sender
 * @returns whether it was added
 */
export function decideExpiry(
  conversation: ConversationRow,
  turn: readonly MessageRow[],
  notice: string,
  now: number,
  changes: Changes,
): boolean {
  changes.queueChanged = true
  const told = turn.some((row) => row.addressed)
    ? changes.notify(conversation, notice, { replyTo: turn.at(-1)!.platform_id, at: now })
    : null
  endJournal(turn, changes)
  const change = { state: 'refused', reason: TOO_OLD, answered_by: told?.id ?? null, group_id: null } as const
  for (const row of turn) changes.change(row, change)
  return told !== null
}
