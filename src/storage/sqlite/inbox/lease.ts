import type { Lease, LeaseRequest } from '../../../inbox/lease.ts'
import { NEVER_FINISHED } from '../../../inbox/message.ts'
import { newId } from '../../../support/ids.ts'
import { canMergeWith, isUnmerged, MAX_LEASES, type LeaseKey } from '../../policy/lease-terms.ts'
import { draftOf } from '../../policy/turn-end.ts'
import { publicConversation, type ConversationRow } from '../../rows/conversation-row.ts'
import { WAITING } from '../../rows/message-row.ts'
import {
  asMessages,
  conversationById,
  MESSAGE_COLUMNS,
  saveConversation,
  storedMessage,
  type MessageRow,
} from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { readHistory, readSummary } from './history.ts'
import { readContext } from './message-contexts.ts'
import { answeringRows, endLease, setState } from './withdraw.ts'

/** A lease as sent to the main thread, its history still as JSON. */
export type PackedLease = Omit<Lease, 'history'> & { readonly history: string }

/** The exclusive right to answer the head of a conversation. See `Inbox.lease`. */
export function lease(session: Session, request: LeaseRequest): PackedLease | null {
  const conversation = conversationById(session, request.conversationId)
  if (!conversation) return null
  if (conversation.lease_turn !== null) {
    if (!request.again || conversation.lease_owner !== request.owner) return null
    endLease(session, conversation, 'received')
    saveConversation(session, conversation)
  }
  const rows = nextTurn(session, conversation, request)
  if (!rows) return null
  const turnId = newId(request.now)
  conversation.generation++
  conversation.lease_turn = turnId
  conversation.lease_owner = request.owner
  conversation.lease_at = request.now
  saveConversation(session, conversation)
  const group = rows.length > 1 ? (rows[0]!.group_id ?? turnId) : null
  const messages = rows.map((row) => {
    const revision = session.nextRevision()
    session.run(
      `UPDATE messages SET state = 'answering', reason = NULL, leases = leases + 1, group_id = ?, revision = ?
       WHERE key = ?`,
      group,
      revision,
      row.key,
    )
    return storedMessage({ ...row, state: 'answering', reason: null, revision }, conversation.id)
  })
  session.waitingTotal = null
  return {
    turnId,
    generation: conversation.generation,
    conversation: publicConversation(conversation),
    messages,
    history: readHistory(session, conversation, request.historyLimit),
    summary: readSummary(session, conversation.key),
    failures: Math.max(...rows.map((row) => row.failures)),
    draft: draftOf(rows),
    ...contextOf(session, rows),
  }
}

/** Only a `solo` message has one. */
function contextOf(session: Session, rows: readonly MessageRow[]): Pick<Lease, 'context'> {
  const context = rows[0]!.solo === 1 ? readContext(session, rows[0]!.key) : null
  return context ? { context } : {}
}

/** The messages of the next turn; null = none, or not yet. */
function nextTurn(
  session: Session,
  conversation: ConversationRow,
  request: LeaseRequest,
): readonly MessageRow[] | null {
  for (;;) {
    const [head] = waitingFrom(session, conversation, 0, 1)
    if (!head || head.not_before > request.now) return null
    if (head.leases < MAX_LEASES) return groupOf(session, conversation, head, request.merge)
    for (const row of groupOf(session, conversation, head, false)) {
      setState(session, row.key, 'parked', NEVER_FINISHED)
    }
  }
}

/** `head` and the messages merged with it. */
function groupOf(
  session: Session,
  conversation: ConversationRow,
  head: MessageRow,
  merge: boolean,
): readonly MessageRow[] {
  if (isUnmerged(head, merge)) return [head]
  const group: MessageRow[] = []
  for (const row of waitingFrom(session, conversation, head.seq, -1)) {
    if (!canMergeWith(head, row)) break
    group.push(row)
  }
  return group
}

/** Waiting messages from `seq` on, oldest first. */
function waitingFrom(
  session: Session,
  conversation: ConversationRow,
  seq: number,
  limit: number,
): readonly MessageRow[] {
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ? AND ${WAITING} AND seq >= ? ORDER BY seq LIMIT ?`,
      conversation.key,
      seq,
      limit,
    ),
  )
}

/** The conversation of a lease that still holds; null when it was superseded. */
export function leasedConversation(session: Session, key: LeaseKey): ConversationRow | null {
  const conversation = conversationById(session, key.conversationId)
  if (!conversation || conversation.lease_turn !== key.turnId) return null
  return conversation.generation === key.generation ? conversation : null
}

/** See `Inbox.saveDraft`. */
export function saveDraft(session: Session, key: LeaseKey, draft: string): boolean {
  const conversation = leasedConversation(session, key)
  if (!conversation) return false
  const [head] = answeringRows(session, conversation)
  if (!head) return false
  session.run('UPDATE messages SET draft = ? WHERE key = ?', draft, head.key)
  return true
}

/** See `Inbox.recover`. Other owners are dead processes: a kernel lock guarantees one gateway per home. */
export function recover(session: Session, owner: string): readonly string[] {
  const orphaned = session.all(
    'SELECT id FROM conversations WHERE lease_turn IS NOT NULL AND lease_owner <> ?',
    owner,
  )
  for (const row of orphaned) {
    const conversation = conversationById(session, String(row['id']))!
    endLease(session, conversation, 'received')
    saveConversation(session, conversation)
  }
  return session
    .all(
      `SELECT c.id FROM (SELECT conversation, min(seq) AS seq FROM messages WHERE ${WAITING} GROUP BY conversation) w
         JOIN messages m ON m.conversation = w.conversation AND m.seq = w.seq
         JOIN conversations c ON c.key = w.conversation
         ORDER BY m.key`,
    )
    .map((row) => String(row['id']))
}
