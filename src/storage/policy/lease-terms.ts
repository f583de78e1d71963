import type { Lease } from '../../inbox/lease.ts'
import type { MessageFields } from '../rows/message-row.ts'

/**
 * A message that was leased this often without finishing crashes the process each time. Far above what
 * a series of ordinary restarts reaches, so that an operator restarting repeatedly parks nothing.
 */
export const MAX_LEASES = 25

/** A message row with its `solo` flag (answered alone), as a boolean or a number depending on the database. */
type Waiting = MessageFields & { readonly solo: boolean | number }

/**
 * `head` is answered alone, so no further rows need to be read. With `merge`, messages held together are
 * answered together.
 */
export function isUnmerged(head: Waiting, merge: boolean): boolean {
  return head.group_id === null && (!merge || !mergeable(head, head))
}

/**
 * Whether `row`, which follows `head` without a gap, belongs to the same turn: the messages that were
 * frozen with `head` before; otherwise those that the same person wrote while `head` was held.
 */
export function canMergeWith(head: Waiting, row: Waiting): boolean {
  return head.group_id !== null ? row.group_id === head.group_id : mergeable(head, row)
}

function mergeable(head: Waiting, row: Waiting): boolean {
  return (
    row.state === 'held' &&
    !row.solo &&
    row.group_id === null &&
    row.person_id !== null &&
    row.person_id === head.person_id
  )
}

/** Identifies a lease. The rest of it is not sent back: its history may be megabytes. */
export interface LeaseKey {
  readonly conversationId: string
  readonly turnId: string
  readonly generation: number
}

export function leaseKey({ conversation, turnId, generation }: Lease): LeaseKey {
  return { conversationId: conversation.id, turnId, generation }
}
