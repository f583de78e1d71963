import type { Cursor } from '../../../inbox/arrival.ts'
import type { AddedFile, Changes } from '../../policy/changes.ts'
import { settleStatements } from '../../records/budgets.ts'
import type { MessageRow } from '../../rows/rows.ts'
import type { Transaction } from '../connection/database.ts'
import { clean, json } from '../connection/statements.ts'
import type { ConversationRow } from '../rows.ts'
import { journalStatements, type Statement } from './journal-statements.ts'
import type { WaitingTotal } from './waiting-total.ts'

/**
 * Called before the commit of a transaction with the conversations that have work now and whose
 * rows it has locked. Sets in each row, which is then written, the job that wakes a process for it.
 *
 * @returns how they are woken, by the transaction's last statement; null: nobody is to be woken
 */
export type Wake = (conversations: readonly ConversationRow[]) => ((tx: Transaction) => Promise<void>) | null

/** What every operation is given in addition to its transaction. */
export interface StoreContext {
  /** Channels whose readers read the store: nothing is put into the outbox for them. */
  readonly pullChannels: ReadonlySet<string>
  readonly wake: Wake
  readonly waitingTotal: WaitingTotal
}

/** Nearly everything that operations write, in one statement: each list is a parameter, mostly empty. */
const WRITE = `
WITH added AS (
  INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, preface, blocks, reason, origin,
      platform_id, person_id, person_name, addressed, command, attachments, about, at, answered_by, history_seq, held_base,
      group_id, solo, leases, not_before)
    SELECT r.id, r.conversation, r.seq, nextval('hermes.revision'), r.role, r.state, r.text, r.preface, r.blocks,
      r.reason, r.origin, r.platform_id, r.person_id, r.person_name, r.addressed, r.command, r.attachments, r.about, r.at, r.answered_by,
      r.history_seq, r.held_base, r.group_id, r.solo, r.leases, r.not_before
    FROM json_to_recordset($1::json) AS r (id text, conversation bigint, seq bigint, role text, state text, text text,
      preface text, blocks text, reason text, origin bigint, platform_id text, person_id text, person_name text, addressed boolean,
      command boolean, attachments json, about text, at bigint, answered_by text, history_seq bigint, held_base bigint, group_id text,
      solo boolean, leases integer, not_before bigint)
    RETURNING key, id
), sent AS (
  INSERT INTO hermes.outbox (message, conversation, kind, reply_to, draft, asked_at, at)
    SELECT a.key, r.conversation, r.kind, r.reply_to, r.draft, r.asked_at, r.at
    FROM json_to_recordset($2::json) AS r (id text, conversation bigint, kind text, reply_to text, draft text,
      asked_at bigint, at bigint)
    JOIN added a ON a.id = r.id
), people AS (
  INSERT INTO hermes.participants (conversation, person_id)
    SELECT r.conversation, r.person_id
    FROM json_to_recordset($3::json) AS r (conversation bigint, person_id text)
    ON CONFLICT DO NOTHING
), changed AS (
  UPDATE hermes.messages m SET state = r.state, reason = r.reason, answered_by = r.answered_by,
      history_seq = r.history_seq, group_id = r.group_id, solo = r.solo, failures = r.failures, leases = r.leases,
      not_before = r.not_before, held_base = r.held_base, draft = r.draft, frozen = r.frozen, revision = nextval('hermes.revision')
    FROM json_to_recordset($4::json) AS r (key bigint, state text, reason text, answered_by text, history_seq bigint,
      group_id text, solo boolean, failures integer, leases integer, not_before bigint, held_base bigint, draft text,
      frozen boolean)
    WHERE m.key = r.key
), saved AS (
  UPDATE hermes.conversations c SET address = r.address, model = r.model, effort = r.effort, next_seq = r.next_seq,
      history_from = r.history_from, history_characters = r.history_characters, generation = r.generation,
      lease_turn = r.lease_turn, lease_owner = r.lease_owner, lease_at = r.lease_at, stopped_turn = r.stopped_turn,
      told_outage = r.told_outage, full_told_at = r.full_told_at, last_at = r.last_at, wake_job = r.wake_job
    FROM json_to_recordset($5::json) AS r (key bigint, address text, model text, effort text, next_seq bigint, history_from bigint,
      history_characters bigint, generation bigint, lease_turn text, lease_owner text, lease_at bigint,
      stopped_turn text, told_outage text, full_told_at bigint, last_at bigint, wake_job uuid)
    WHERE c.key = r.key
), turn AS (
  INSERT INTO hermes.turns (id, conversation, model, leased_at, finished_at, model_ms, input_tokens, output_tokens,
      cache_read_tokens, cache_write_tokens, cache_write_1h_tokens, web_searches, kind, requests, person_id, tool,
      cost, estimated, subscription)
    SELECT r.id, r.conversation, r.model, r.leased_at, r.finished_at, r.model_ms, r.input_tokens, r.output_tokens,
      r.cache_read_tokens, r.cache_write_tokens, r.cache_write_1h_tokens, r.web_searches, r.kind, r.requests,
      r.person_id, r.tool, r.cost, r.estimated, r.subscription
    FROM json_to_recordset($6::json) AS r (id text, conversation bigint, model text, leased_at bigint,
      finished_at bigint, model_ms double precision, input_tokens bigint, output_tokens bigint,
      cache_read_tokens bigint, cache_write_tokens bigint, cache_write_1h_tokens bigint, web_searches bigint,
      kind text, requests bigint, person_id text, tool text, cost bigint, estimated boolean, subscription boolean)
), moved AS (
  INSERT INTO hermes.cursors (channel, name, value)
    SELECT r.channel, r.name, r.value
    FROM json_to_recordset($7::json) AS r (channel text, name text, value text) ORDER BY 1, 2
    ON CONFLICT (channel, name) DO UPDATE SET value = excluded.value
), brought AS (
  INSERT INTO hermes.contexts (message, digest, json)
    SELECT a.key, r.digest, r.json FROM json_to_recordset($8::json) AS r (id text, digest text, json json)
    JOIN added a ON a.id = r.id
)
SELECT 1`

/**
 * Writes the changes, of any number of conversations, so that statements see them. The conversations must be
 * locked, and be the rows that were loaded.
 */
export async function write(tx: Transaction, changes: Changes): Promise<void> {
  await Promise.all(statementsOf(changes).map(({ sql, params }) => tx.query(sql, params)))
}

/** Writes the rest of the changes, wakes the conversations with work, and commits. Nothing may follow. */
export async function commit(tx: Transaction, context: StoreContext, changes: Changes): Promise<void> {
  if (changes.queueChanged) context.waitingTotal.forget()
  else context.waitingTotal.arrived(changes.arrived)
  const woken = ([...changes.woken.values()] as ConversationRow[]).toSorted((a, b) => a.key - b.key)
  const wake = context.wake(woken)
  if (wake) {
    for (const conversation of woken) changes.save(conversation)
    // Sent together, executed in order.
    await Promise.all([write(tx, changes), wake(tx)])
    return
  }
  const statements = statementsOf(changes)
  const last = statements.pop()
  if (!last) return
  await Promise.all([
    ...statements.map(({ sql, params }) => tx.query(sql, params)),
    tx.last(last.sql, last.params),
  ])
}

/** What writes the changes, in this order; they are taken from the list. Most operations need one statement. */
function statementsOf(changes: Changes): Statement[] {
  const statements: Statement[] = []
  const lists = [
    changes.added,
    changes.sent,
    changes.participants,
    // Whatever else was loaded, of a message that changes it was the whole row.
    [...changes.changed.values()].map(({ row }) => mutable(row as MessageRow)),
    [...changes.saved.values()],
    changes.turns,
    lastCursors(changes),
    changes.contexts,
  ]
  if (lists.some((list) => list.length > 0)) statements.push({ sql: WRITE, params: lists.map(json) })
  for (const file of changes.files) statements.push(storedFile(file))
  for (const [key, text, about] of changes.texts) {
    statements.push({ sql: TEXT, params: [clean(text), about, key] })
  }
  statements.push(...storedSummaries(changes))
  if (changes.usedContexts.length > 0) {
    statements.push({ sql: USED_CONTEXTS, params: [[...changes.usedContexts]] })
  }
  statements.push(...journalStatements(changes), ...settleStatements(changes.settlements))
  if (changes.seen.length > 0) statements.push({ sql: SEEN, params: [json(changes.seen)] })
  changes.written()
  return statements
}

/** One statement for all of them: every conversation that begins has one. */
function storedSummaries({ summaries }: Changes): Statement[] {
  const last = [...new Map(summaries)]
  const gone = last.flatMap(([key, text]) => (text === null ? [key] : []))
  const kept = last.flatMap(([key, text]) => (text === null ? [] : [[key, clean(text)] as const]))
  return [
    ...(gone.length > 0 ? [{ sql: NO_SUMMARIES, params: [gone] }] : []),
    ...(kept.length > 0
      ? [{ sql: SUMMARIES, params: [kept.map(([key]) => key), kept.map(([, text]) => text)] }]
      : []),
  ]
}

/** One statement may write a row once. */
function lastCursors({ cursors }: Changes): readonly Cursor[] {
  return [...new Map(cursors.map((cursor) => [`${cursor.channel} ${cursor.name}`, cursor])).values()]
}

const TEXT = `UPDATE hermes.messages SET text = $1, about = $2, revision = nextval('hermes.revision') WHERE key = $3`
const SUMMARIES = `INSERT INTO hermes.summaries (conversation, text)
  SELECT * FROM unnest($1::bigint[], $2::text[])
  ON CONFLICT (conversation) DO UPDATE SET text = excluded.text`
const NO_SUMMARIES = 'DELETE FROM hermes.summaries WHERE conversation = ANY ($1::bigint[])'
const USED_CONTEXTS = 'UPDATE hermes.contexts SET json = NULL WHERE message = ANY ($1::bigint[])'
/** Two processes may turn the same thing away at once: an address without a conversation is not locked. */
const SEEN = `INSERT INTO hermes.seen (origin, platform_id, at)
  SELECT r.origin, r.platform_id, r.at FROM json_to_recordset($1::json) AS r (origin bigint, platform_id text, at bigint)
  ORDER BY 1, 2 ON CONFLICT DO NOTHING`

/** In a statement of its own, so that bytes are sent as binary and not as text. */
function storedFile({ id, message, at, attachment }: AddedFile): Statement {
  const { bytes, mediaType, name } = attachment
  return {
    sql: `INSERT INTO hermes.attachments (id, message, media_type, name, at, bytes)
       SELECT $1, m.key, f.media_type, f.name, $4, $5 FROM hermes.messages m,
         json_to_record($3::json) AS f (media_type text, name text) WHERE m.id = $2`,
    params: [
      id,
      message,
      json({ media_type: mediaType, name }),
      at,
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
    ],
  }
}

/** What `WRITE` updates of a message that already existed: not its text, which may be long. */
const MUTABLE =
  'key state reason answered_by history_seq group_id solo failures leases not_before held_base draft frozen'.split(
    ' ',
  ) as ReadonlyArray<keyof MessageRow>

function mutable(row: MessageRow): object {
  return Object.fromEntries(MUTABLE.map((column) => [column, row[column]]))
}
