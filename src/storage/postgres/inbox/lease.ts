import type { Lease, LeaseRequest } from '../../../inbox/lease.ts'
import { Changes } from '../../policy/changes.ts'
import { decideLease, endLease, grantedLease, type LeaseKey } from '../../policy/lease.ts'
import { conversationsWithWork, readContext } from '../../records/queue.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import type { Database, Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { CONVERSATION_COLUMNS, lockConversation, waitingRows, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import { commit, type StoreContext } from './apply.ts'
import { historyFrom, parseHistory, type HistoryRow } from './history.ts'

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
  const [conversation, [head]] = await Promise.all([lockConversation(tx, id), read(FIRST_READ)])
  if (!conversation || !head) return null
  const ownerGone = conversation.lease_turn !== null && (await isOwnerGone(tx, conversation, request.owner))
  const changes = new Changes(context.pullChannels)
  const first = head.waiting ?? []
  const complete = first.length < FIRST_READ
  let granted = decideLease({ conversation, waiting: first, complete, ownerGone }, request, changes)
  if (granted === 'more') {
    const waiting = (await waitingRows(tx, [conversation.key])).get(conversation.key) ?? []
    granted = decideLease({ conversation, waiting, complete: true, ownerGone }, request, changes)
  }
  if (granted === 'more' || granted === null) {
    await commit(tx, context, changes)
    return null
  }
  const [history, brought] = [
    await historyOf(tx, conversation, head, request.historyLimit),
    await runSteps(tx, readContext(granted.rows[0]!)),
  ]
  await commit(tx, context, changes)
  return grantedLease(conversation, granted, { history, summary: head.summary, context: brought })
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
      const waiting = await waitingRows(
        tx,
        orphaned.map(({ key }) => key),
      )
      const changes = new Changes(context.pullChannels)
      for (const conversation of orphaned) {
        endLease(conversation, waiting.get(conversation.key) ?? [], 'received', changes)
      }
      await commit(tx, context, changes)
      return orphaned.length
    })
    if (taken < TAKEN_AT_ONCE) break
  }
  return await runSteps(database, conversationsWithWork())
}
