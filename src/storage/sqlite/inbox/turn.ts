import type { MessageContext } from '../../../inbox/arrival.ts'
import type { Lease, LeaseRequest, NotYet, TurnOutcome } from '../../../inbox/lease.ts'
import { Changes } from '../../policy/changes.ts'
import {
  decideFinish,
  needsOutage,
  needsWithdrawn,
  settlementsOf,
  type OutageFacts,
} from '../../policy/finish.ts'
import {
  decideLease,
  endLease,
  grantedLease,
  holdsLease,
  isGranted,
  type Granted,
  type LeaseKey,
} from '../../policy/lease.ts'
import { needsBooked } from '../../policy/ledger.ts'
import { settle } from '../../records/budgets.ts'
import { readJournal } from '../../records/journal.ts'
import { countBooked } from '../../records/ledger.ts'
import { conversationsWithWork, readContext } from '../../records/queue.ts'
import {
  FIRST_READ,
  oldestWithin,
  type Placed,
  WAITING,
  type ConversationRow,
  type LeasedRow,
} from '../../rows/rows.ts'
import {
  answeringRows,
  apply,
  conversationById,
  conversationByKey,
  observedOutage,
  waitingRows,
  withdrawnRows,
} from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import type { Session } from '../thread/session.ts'

/** Messages read for one lease: mostly there is one. */
const FIRST_WAITING = 2

/** A lease as sent to the main thread, its history still as JSON. */
export type PackedLease = Omit<Lease, 'history'> & { readonly history: string }

/** The exclusive right to answer the head of a conversation. See `Inbox.lease`. */
export function lease(session: Session, request: LeaseRequest): PackedLease | NotYet | null {
  const conversation = conversationById(session, request.conversationId)
  if (!conversation) return null
  const changes = new Changes(session.pullChannels)
  const decide = (waiting: readonly LeasedRow[], complete: boolean) =>
    // Other owners are dead processes, and `recover` has ended their leases.
    decideLease({ conversation, waiting, complete, ownerGone: false }, request, changes)
  const first = waitingRows(session, conversation.key, FIRST_WAITING)
  let granted = decide(first, first.length < FIRST_WAITING)
  if (granted === 'more') granted = decide(waitingRows(session, conversation.key, -1), true)
  apply(session, changes)
  if (!isGranted(granted)) return granted === 'more' ? null : granted
  const context = granted.rows[0]!.solo ? runSteps(session, readContext(granted.rows[0]!)) : null
  return handOut(session, conversation, granted, request.historyLimit, context)
}

/** A lease that was granted, with everything that goes with it. */
export function handOut(
  session: Session,
  conversation: ConversationRow,
  granted: Granted,
  historyLimit: number,
  context: MessageContext | null,
): PackedLease {
  const history = readHistory(session, conversation, historyLimit)
  return grantedLease(conversation, granted, {
    history,
    summary: readSummary(session, conversation.key),
    context,
    journal: runSteps(session, readJournal(granted.rows[0]!)),
  })
}

/** See `Inbox.saveDraft`. */
export function saveDraft(session: Session, key: LeaseKey, draft: string): boolean {
  const changed = session.run(
    `UPDATE messages SET draft = ? WHERE key = (SELECT m.key FROM conversations c
         JOIN messages m ON m.conversation = c.key AND m.${WAITING} AND m.state = 'answering'
         WHERE c.id = ? AND c.lease_turn = ? AND c.generation = ? ORDER BY m.seq LIMIT 1)`,
    draft,
    key.conversationId,
    key.turnId,
    key.generation,
  )
  return changed > 0
}

/** See `Inbox.recover`. Other owners are dead processes: a kernel lock guarantees one gateway per home. */
export function recover(session: Session, owner: string): readonly string[] {
  const orphaned = session.all(
    'SELECT key FROM conversations WHERE lease_turn IS NOT NULL AND lease_owner <> ?',
    owner,
  )
  for (const row of orphaned) {
    const conversation = conversationByKey(session, Number(row['key']))
    const changes = new Changes(session.pullChannels)
    endLease(conversation, answeringRows(session, conversation.key), 'received', changes)
    apply(session, changes)
  }
  return runSteps(session, conversationsWithWork())
}

/** How a turn ended, and what must be sent because of it. See `Inbox.finish`. */
export function finish(session: Session, key: LeaseKey, outcome: TurnOutcome, now: number): boolean {
  const conversation = conversationById(session, key.conversationId)
  if (!conversation) {
    runSteps(session, settle(settlementsOf(key, outcome)))
    return false
  }
  const waiting = holdsLease(conversation, key) ? answeringRows(session, conversation.key) : []
  const outage = needsOutage(outcome) ? outageFacts(session, conversation.key) : null
  const withdrawn = needsWithdrawn(conversation, key, outcome)
    ? withdrawnRows(session, conversation.key, key.messages)
    : []
  const booked = needsBooked(outcome) ? runSteps(session, countBooked(conversation.key, key.turnId)) : 0
  const changes = new Changes(session.pullChannels)
  const rows = { conversation, waiting, outage, withdrawn, booked }
  const changed = decideFinish(rows, key, outcome, now, changes)
  apply(session, changes)
  return changed
}

function outageFacts(session: Session, conversation: number): OutageFacts {
  const welcome = session.get(
    `SELECT 1 FROM messages WHERE conversation = ? AND ${WAITING} AND addressed = 1 LIMIT 1`,
    conversation,
  )
  return { observed: observedOutage(session), welcome: welcome !== undefined }
}

/**
 * The answered turns since the last fresh start, whole, oldest first, at most `limit` characters, as JSON:
 * SQLite writes it and the main thread parses it, which costs a quarter of building objects here and
 * copying them there. Every turn reads its history, so this is the largest cost of the store.
 * `openSqliteStorage` reads it.
 */
function readHistory(session: Session, conversation: ConversationRow, limit: number): string {
  // Nearly always all of it fits, and a search for the cut would read everything twice.
  const fits = conversation.history_characters <= limit
  const from = fits ? conversation.history_from : historyFrom(session, conversation, limit)
  if (from === null) return '[]'
  const row = session.get(
    `SELECT json_group_array(json_array(id, seq, role, text, preface, platform_id, person_id, person_name,
         attachments, about, at, answered_by, revision, blocks) ORDER BY history_seq, seq) AS json
       FROM messages WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?`,
    conversation.key,
    from,
  )
  return String(row?.['json'])
}

/** Where the history begins that fits into `limit` characters; null = nothing does, or there is none. */
function historyFrom(session: Session, conversation: ConversationRow, limit: number): number | null {
  for (let look = FIRST_READ; ; look *= 4) {
    const rows = session.arrays(
      `SELECT history_seq, length(text) FROM messages
         WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?
         ORDER BY history_seq DESC, seq DESC LIMIT ?`,
      conversation.key,
      conversation.history_from,
      look,
    ) as readonly Placed[]
    const { from, cut } = oldestWithin(rows, limit)
    if (cut || rows.length < look) return from
  }
}

function readSummary(session: Session, conversation: number): string | null {
  const row = session.get('SELECT text FROM summaries WHERE conversation = ?', conversation)
  return row ? String(row['text']) : null
}
