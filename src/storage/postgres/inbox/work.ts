import type { Cursor } from '../../../inbox/arrival.ts'
import type { Attachment } from '../../../inbox/message.ts'
import { newId } from '../../../support/ids.ts'
import type { NewMessage, Sending } from '../../rows/new-message.ts'
import type { Transaction } from '../connection/database.ts'
import { json } from '../connection/statements.ts'
import type { ConversationRow, MessageRow } from '../rows.ts'
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

/** The columns of a message that change after it was stored, except its text. */
export type Change = Partial<
  Pick<
    MessageRow,
    | 'state'
    | 'reason'
    | 'answered_by'
    | 'history_seq'
    | 'group_id'
    | 'solo'
    | 'failures'
    | 'leases'
    | 'not_before'
    | 'held_base'
    | 'draft'
  >
>

/** What a turn cost. */
export interface TurnRow {
  readonly id: string
  readonly conversation: number
  readonly model: string
  readonly leased_at: number
  readonly finished_at: number
  readonly model_ms: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly cache_read_tokens: number
  readonly cache_write_tokens: number
}

/** Everything that an operation writes, in one statement: each list is a parameter, mostly empty. */
const WRITE = `
WITH added AS (
  INSERT INTO hermes.messages (id, conversation, seq, revision, role, state, text, preface, reason, origin, platform_id,
      person_id, person_name, addressed, command, attachments, at, answered_by, history_seq, held_base, solo)
    SELECT r.id, r.conversation, r.seq, nextval('hermes.revision'), r.role, r.state, r.text, r.preface, r.reason,
      r.origin, r.platform_id, r.person_id, r.person_name, r.addressed, r.command, r.attachments, r.at, r.answered_by,
      r.history_seq, r.held_base, r.solo
    FROM json_to_recordset($1::json) AS r (id text, conversation bigint, seq bigint, role text, state text, text text,
      preface text, reason text, origin bigint, platform_id text, person_id text, person_name text, addressed boolean,
      command boolean, attachments json, at bigint, answered_by text, history_seq bigint, held_base bigint, solo boolean)
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
      not_before = r.not_before, held_base = r.held_base, draft = r.draft, revision = nextval('hermes.revision')
    FROM json_to_recordset($4::json) AS r (key bigint, state text, reason text, answered_by text, history_seq bigint,
      group_id text, solo boolean, failures integer, leases integer, not_before bigint, held_base bigint, draft text)
    WHERE m.key = r.key
), saved AS (
  UPDATE hermes.conversations c SET address = r.address, model = r.model, next_seq = r.next_seq,
      history_from = r.history_from, history_characters = r.history_characters, generation = r.generation,
      lease_turn = r.lease_turn, lease_owner = r.lease_owner, lease_at = r.lease_at, stopped_turn = r.stopped_turn,
      told_outage = r.told_outage, full_told_at = r.full_told_at, last_at = r.last_at, wake_job = r.wake_job
    FROM json_to_recordset($5::json) AS r (key bigint, address text, model text, next_seq bigint, history_from bigint,
      history_characters bigint, generation bigint, lease_turn text, lease_owner text, lease_at bigint,
      stopped_turn text, told_outage text, full_told_at bigint, last_at bigint, wake_job uuid)
    WHERE c.key = r.key
), turn AS (
  INSERT INTO hermes.turns (id, conversation, model, leased_at, finished_at, model_ms, input_tokens, output_tokens,
      cache_read_tokens, cache_write_tokens)
    SELECT r.id, r.conversation, r.model, r.leased_at, r.finished_at, r.model_ms, r.input_tokens, r.output_tokens,
      r.cache_read_tokens, r.cache_write_tokens
    FROM json_to_recordset($6::json) AS r (id text, conversation bigint, model text, leased_at bigint,
      finished_at bigint, model_ms double precision, input_tokens bigint, output_tokens bigint,
      cache_read_tokens bigint, cache_write_tokens bigint)
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

interface File {
  readonly id: string
  readonly message: string
  readonly at: number
  readonly attachment: Attachment
}

/**
 * The changes of one transaction, collected in memory and written together. Call `flush` before reading
 * what an earlier step of the same transaction changed. The conversations passed in must be locked.
 */
export class Work {
  readonly tx: Transaction
  readonly context: StoreContext
  #added: Array<{ readonly id: string; answered_by: string | null; readonly [column: string]: unknown }> = []
  #sent: unknown[] = []
  #people: unknown[] = []
  #changed = new Map<number, MessageRow>()
  #saved = new Map<number, ConversationRow>()
  #turns: TurnRow[] = []
  #cursors = new Map<string, Cursor>()
  #files: File[] = []
  #contexts: unknown[] = []
  readonly #woken = new Map<number, ConversationRow>()

  constructor(tx: Transaction, context: StoreContext) {
    this.tx = tx
    this.context = context
  }

  /** Adds a message at the end of the conversation, which is saved with it. */
  insert(conversation: ConversationRow, message: NewMessage): { readonly id: string; readonly seq: number } {
    const id = newId(message.at)
    const seq = conversation.next_seq++
    conversation.last_at = Math.max(conversation.last_at, message.at)
    const infos = (message.attachments ?? []).map((attachment) => {
      const file = { id: newId(message.at), message: id, at: message.at, attachment }
      this.#files.push(file)
      const { mediaType, name, bytes } = attachment
      return { id: file.id, mediaType, name, size: bytes.byteLength }
    })
    this.#added.push({
      id,
      conversation: conversation.key,
      seq,
      role: message.role,
      state: message.state,
      text: message.text,
      preface: message.preface ?? null,
      reason: message.reason ?? null,
      origin: message.origin ?? null,
      platform_id: message.platformId ?? null,
      person_id: message.personId ?? null,
      person_name: message.personName ?? null,
      addressed: message.addressed ?? false,
      command: message.command ?? false,
      attachments: infos.length > 0 ? infos : null,
      at: message.at,
      answered_by: null,
      history_seq: message.inHistory ? seq : null,
      held_base: message.heldBase ?? null,
      solo: message.context !== undefined,
    })
    if (message.context) {
      const { digest, ...rest } = message.context.value
      this.#contexts.push({ id, digest, json: message.context.whole ? rest : null })
    }
    this.save(conversation)
    return { id, seq }
  }

  /** Records the answer of a message of this unit of work. */
  answeredBy(id: string, answer: string): void {
    for (const row of this.#added) if (row.id === id) row.answered_by = answer
  }

  /** Puts a message of this unit of work into the outbox. False: the channel's readers read the store themselves. */
  send(conversation: ConversationRow, id: string, sending: Sending): boolean {
    if (this.context.pullChannels.has(conversation.channel)) return false
    this.#sent.push({
      id,
      conversation: conversation.key,
      kind: sending.kind,
      reply_to: sending.replyTo,
      draft: sending.draft ?? null,
      asked_at: sending.askedAt ?? null,
      at: sending.at,
    })
    return true
  }

  /** Stores a sentence of the gateway's own and puts it into the outbox. */
  notify(
    conversation: ConversationRow,
    text: string,
    sending: Omit<Sending, 'kind' | 'askedAt'>,
  ): { readonly id: string; readonly outbox: boolean } {
    const { id } = this.insert(conversation, { role: 'notice', state: 'answered', text, at: sending.at })
    return { id, outbox: this.send(conversation, id, { ...sending, kind: 'notice' }) }
  }

  /** Changes a stored message, on top of what was changed of it before. */
  change(row: MessageRow, change: Change): void {
    this.#changed.set(row.key, { ...(this.#changed.get(row.key) ?? row), ...change })
  }

  /** Writes the row as it is at the end. */
  save(conversation: ConversationRow): void {
    this.#saved.set(conversation.key, conversation)
  }

  rememberParticipant(conversation: ConversationRow, personId: string): void {
    this.#people.push({ conversation: conversation.key, person_id: personId })
  }

  turn(turn: TurnRow): void {
    this.#turns.push(turn)
  }

  cursor(cursor: Cursor): void {
    this.#cursors.set(`${cursor.channel} ${cursor.name}`, cursor)
  }

  /** The conversation was folded into another one. */
  gone(conversation: ConversationRow): void {
    this.#saved.delete(conversation.key)
    this.#woken.delete(conversation.key)
  }

  /** The conversation has work now. */
  wake(conversation: ConversationRow): void {
    this.#woken.set(conversation.key, conversation)
  }

  /** Writes what was collected so far, so that statements see it. */
  async flush(): Promise<void> {
    if (!this.#isEmpty()) await this.#write((sql, params) => this.tx.query(sql, params))
  }

  /** Writes the rest, wakes the conversations with work, and commits. Nothing may follow. */
  async commit(): Promise<void> {
    const woken = [...this.#woken.values()].toSorted((a, b) => a.key - b.key)
    const wake = this.context.wake(woken)
    if (wake) {
      for (const conversation of woken) this.save(conversation)
      // Sent together, executed in order.
      await Promise.all([this.flush(), wake(this.tx)])
      return
    }
    if (this.#files.length > 0) await this.flush()
    if (!this.#isEmpty()) await this.#write((sql, params) => this.tx.last(sql, params))
  }

  #isEmpty(): boolean {
    const lists = [this.#added, this.#sent, this.#people, this.#turns, this.#files]
    const maps = [this.#changed, this.#saved, this.#cursors]
    return lists.every((list) => list.length === 0) && maps.every((map) => map.size === 0)
  }

  async #write(run: (sql: string, params: readonly unknown[]) => Promise<unknown>): Promise<void> {
    const params = [
      this.#added,
      this.#sent,
      this.#people,
      [...this.#changed.values()].map(mutable),
      [...this.#saved.values()],
      this.#turns,
      [...this.#cursors.values()],
      this.#contexts,
    ].map(json)
    const files = this.#files
    this.#added = []
    this.#sent = []
    this.#people = []
    this.#changed.clear()
    this.#saved.clear()
    this.#turns = []
    this.#cursors.clear()
    this.#files = []
    this.#contexts = []
    await Promise.all([run(WRITE, params), ...files.map((file) => this.#store(file))])
  }

  /** In a statement of its own, so that bytes are sent as binary and not as text. */
  async #store({ id, message, at, attachment }: File): Promise<void> {
    const { bytes, mediaType, name } = attachment
    await this.tx.query(
      `INSERT INTO hermes.attachments (id, message, media_type, name, at, bytes)
         SELECT $1, m.key, f.media_type, f.name, $4, $5 FROM hermes.messages m,
           json_to_record($3::json) AS f (media_type text, name text) WHERE m.id = $2`,
      [
        id,
        message,
        json({ media_type: mediaType, name }),
        at,
        Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      ],
    )
  }
}

/** What `WRITE` updates of a message that already existed. */
function mutable(row: MessageRow) {
  return {
    key: row.key,
    state: row.state,
    reason: row.reason,
    answered_by: row.answered_by,
    history_seq: row.history_seq,
    group_id: row.group_id,
    solo: row.solo,
    failures: row.failures,
    leases: row.leases,
    not_before: row.not_before,
    held_base: row.held_base,
    draft: row.draft,
  }
}
