import { type Accepted, type AcceptRequest, type Arrival, NOT_STORED } from '../../../inbox/arrival.ts'
import type { TurnTerms } from '../../../inbox/lease.ts'
import {
  decideArrival,
  foldInto,
  needsOf,
  type ConversationState,
  type Delivery,
  type HoldFigures,
  type Needs,
  type Place,
  type PlacedArrival,
} from '../../policy/accept.ts'
import { Changes } from '../../policy/changes.ts'
import { NO_END } from '../../policy/last-exchange.ts'
import { beginningOf, decideBegin } from '../../policy/lease.ts'
import { readConversationEnd } from '../../records/conversation-end.ts'
import { foldRecords } from '../../records/conversations.ts'
import { type ConversationRow, MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import {
  answeringRows,
  conversationByKey,
  newestWaitingRows,
  observedOutage,
  wholeWaitingRows,
  apply,
} from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import type { Session } from '../thread/session.ts'
import { handOut, type PackedLease } from './turn.ts'

/** Stores what a platform delivered, and how far its stream was read. See `Inbox.accept`. */
export function accept(session: Session, request: AcceptRequest): readonly Accepted[] {
  const results = request.arrivals.map((arrival) =>
    arrival.kind === 'moved' ? moveAddress(session, arrival) : acceptOne(session, arrival, request),
  )
  saveCursors(session, request)
  return results
}

/** See `Inbox.acceptAndBegin`. */
export function acceptAndBegin(
  session: Session,
  request: AcceptRequest,
  terms: TurnTerms,
): { readonly accepted: readonly Accepted[]; readonly lease: PackedLease | null } {
  const message = beginningOf(request)
  if (!message) return { accepted: accept(session, request), lease: null }
  const arrival = { kind: 'message', message } as const
  const place = readPlace(session, arrival, needsOf(arrival, null), request)
  const state = place?.conversation ?? null
  const isFree = state?.waiting.length === 0
  const changes = new Changes(session.pullChannels)
  const accepted = decideArrival(arrival, place, request, NO_FIGURES, changes)
  const begun = state && { conversation: state.row, waiting: state.waiting, isFree, accepted }
  const granted = begun && decideBegin(begun, terms, request.now, changes)
  apply(session, changes)
  saveCursors(session, request)
  const { context = null } = message
  const lease = granted && handOut(session, begun.conversation, granted, terms.historyLimit, context)
  return { accepted: [accepted], lease }
}

/** Without an outage they are not used. */
const NO_FIGURES: HoldFigures = { observed: 0, total: 0 }

function saveCursors(session: Session, { cursors }: AcceptRequest): void {
  if (cursors.length === 0) return
  const changes = new Changes(session.pullChannels)
  changes.cursors.push(...cursors)
  apply(session, changes)
}

function acceptOne(session: Session, arrival: PlacedArrival, request: AcceptRequest): Accepted {
  const needs = needsOf(arrival, request.outage)
  const place = readPlace(session, arrival, needs, request)
  const isNew = place?.delivered.size === 0
  const figures = needs.figures && isNew ? holdFigures(session) : NO_FIGURES
  const changes = new Changes(session.pullChannels)
  const accepted = decideArrival(arrival, place, request, figures, changes)
  apply(session, changes)
  return accepted
}

/** An address of a platform at which messages arrive. */
interface AddressRow {
  readonly key: number
  readonly conversation: number | null
}

/** The rows of an arrival's address, created where the arrival needs them; null = the address is not known. */
function readPlace(
  session: Session,
  arrival: PlacedArrival,
  needs: Needs,
  request: AcceptRequest,
): Place | null {
  const { channel, address, platformMessageId } = 'message' in arrival ? arrival.message : arrival
  const known = findAddress(session, channel, address)
  if (!known && needs.place === 'known') return null
  const row = known ?? addAddress(session, channel, address)
  const first = known ? findDelivery(session, row.key, platformMessageId) : null
  // A repeated message creates no conversation.
  const creates = needs.place === 'conversation' && first === null
  const conversation =
    row.conversation !== null
      ? conversationByKey(session, row.conversation)
      : creates
        ? addConversation(session, row, channel, address, request.now)
        : null
  return {
    origin: row.key,
    conversation: conversation && readState(session, conversation, needs, first === null, request),
    delivered: new Map(first ? [[platformMessageId, first]] : []),
  }
}

function readState(
  session: Session,
  row: ConversationRow,
  needs: Needs,
  isNew: boolean,
  { limits }: AcceptRequest,
): ConversationState {
  const { turns = 0 } = needs
  return {
    ...(turns > 0 && isNew ? runSteps(session, readConversationEnd(row, turns)) : NO_END),
    row,
    waiting: isNew ? readWaiting(session, row.key, needs) : [],
    count: needs.figures && isNew ? countWaiting(session, row.key, limits.maxPerConversation) : 0,
  }
}

function readWaiting(session: Session, conversation: number, { waiting }: Needs): readonly MessageRow[] {
  if (waiting === 'none') return []
  return waiting === 'all'
    ? wholeWaitingRows(session, conversation)
    : newestWaitingRows(session, conversation)
}

function countWaiting(session: Session, conversation: number, limit: number): number {
  const row = session.get(
    `SELECT count(*) AS n FROM (SELECT 1 FROM messages WHERE conversation = ? AND ${WAITING}
       AND state <> 'answering' LIMIT ?)`,
    conversation,
    limit,
  )
  return Number(row?.['n'])
}

function holdFigures(session: Session): HoldFigures {
  session.waitingTotal ??= Number(
    session.get(
      `SELECT (SELECT count(*) FROM messages WHERE state <> 'answered' AND state = 'received')
            + (SELECT count(*) FROM messages WHERE state <> 'answered' AND state = 'held') AS n`,
    )?.['n'],
  )
  return { observed: observedOutage(session), total: session.waitingTotal }
}

const DELIVERED = `SELECT ${MESSAGE_COLUMNS}, (SELECT c.id FROM conversations c WHERE c.key = conversation) AS conversation_id
  FROM messages WHERE origin = ? AND platform_id = ?`

/** What became of this id at its address; null = it is new. */
function findDelivery(session: Session, origin: number, platformId: string): Delivery | null {
  const seen =
    session.get('SELECT 1 FROM seen WHERE origin = ? AND platform_id = ?', origin, platformId) !== undefined
  const row = session.get(DELIVERED, origin, platformId)
  if (!row) return seen ? { message: null, conversationId: null, digest: null, seen } : null
  const message = row as unknown as MessageRow
  const context = message.solo
    ? session.get('SELECT digest FROM contexts WHERE message = ?', message.key)
    : undefined
  return {
    message,
    conversationId: String(row['conversation_id']),
    digest: context ? String(context['digest']) : null,
    seen,
  }
}

function findAddress(session: Session, channel: string, address: string): AddressRow | null {
  const row = session.get(
    'SELECT key, conversation FROM addresses WHERE channel = ? AND address = ?',
    channel,
    address,
  )
  return row ? (row as unknown as AddressRow) : null
}

function addAddress(session: Session, channel: string, address: string): AddressRow {
  const result = session.sql('INSERT INTO addresses (channel, address) VALUES (?, ?)').run(channel, address)
  return { key: Number(result.lastInsertRowid), conversation: null }
}

function addConversation(
  session: Session,
  at: AddressRow,
  channel: string,
  address: string,
  now: number,
): ConversationRow {
  const result = session
    .sql('INSERT INTO conversations (id, channel, address, last_at) VALUES (?, ?, ?, ?)')
    .run(`${channel}:${address}`, channel, address, now)
  const key = Number(result.lastInsertRowid)
  session.run('UPDATE addresses SET conversation = ? WHERE key = ?', key, at.key)
  return conversationByKey(session, key)
}

/**
 * The platform gave a chat another address. The conversation keeps its id and continues there; one that
 * already exists at the new address is folded into it. Idempotent.
 */
function moveAddress(session: Session, { channel, from, to }: Extract<Arrival, { kind: 'moved' }>): Accepted {
  const old = findAddress(session, channel, from)
  if (!old || old.conversation === null) return NOT_STORED
  const conversation = conversationByKey(session, old.conversation)
  const target = findAddress(session, channel, to) ?? addAddress(session, channel, to)
  const changes = new Changes(session.pullChannels)
  if (target.conversation !== null && target.conversation !== conversation.key) {
    fold(session, conversation, conversationByKey(session, target.conversation), changes)
  }
  session.run('UPDATE addresses SET conversation = ? WHERE key = ?', conversation.key, target.key)
  conversation.address = to
  changes.save(conversation)
  apply(session, changes)
  return { ...NOT_STORED, conversationId: conversation.id }
}

function fold(session: Session, older: ConversationRow, newer: ConversationRow, changes: Changes): void {
  const shift = foldInto(older, newer, answeringRows(session, newer.key), changes)
  const rows = session.all('SELECT key FROM messages WHERE conversation = ? ORDER BY seq', newer.key)
  // The blocks belong to what the newer one was sent before them, which is not before them any more.
  for (const row of rows) {
    session.run(
      `UPDATE messages SET conversation = ?, seq = seq + ?, history_seq = history_seq + ?, blocks = NULL, revision = ?
       WHERE key = ?`,
      older.key,
      shift,
      shift,
      session.nextRevision(),
      row['key']!,
    )
  }
  runSteps(session, foldRecords(older.key, newer.key))
  changes.forget(newer)
}
