import type { Accepted, AcceptRequest, IncomingMessage } from '../../inbox/arrival.ts'
import type { TurnTerms } from '../../inbox/lease.ts'
import type { ConversationRow, LeasedRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { decideLease, type Granted } from './lease.ts'

/**
 * The message whose turn may begin in the transaction that stores it, which saves one; null = none. Only one that
 * arrives alone: of several, the later ones would overtake messages that wait elsewhere.
 */
export function beginningOf({ arrivals, outage }: AcceptRequest): IncomingMessage | null {
  const [arrival, more] = arrivals
  return outage === null && !more && arrival?.kind === 'message' ? arrival.message : null
}

/** A message that has just arrived. */
export interface BeginRows {
  /** With what was decided of the arrival. */
  readonly conversation: ConversationRow
  /** The new message. */
  readonly waiting: readonly LeasedRow[]
  /** Before it nothing waited. */
  readonly isFree: boolean
  readonly accepted: Accepted
}

/** Begins the turn of a message with its arrival. @returns null = it waits like any other */
export function decideBegin(
  { conversation, waiting, isFree, accepted }: BeginRows,
  terms: TurnTerms,
  now: number,
  changes: Changes,
): Granted | null {
  const isNew = !accepted.duplicate && accepted.state === 'received'
  if (!isNew || !isFree || conversation.lease_turn !== null) return null
  const rows = { conversation, waiting, complete: true, ownerGone: false }
  const granted = decideLease(rows, { ...terms, conversationId: conversation.id, now }, changes)
  return granted === 'more' ? null : granted
}
