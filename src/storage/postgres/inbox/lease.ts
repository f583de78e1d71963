import type { Lease, LeaseRequest } from '../../../inbox/lease.ts'
import { NEVER_FINISHED } from '../../../inbox/message.ts'
import { newId } from '../../../support/ids.ts'
import { canMergeWith, isUnmerged, MAX_LEASES, type LeaseKey } from '../../policy/lease-terms.ts'
import { draftOf } from '../../policy/turn-end.ts'
import { publicConversation } from '../../rows/conversation-row.ts'
import { WAITING } from '../../rows/message-row.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import {
  CONVERSATION_COLUMNS,
  lockConversation,
  MESSAGE_COLUMNS,
  storedMessage,
  type ConversationRow,
  type MessageRow,
} from '../rows.ts'
import { historyFrom, parseHistory, type HistoryRow } from './history.ts'
import { readContext } from './message-contexts.ts'
import { endLease } from './withdraw.ts'
import { Work, type StoreContext } from './work.ts'

/** Messages read for one turn; more only where more were held together. */
const FIRST_READ = 32
/** Conversations taken over in one transaction. */
const TAKEN_AT_ONCE = 200

/** Whether the owner of a lease is dead. `c` is the conversation; $2 is the asking process, which is alive. */
const OWNER_GONE = `c.lease_owner <> $2 AND NOT EXISTS
  (SELECT 1 FROM hermes.processes p WHERE p.id = c.lease_owner AND p.expires_at > clock_timestamp())`

interface Head {
  readonly waiting: readonly MessageRow[] | null
  readonly summary: string | null
  readonly history: readonly HistoryRow[] | null
}

/** Read in one round trip with the lock; the history is left out where it must be cut first. */
const READ = `
  SELECT (SELECT json_agg(w ORDER BY w.seq) FROM (SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
      WHERE conversation = c.key AND ${WAITING} ORDER BY seq LIMIT $2) w) AS waiting,
    (SELECT text FROM hermes.summaries WHERE conversation = c.key) AS summary,
    (SELECT json_agg(json_build_array(m.id, m.seq, m.role, m.text, m.preface, m.platform_id, m.person_id, m.person_name,
        m.attachments, m.at, m.answered_by, m.revision) ORDER BY m.history_seq, m.seq) FROM hermes.messages m
      WHERE m.conversation = c.key AND m.history_seq IS NOT NULL AND m.history_seq >=
        CASE WHEN c.history_characters <= $3 THEN c.history_from ELSE $4 END) AS history
    FROM hermes.conversations c WHERE c.id = $1`

/** Above every place: nothing of the history is read. */
const NO_HISTORY = Number.MAX_SAFE_INTEGER

/** The exclusive right to answer the head of a conversation. See `Inbox.lease`. */
export async function lease(
  tx: Transaction,
  context: StoreContext,
  request: LeaseRequest,
): Promise<Lease | null> {
  const id = clean(request.conversationId)
  const read = (limit: number | null) => tx.query<Head>(READ, [id, limit, request.historyLimit, NO_HISTORY])
  // Sent together, executed in order: the reads are protected by the lock.
  const [conversation, [first]] = await Promise.all([lockConversation(tx, id), read(FIRST_READ)])
  if (!conversation || !first) return null
  const work = new Work(tx, context)
  let head = first
  let complete = false
  if (conversation.lease_turn !== null) {
    const unheardOf = request.again === true && conversation.lease_owner === request.owner
    if (!unheardOf && !(await isOwnerGone(tx, conversation, request.owner))) return null
    await endLease(work, conversation, 'received')
    await work.flush()
    head = (await read(null))[0]!
    complete = true
  }
  let rows = nextTurn(work, head.waiting ?? [], request, complete)
  if (rows === 'more') rows = nextTurn(work, (await read(null))[0]!.waiting ?? [], request, true)
  if (rows === 'more' || rows === null) {
    await work.commit()
    return null
  }
  const history = await historyOf(tx, conversation, head, request.historyLimit)
  const brought = await readContext(tx, rows[0]!)
  const turnId = newId(request.now)
  conversation.generation++
  conversation.lease_turn = turnId
  conversation.lease_owner = request.owner
  conversation.lease_at = request.now
  work.save(conversation)
  const group = rows.length > 1 ? (rows[0]!.group_id ?? turnId) : null
  for (const row of rows) {
    work.change(row, { state: 'answering', reason: null, leases: row.leases + 1, group_id: group })
  }
  context.waitingTotal.forget()
  await work.commit()
  return {
    turnId,
    generation: conversation.generation,
    conversation: publicConversation(conversation),
    messages: rows.map((row) => storedMessage({ ...row, state: 'answering', reason: null }, conversation.id)),
    history,
    summary: head.summary,
    failures: Math.max(...rows.map((row) => row.failures)),
    draft: draftOf(rows),
    ...(brought ? { context: brought } : {}),
  }
}

async function historyOf(tx: Transaction, conversation: ConversationRow, head: Head, limit: number) {
  if (conversation.history_characters <= limit) return parseHistory(head.history ?? [], conversation.id)
  const from = await historyFrom(tx, conversation, limit)
  if (from === null) return []
  const [cut] = await tx.query<Head>(READ, [conversation.id, 0, -1, from])
  return parseHistory(cut?.history ?? [], conversation.id)
}

async function isOwnerGone(tx: Transaction, conversation: ConversationRow, owner: string): Promise<boolean> {
  const rows = await tx.query(`SELECT 1 FROM hermes.conversations c WHERE c.key = $1 AND ${OWNER_GONE}`, [
    conversation.key,
    owner,
  ])
  return rows.length > 0
}

/** The messages of the next turn; null = none, or not yet; `more` = it does not end within what was read. */
function nextTurn(
  work: Work,
  waiting: readonly MessageRow[],
  request: LeaseRequest,
  complete: boolean,
): readonly MessageRow[] | 'more' | null {
  const cut = !complete && waiting.length === FIRST_READ
  for (let index = 0; ;) {
    const head = waiting[index]
    if (!head) return cut ? 'more' : null
    if (head.not_before > request.now) return null
    const poisoned = head.leases >= MAX_LEASES
    const group = groupOf(waiting.slice(index), head, request.merge && !poisoned)
    if (cut && index + group.length === waiting.length && group.length > 1) return 'more'
    if (!poisoned) return group
    for (const row of group) work.change(row, { state: 'parked', reason: NEVER_FINISHED })
    index += group.length
  }
}

/** `head`, the first of `rows`, and those merged with it. */
function groupOf(rows: readonly MessageRow[], head: MessageRow, merge: boolean): readonly MessageRow[] {
  if (isUnmerged(head, merge)) return [head]
  const end = rows.findIndex((row) => !canMergeWith(head, row))
  return end === -1 ? rows : rows.slice(0, end)
}

/** See `Inbox.saveDraft`. */
export async function saveDraft(tx: Transaction, key: LeaseKey, draft: string): Promise<boolean> {
  // The row lock serialises this with a takeover of the lease.
  const [, changed] = await Promise.all([
    lockConversation(tx, clean(key.conversationId)),
    tx.query(
      `UPDATE hermes.messages SET draft = $4 WHERE key = (SELECT m.key FROM hermes.conversations c
           JOIN hermes.messages m ON m.conversation = c.key AND m.${WAITING} AND m.state = 'answering'
           WHERE c.id = $1 AND c.lease_turn = $2 AND c.generation = $3 ORDER BY m.seq LIMIT 1) RETURNING 1`,
      [clean(key.conversationId), key.turnId, key.generation, clean(draft)],
    ),
  ])
  return changed.length > 0
}

/** See `Inbox.recover`. Owners known to be alive keep the leases that they hold. */
export async function recover(
  database: Database,
  context: StoreContext,
  owner: string,
): Promise<readonly string[]> {
  for (;;) {
    const taken = await database.transaction(async (tx) => {
      const orphaned = await tx.query<ConversationRow>(
        `SELECT ${CONVERSATION_COLUMNS} FROM hermes.conversations c
           WHERE c.lease_turn IS NOT NULL AND ${OWNER_GONE} ORDER BY c.key LIMIT $1 FOR UPDATE`,
        [TAKEN_AT_ONCE, owner],
      )
      const work = new Work(tx, context)
      for (const conversation of orphaned) await endLease(work, conversation, 'received')
      await work.commit()
      return orphaned.length
    })
    if (taken < TAKEN_AT_ONCE) break
  }
  const rows = await database.query<{ id: string }>(
    `SELECT c.id FROM (SELECT conversation, min(seq) AS seq FROM hermes.messages WHERE ${WAITING} GROUP BY conversation) w
       JOIN hermes.messages m ON m.conversation = w.conversation AND m.seq = w.seq
       JOIN hermes.conversations c ON c.key = w.conversation ORDER BY m.key`,
  )
  return rows.map((row) => row.id)
}
