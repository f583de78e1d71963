import { withLinks } from '../../inbox/about.ts'
import {
  type Accepted,
  type AcceptRequest,
  type Arrival,
  type IncomingMessage,
  type Outage,
  NOT_STORED,
} from '../../inbox/arrival.ts'
import { HOLD_FULL, TAKEN_BACK, type AttachmentInfo } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import { admit, arrivingMessage, fromPerson, noticeOnArrival } from './admission.ts'
import type { Changes } from './changes.ts'
import { joinsTurn, piecesOf } from './group.ts'
import { asksModel, changesEnd, decideEnd, type ConversationEnd, type EndDecision } from './last-exchange.ts'
import { endLease } from './lease.ts'
import { stillWaiting, withdraw } from './withdraw.ts'

/** A conversation at which something arrives. A decision updates it for the arrivals that follow. */
export interface ConversationState extends ConversationEnd {
  readonly row: ConversationRow
  /** Of the messages that wait or are being answered those that `needsOf` asks for, oldest first. */
  waiting: readonly MessageRow[]
  /** How many messages wait. Counted only in an outage, and no further than the limits matter. */
  count: number
}

/** An address of a platform at which something arrives. */
export interface Place {
  /** The key of the address. */
  readonly origin: number
  readonly conversation: ConversationState | null
  /** What became of what arrived there before, by the platform's ids of the arrivals. */
  readonly delivered: Map<string, Delivery>
}

/** What became of an id at its address. */
export interface Delivery {
  /** The message that was stored under it; null = it was only turned away. */
  readonly message: MessageRow | null
  /** The conversation of the message. */
  readonly conversationId: string | null
  /** The digest of the message's context; null = it had none. */
  readonly digest: string | null
  /** It was turned away. */
  readonly seen: boolean
}

/** How full the hold is. Read only in an outage. */
export interface HoldFigures {
  /** Outage time observed so far, in milliseconds. */
  readonly observed: number
  /** How many messages of the whole store wait, as far as the limits matter. */
  total: number
}

/** What must be known to decide an arrival. */
export interface Needs {
  /** What must exist at its address, and is created where it does not. */
  readonly place: 'known' | 'address' | 'conversation'
  /** Which waiting messages of the conversation are read; `newest`: `NEWEST_WAITING` at most. */
  readonly waiting: 'none' | 'newest' | 'all'
  /** Whether it matters how many messages wait. */
  readonly figures: boolean
  /** How many of the conversation's last turns are read, and the newest messages with them; left out: none. */
  readonly turns?: number
}

export function needsOf(arrival: Arrival, outage: Outage | null): Needs {
  const nothing = { place: 'known', waiting: 'none', figures: false } as const
  switch (arrival.kind) {
    case 'message':
      return { place: 'conversation', waiting: 'newest', figures: outage !== null }
    case 'command':
      // It may ask the model, as a message.
      if (changesEnd(arrival.effect)) {
        return { place: 'conversation', waiting: 'all', figures: outage !== null, turns: 1 }
      }
      return {
        ...nothing,
        place: 'conversation',
        waiting: arrival.effect?.withdrawWaiting === true ? 'all' : 'none',
      }
    case 'turned-away':
      return { ...nothing, place: arrival.reply === null ? 'address' : 'conversation' }
    case 'edit':
    case 'deletion':
    case 'moved':
      return nothing
  }
}

/** All kinds but a move, which concerns two addresses: see `foldInto`. */
export type PlacedArrival = Exclude<Arrival, { kind: 'moved' }>

/** An arrival, and everything that is decided with it. */
interface Case {
  readonly place: Place
  readonly state: ConversationState
  readonly request: AcceptRequest
  readonly figures: HoldFigures
  readonly changes: Changes
}

/**
 * What becomes of an arrival.
 *
 * @param place null = the address is not known
 * @param figures not used without an outage
 */
export function decideArrival(
  arrival: PlacedArrival,
  place: Place | null,
  request: AcceptRequest,
  figures: HoldFigures,
  changes: Changes,
): Accepted {
  if (!place) return NOT_STORED
  if (arrival.kind === 'turned-away') return turnAway(arrival, place, request.now, changes)
  if (arrival.kind === 'message' || arrival.kind === 'command') {
    const duplicate = duplicateOf(arrival.message, place)
    if (duplicate) return duplicate
  }
  const state = place.conversation
  if (!state) return NOT_STORED
  const given = { place, state, request, figures, changes }
  switch (arrival.kind) {
    case 'message':
      return acceptMessage(arrival.message, given)
    case 'command':
      return acceptCommand(arrival, given)
    case 'edit':
    case 'deletion':
      return changeWaiting(arrival, given)
  }
}

/** What became of the first delivery of this message; null = this is the first. */
function duplicateOf(message: IncomingMessage, place: Place): Accepted | null {
  const first = place.delivered.get(message.platformMessageId)
  if (!first) return null
  if (!first.message) {
    return { ...NOT_STORED, conversationId: place.conversation?.row.id ?? null, duplicate: true }
  }
  const conflict = message.context !== undefined && message.context.digest !== first.digest
  return {
    ...NOT_STORED,
    conversationId: first.conversationId,
    messageId: first.message.id,
    state: first.message.state,
    duplicate: true,
    holdFull: first.message.reason === HOLD_FULL,
    ...(conflict ? { conflict } : {}),
  }
}

/** @param sharedFiles of the message that this one asks again */
function acceptMessage(
  message: IncomingMessage,
  given: Case,
  sharedFiles: readonly AttachmentInfo[] = [],
): Accepted {
  const { place, state, request, figures, changes } = given
  const { now, outage } = request
  const conversation = state.row
  const holdFull = isHoldFull(given)
  const admission = admit(outage, holdFull)
  const before = state.waiting
  const stored = changes.insert(conversation, {
    ...arrivingMessage(message, place.origin, now, admission),
    ...(sharedFiles.length > 0 ? { sharedFiles } : {}),
    heldBase: admission.state === 'held' ? figures.observed : null,
    pieces: holdFull ? null : piecesOf(message, before, request),
  })
  const joins = conversation.lease_turn !== null && stored.state === 'received' && joinsTurn(before, stored)
  for (const person_id of new Set([
    message.personId,
    ...(message.about?.heard ?? []).map(({ person }) => person),
  ])) {
    changes.participants.push({ conversation: conversation.key, person_id })
  }
  if (admission.state === 'received') changes.wake(conversation)
  if (!holdFull) {
    state.waiting = [...state.waiting, stored]
    state.asked = [stored, ...state.asked]
    state.count++
    figures.total++
    changes.arrived++
  }
  const notice = noticeOnArrival(conversation, message, admission, request)
  let outbox = false
  if (notice) {
    Object.assign(conversation, notice.told)
    outbox = changes.notify(conversation, notice.text, { replyTo: notice.replyTo, at: now }).outbox
  }
  remember(message, stored, given)
  const { id: messageId, state: storedState } = stored
  return {
    ...NOT_STORED,
    conversationId: conversation.id,
    messageId,
    state: storedState,
    holdFull,
    outbox,
    ...(joins ? { joins } : {}),
  }
}

/** Whether a message that arrives now must be refused. */
function isHoldFull({ state, request: { outage, limits }, figures }: Case): boolean {
  return outage !== null && (state.count >= limits.maxPerConversation || figures.total >= limits.maxTotal)
}

/**
 * The command, its effect and its reply, at once; the command itself is not part of the history. One that asks the
 * model is stored as a message.
 */
function acceptCommand(command: Extract<Arrival, { kind: 'command' }>, given: Case): Accepted {
  const { place, state, request, changes } = given
  const { message, effect } = command
  const { now } = request
  const conversation = state.row
  // What cannot be asked changes nothing.
  const isRefused = asksModel(effect) && isHoldFull(given)
  const end: EndDecision | null = isRefused ? { kind: 'ask', message, files: [] } : decideEnd(command, given)
  if (end?.kind === 'ask') {
    return {
      ...acceptMessage({ ...end.message, alone: true }, given, end.files),
      ...(end.stopped ? { stopped: true } : {}),
    }
  }
  const { withdrawn = 0, stopped = false } =
    end ?? (effect?.withdrawWaiting ? withdraw(stillWaiting(state), null, given) : {})
  const stored = changes.insert(conversation, {
    ...fromPerson(message, place.origin, now),
    state: 'answered',
    command: true,
  })
  changes.participants.push({ conversation: conversation.key, person_id: message.personId })
  if (effect?.model !== undefined) conversation.model = effect.model
  if (effect?.effort !== undefined) conversation.effort = effect.effort
  const text = end?.reply ?? command.reply
  const reply = changes.notify(conversation, text, { replyTo: message.platformMessageId, at: now })
  changes.change(stored, { answered_by: reply.id })
  if (effect?.clearHistory) {
    conversation.history_from = conversation.next_seq
    conversation.history_characters = 0
    changes.summaries.push([conversation.key, null])
  }
  remember(message, stored, given)
  return {
    ...NOT_STORED,
    conversationId: conversation.id,
    messageId: stored.id,
    state: 'answered',
    outbox: reply.outbox,
    withdrawn,
    ...(stopped ? { stopped } : {}),
  }
}

/** Changes a message that is not being answered yet: one with stored steps is, even while it waits. */
function changeWaiting(
  arrival: Extract<Arrival, { kind: 'edit' | 'deletion' }>,
  { place, state, figures, changes }: Case,
): Accepted {
  const conversationId = state.row.id
  const row = place.delivered.get(arrival.platformMessageId)?.message
  if (!row || row.frozen || (row.state !== 'received' && row.state !== 'held'))
    return { ...NOT_STORED, conversationId }
  if (arrival.kind === 'edit')
    changes.changeText(row, arrival.text, withLinks(row.about, arrival.links ?? []))
  else {
    changes.change(row, { state: 'withdrawn', reason: TAKEN_BACK })
    changes.queueChanged = true
    state.count--
    figures.total--
  }
  return { ...NOT_STORED, conversationId, messageId: row.id, state: row.state }
}

/**
 * Stores only the id of what must not enter the inbox. An id that belongs to a stored message is an
 * edit of it, and gets its reply.
 */
function turnAway(
  { platformMessageId, reply }: Extract<Arrival, { kind: 'turned-away' }>,
  place: Place,
  now: number,
  changes: Changes,
): Accepted {
  const conversation = place.conversation?.row ?? null
  const known = place.delivered.get(platformMessageId)
  if (known?.seen) return { ...NOT_STORED, conversationId: conversation?.id ?? null, duplicate: true }
  changes.seen.push({ origin: place.origin, platform_id: platformMessageId, at: now })
  place.delivered.set(platformMessageId, {
    ...(known ?? { message: null, conversationId: null, digest: null }),
    seen: true,
  })
  if (reply === null || !conversation) return NOT_STORED
  const { outbox } = changes.notify(conversation, reply, { replyTo: platformMessageId, at: now })
  return { ...NOT_STORED, conversationId: conversation.id, outbox }
}

function remember(
  { platformMessageId, context }: IncomingMessage,
  message: MessageRow,
  { place, state }: Case,
): void {
  const delivery = { message, conversationId: state.row.id, digest: context?.digest ?? null, seen: false }
  place.delivered.set(platformMessageId, delivery)
}

/**
 * The platform gave a chat another address, and a newer conversation already exists there: it continues the
 * older one, in its own order, and its row goes.
 *
 * @param waiting at least the messages of the newer one that are being answered
 * @returns what its places in the conversation rise by
 */
export function foldInto(
  older: ConversationRow,
  newer: ConversationRow,
  waiting: ReadonlyArray<Pick<MessageRow, 'key' | 'state'>>,
  changes: Changes,
): number {
  endLease(newer, waiting, 'received', changes)
  const shift = older.next_seq - 1
  older.next_seq = shift + newer.next_seq
  older.last_at = Math.max(older.last_at, newer.last_at)
  older.history_characters += newer.history_characters
  older.model = newer.model ?? older.model
  older.effort = newer.effort ?? older.effort
  if (newer.history_from > 0) older.history_from = newer.history_from + shift
  changes.save(older)
  return shift
}
