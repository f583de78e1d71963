import type { Accepted, AcceptRequest, IncomingMessage, MessageContext } from '../../inbox/arrival.ts'
import type { Lease, LeaseRequest, NotYet, TurnTerms } from '../../inbox/lease.ts'
import { NEVER_FINISHED, type MessageState } from '../../inbox/message.ts'
import type { Journal } from '../../inbox/step.ts'
import { newId } from '../../support/ids.ts'
import { publicConversation, type ConversationRow, storedMessage, type LeasedRow } from '../rows/rows.ts'
import type { Changes } from './changes.ts'
import { groupName, groupOf, MAX_LEASES, readyAt } from './group.ts'

/** Identifies a lease. The rest of it is not sent back: its history may be megabytes. */
export interface LeaseKey {
  readonly conversationId: string
  readonly turnId: string
  readonly generation: number
  /** The ids of its messages. */
  readonly messages: readonly string[]
  /** Who wrote them; null = nobody that is known. */
  readonly person: string | null
  /** They brought a context along, which is not needed after the answer. */
  readonly hasContext: boolean
}

export function leaseKey({ conversation, turnId, generation, messages, context }: Lease): LeaseKey {
  return {
    conversationId: conversation.id,
    turnId,
    generation,
    messages: messages.map(({ id }) => id),
    person: messages[0]?.personId ?? null,
    hasContext: context !== undefined,
  }
}

/** Whether the lease is still the newest one of its conversation. */
export function holdsLease(conversation: ConversationRow, key: LeaseKey): boolean {
  return conversation.lease_turn === key.turnId && conversation.generation === key.generation
}

/** What is known when a lease is asked for. */
export interface LeaseRows {
  readonly conversation: ConversationRow
  /** The messages that wait or are being answered, oldest first. */
  readonly waiting: readonly LeasedRow[]
  /** False: there may be more than `waiting`. */
  readonly complete: boolean
  /** Whether the process that holds the conversation's lease is known to be dead; not asked where there is none. */
  readonly ownerGone: boolean
}

/** A new lease and its messages. */
export interface Granted {
  readonly turnId: string
  readonly rows: readonly LeasedRow[]
}

export function isGranted(decided: ReturnType<typeof decideLease>): decided is Granted {
  return decided !== null && decided !== 'more' && 'turnId' in decided
}

/**
 * Who answers what next. Messages that crashed every process are parked on the way.
 *
 * @returns null = there is nothing to answer, or somebody does; `more` = decide again when all that waits was read
 */
export function decideLease(
  { conversation, waiting, complete, ownerGone }: LeaseRows,
  request: LeaseRequest,
  changes: Changes,
): Granted | NotYet | 'more' | null {
  if (conversation.lease_turn !== null) {
    const unheardOf = request.again === true && conversation.lease_owner === request.owner
    if (!unheardOf && !ownerGone) return null
    if (!complete) return 'more'
    endLease(conversation, waiting, 'received', changes)
  }
  const next = nextTurn(waiting, complete, request.merge)
  if (next === 'more') return 'more'
  for (const row of next.poisoned) changes.change(row, { state: 'parked', reason: NEVER_FINISHED })
  if (next.rows.length === 0) return null
  const notBefore = readyAt(next.rows, request.now)
  if (notBefore > 0) return { notBefore }
  const turnId = newId(request.now)
  conversation.generation++
  conversation.lease_turn = turnId
  conversation.lease_owner = request.owner
  conversation.lease_at = request.now
  changes.save(conversation)
  changes.queueChanged = true
  const group_id = groupName(next.rows, turnId)
  for (const row of next.rows) {
    changes.change(row, { state: 'answering', reason: null, leases: row.leases + 1, group_id })
  }
  return { turnId, rows: next.rows }
}

interface NextTurn {
  /** Empty: there is none. */
  readonly rows: readonly LeasedRow[]
  readonly poisoned: readonly LeasedRow[]
}

function nextTurn(waiting: readonly LeasedRow[], complete: boolean, merge: boolean): NextTurn | 'more' {
  const poisoned: LeasedRow[] = []
  for (;;) {
    const rest = poisoned.length === 0 ? waiting : waiting.filter((row) => !poisoned.includes(row))
    const { rows, mayGrow } = groupOf(rest, merge)
    if (!complete && (mayGrow || rows.length === 0)) return 'more'
    const [head] = rows
    if (!head || head.leases < MAX_LEASES) return { rows, poisoned }
    poisoned.push(...rows)
  }
}

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
  return isGranted(granted) ? granted : null
}

/**
 * Revokes the lease of a conversation, whichever process holds it: the messages being answered become
 * `state`, and a late result finds its turn gone.
 *
 * @param waiting at least the conversation's messages that are being answered
 */
export function endLease(
  conversation: ConversationRow,
  waiting: ReadonlyArray<Pick<LeasedRow, 'key' | 'state'>>,
  state: MessageState,
  changes: Changes,
): void {
  if (conversation.lease_turn === null) return
  for (const row of waiting) {
    if (row.state === 'answering') changes.change(row, { state, reason: null })
  }
  conversation.lease_turn = conversation.lease_owner = conversation.lease_at = null
  conversation.generation++
  changes.save(conversation)
  changes.queueChanged = true
  if (state === 'received') changes.wake(conversation)
}

/** What is handed out with the messages of a lease, in the form in which the storage has it. */
export interface Handout<History> {
  readonly history: History
  readonly summary: string | null
  readonly context: MessageContext | null
  readonly journal: Journal
}

/** The lease as it is handed out. */
export function grantedLease<History>(
  conversation: ConversationRow,
  { turnId, rows }: Granted,
  { history, summary, context, journal }: Handout<History>,
): Omit<Lease, 'history'> & { readonly history: History } {
  return {
    turnId,
    generation: conversation.generation,
    conversation: publicConversation(conversation),
    messages: rows.map((row) => storedMessage(row, conversation.id)),
    history,
    summary,
    failures: Math.max(...rows.map((row) => row.failures)),
    draft: draftOf(rows),
    journal,
    ...(context ? { context } : {}),
  }
}

/** The platform id of the draft that shows the answer to these messages; null = none yet. */
export function draftOf(rows: ReadonlyArray<Pick<LeasedRow, 'draft'>>): string | null {
  return rows.find((row) => row.draft !== null)?.draft ?? null
}
