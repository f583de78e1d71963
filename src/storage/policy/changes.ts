import type { Cursor, MessageContext } from '../../inbox/arrival.ts'
import type { SpentKind } from '../../inbox/lease.ts'
import type { Attachment, AttachmentInfo } from '../../inbox/message.ts'
import type { StoredCall } from '../../inbox/step.ts'
import { newId } from '../../support/ids.ts'
import type { Settlement } from '../../usage/budgets.ts'
import {
  type NewMessage,
  type Sending,
  type ConversationRow,
  NOT_YET_STORED,
  type MessageRow,
} from '../rows/rows.ts'

/** The columns of a message that change after it was stored, except its text. */
export type MessageChange = Partial<
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
    | 'frozen'
  >
>

/** A row of which the storage loaded at least this. */
type Loaded = Pick<MessageRow, 'key'>

/** A message that is stored with these changes, with the columns that no decision reads. */
export interface AddedMessage extends MessageRow {
  readonly conversation: number
  readonly blocks: string | null
  readonly origin: number | null
  readonly command: boolean
}

/** A file of an added message. */
export interface AddedFile {
  readonly id: string
  /** The id of the message. */
  readonly message: string
  readonly at: number
  readonly attachment: Attachment
}

/** The context of an added message, named by the message's id; `json` null keeps only the digest. */
export interface AddedContext {
  readonly id: string
  readonly digest: string
  readonly json: Omit<MessageContext, 'digest'> | null
}

/** An item of the outbox, named by the id of an added message. */
export interface SentMessage {
  readonly id: string
  readonly conversation: number
  readonly kind: Sending['kind']
  readonly reply_to: string | null
  readonly draft: string | null
  readonly asked_at: number | null
  readonly at: number
}

/** What requests of a turn have cost: an entry of the ledger. */
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
  readonly cache_write_1h_tokens: number
  readonly web_searches: number
  readonly kind: SpentKind
  readonly requests: number
  readonly person_id: string | null
  readonly tool: string | null
  /** In nano-dollars; null = unknown. */
  readonly cost: number | null
  readonly estimated: boolean
  readonly subscription: boolean
}

/** A step of a turn, named by the key of the turn's oldest message. */
export interface StepRow {
  readonly message: number
  readonly step: number
  readonly response: string
  readonly max_tokens: number
  readonly terms: string | null
  readonly at: number
}

/** A call of a step; `place` is its place among them. */
export type CallRow = StoredCall & {
  readonly message: number
  readonly step: number
  readonly place: number
  readonly done_at: number | null
}

/** What a call led to. */
export interface ResultRow {
  readonly message: number
  readonly step: number
  readonly id: string
  readonly result: string
  readonly done_at: number
}

/**
 * What decisions want written: data alone, of any number of conversations. A storage writes all of it in one
 * transaction. The rows passed in are changed in memory at once, so that a later decision over the same rows
 * sees what an earlier one has decided.
 */
export class Changes {
  readonly added: AddedMessage[] = []
  readonly files: AddedFile[] = []
  readonly contexts: AddedContext[] = []
  readonly sent: SentMessage[] = []
  readonly participants: Array<{ readonly conversation: number; readonly person_id: string }> = []
  /** By the key of the message: its row, as it was loaded and is now, and the columns that differ. */
  readonly changed = new Map<number, { readonly row: Loaded; readonly change: MessageChange }>()
  /** New texts, and what is known of them besides, by the key of the message. */
  readonly texts: Array<readonly [key: number, text: string, about: string | null]> = []
  readonly saved = new Map<number, ConversationRow>()
  readonly turns: TurnRow[] = []
  /** New summaries, by the key of the conversation; null = removed. */
  readonly summaries: Array<readonly [conversation: number, text: string | null]> = []
  /** Keys of answered messages whose contexts are no longer needed, and may be large. */
  readonly usedContexts: number[] = []
  readonly steps: StepRow[] = []
  readonly calls: CallRow[] = []
  readonly results: ResultRow[] = []
  /** Keys of messages whose turns are over: what is stored of the steps under them is removed. */
  readonly endedJournals: number[] = []
  /** What reservations of turns have turned out to cost. */
  readonly settlements: Settlement[] = []
  /** Ids that were turned away. */
  readonly seen: Array<{ readonly origin: number; readonly platform_id: string; readonly at: number }> = []
  /** Of each channel and name the last one counts. */
  readonly cursors: Cursor[] = []
  /** Conversations that have work now. */
  readonly woken = new Map<number, ConversationRow>()
  /** Messages that began to wait. */
  arrived = 0
  /** Messages stopped or resumed waiting in any other way. */
  queueChanged = false

  readonly #pullChannels: ReadonlySet<string>

  /** @param pullChannels channels whose readers read the store: nothing is put into the outbox for them */
  constructor(pullChannels: ReadonlySet<string>) {
    this.#pullChannels = pullChannels
  }

  /** Adds a message at the end of the conversation, which is saved with it. */
  insert(conversation: ConversationRow, message: NewMessage): AddedMessage {
    const id = newId(message.at)
    const seq = conversation.next_seq++
    conversation.last_at = Math.max(conversation.last_at, message.at)
    const row: AddedMessage = {
      key: NOT_YET_STORED,
      id,
      conversation: conversation.key,
      seq,
      revision: 0,
      role: message.role,
      state: message.state,
      text: message.text,
      preface: message.preface ?? null,
      blocks: message.blocks ?? null,
      reason: message.reason ?? null,
      origin: message.origin ?? null,
      platform_id: message.platformId ?? null,
      person_id: message.personId ?? null,
      person_name: message.personName ?? null,
      addressed: message.addressed ?? false,
      command: message.command ?? false,
      attachments: message.sharedFiles ?? this.#attach(id, message),
      about: message.about ? JSON.stringify(message.about) : null,
      at: message.at,
      answered_by: null,
      history_seq: message.inHistory ? seq : null,
      group_id: message.pieces?.group_id ?? null,
      solo: message.alone === true || message.context !== undefined,
      failures: 0,
      leases: 0,
      not_before: message.pieces?.not_before ?? 0,
      held_base: message.heldBase ?? null,
      draft: null,
      frozen: false,
    }
    this.added.push(row)
    if (message.context) {
      const { digest, ...rest } = message.context.value
      this.contexts.push({ id, digest, json: message.context.whole ? rest : null })
    }
    this.save(conversation)
    return row
  }

  #attach(message: string, { attachments = [], at }: NewMessage): readonly AttachmentInfo[] | null {
    if (attachments.length === 0) return null
    return attachments.map((attachment) => {
      const file = { id: newId(at), message, at, attachment }
      this.files.push(file)
      const { mediaType, name, bytes } = attachment
      return { id: file.id, mediaType, name, size: bytes.byteLength }
    })
  }

  /** Puts an added message into the outbox. False: the channel's readers read the store themselves. */
  send(conversation: ConversationRow, message: AddedMessage, sending: Sending): boolean {
    if (this.#pullChannels.has(conversation.channel)) return false
    this.sent.push({
      id: message.id,
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
    const notice = this.insert(conversation, { role: 'notice', state: 'answered', text, at: sending.at })
    return { id: notice.id, outbox: this.send(conversation, notice, { ...sending, kind: 'notice' }) }
  }

  /** Changes a message, on top of what was changed of it before. */
  change(row: Loaded, change: MessageChange): void {
    const before = this.changed.get(row.key)?.change
    const whole = before ? { ...before, ...change } : change
    Object.assign(row, whole)
    if (row.key !== NOT_YET_STORED) this.changed.set(row.key, { row, change: whole })
  }

  changeText(row: MessageRow, text: string, about: string | null): void {
    Object.assign(row, { text, about })
    if (row.key !== NOT_YET_STORED) this.texts.push([row.key, text, about])
  }

  /** Writes the row as it is at the end. */
  save(conversation: ConversationRow): void {
    this.saved.set(conversation.key, conversation)
  }

  /** The conversation has work now. */
  wake(conversation: ConversationRow): void {
    this.woken.set(conversation.key, conversation)
  }
  /** The conversation was folded into another one, and its row is gone. */
  forget(conversation: ConversationRow): void {
    this.saved.delete(conversation.key)
    this.woken.delete(conversation.key)
  }

  /** All of it was written: what follows adds to an empty list. Who has work is kept until the commit. */
  written(): void {
    for (const list of [this.added, this.files, this.contexts, this.sent, this.participants]) list.length = 0
    for (const list of [this.texts, this.turns, this.summaries, this.usedContexts]) list.length = 0
    for (const list of [this.steps, this.calls, this.results, this.endedJournals]) list.length = 0
    for (const list of [this.settlements, this.seen, this.cursors]) list.length = 0
    this.changed.clear()
    this.saved.clear()
  }
}
