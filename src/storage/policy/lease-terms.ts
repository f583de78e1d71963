import type { Lease } from '../../inbox/lease.ts'
import type { MessageFields } from '../rows/message-row.ts'

/**
 * A message that was leased this often and never finished takes the process down each time. Far
 * above what restarts in a row can reach by chance, for an operator's bad day must park nothing.
 */
export const MAX_LEASES = 25

/** A message with the mark that it is answered alone, in whichever form the database has it. */
type Waiting = MessageFields & { readonly solo: boolean | number }

/** Need nobody look for others that go with `head`? On `merge`, what was held together goes together. */
export function isAlone(head: Waiting, merge: boolean): boolean {
  return head.group_id === null && (!merge || !mergeable(head, head))
}

/**
 * Does `row`, which follows without a break, go with `head`? Those do with which it was frozen
 * before; else what the same person wrote while it was held.
 */
export function goesWith(head: Waiting, row: Waiting): boolean {
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

/** What names a lease; the rest of it need not come back: its history may be megabytes. */
export interface LeaseKey {
  readonly conversationId: string
  readonly turnId: string
  readonly generation: number
}

export function keyOf({ conversation, turnId, generation }: Lease): LeaseKey {
  return { conversationId: conversation.id, turnId, generation }
}
