import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { StoreError, TransientError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Inbox } from '../inbox.ts'
import type { Lease } from '../lease.ts'
import type { Delivery } from './delivery.ts'
import { type SendChannel, replyTarget } from './send-channel.ts'

/** An answer that is done within this time is sent once, whole. */
const FIRST_AFTER_MS = SECOND
/** So much text is worth showing at once. */
const FIRST_AFTER_CHARS = 240
/** Longer than any working platform needs. */
const CLOSE_TIMEOUT_MS = 10 * SECOND
/** Platforms show "typing" for about five seconds. */
const TYPING_EVERY_MS = 4 * SECOND

/** Shows an answer while it is being written. Every failure is silent: the final text is sent through the outbox. */
export interface Draft {
  /** `text` is the whole answer so far. */
  write(text: string): void
  /**
   * Stops the draft. Resolves once none of its calls is in flight; must be awaited before the outcome is stored.
   *
   * @param last stays in the chat where a draft is shown that no answer replaces; left out: it stays as it is
   */
  close(last?: string): Promise<void>
}

export interface DraftOptions {
  readonly delivery: Pick<Delivery, 'reserve' | 'isIdle'>
  readonly inbox: Pick<Inbox, 'saveDraft'>
  readonly sendChannels: ReadonlyMap<string, SendChannel>
  readonly clock: Clock
  readonly log: Log
}

const NO_DRAFT: Draft = { write: () => {}, close: async () => {} }

/** Opens drafts for turns, on channels that can show them. */
export class Drafts {
  readonly #options: DraftOptions
  readonly #unsaved: UnsavedDrafts = new Map()

  constructor(options: DraftOptions) {
    this.#options = options
  }

  /** @param freeze asked before anything is shown; see `AnswerTurn` */
  open(lease: Lease, freeze: () => boolean): Draft {
    const sendChannel = this.#options.sendChannels.get(lease.conversation.channel)
    // There the event streams show at once what is written.
    if (!sendChannel?.push) return { ...NO_DRAFT, write: () => void freeze() }
    return new LiveDraft(this.#options, sendChannel, lease, this.#unsaved, freeze)
  }

  /**
   * Call before a turn's outcome is stored. A draft that is shown must become the answer, not remain next
   * to it; so a draft id that the store could not save earlier is saved again.
   *
   * @throws StoreError
   */
  async saveUnsaved(lease: Lease): Promise<void> {
    const id = this.#unsaved.get(lease.turnId)
    if (id === undefined) return
    try {
      await this.#options.inbox.saveDraft(lease, id)
    } catch (error) {
      if (error instanceof StoreError) throw error
      // Refused for good: better a draft that stays above the answer than no answer.
      this.#options.log.error({ err: error }, 'the store refuses the id of a draft')
    }
    this.#unsaved.delete(lease.turnId)
  }
}

/** Drafts that are shown but whose ids are not stored yet: the platform's id, by turn. */
type UnsavedDrafts = Map<string, string>

class LiveDraft implements Draft {
  readonly #options: DraftOptions
  readonly #sendChannel: SendChannel
  readonly #lease: Lease
  #id: string | null
  #latest = ''
  #shown = ''
  #timer: Timer | null = null
  #typing: Timer | null = null
  /** Monotonic: not before this. */
  #notBefore: number
  #busy: Promise<void> | null = null
  #reserved: Disposable | null = null
  #over = false
  /** Only an edit may be aborted: an aborted send leaves a message whose id is unknown. */
  readonly #edits = new AbortController()
  readonly #unsaved: UnsavedDrafts
  readonly #freeze: () => boolean

  constructor(
    options: DraftOptions,
    sendChannel: SendChannel,
    lease: Lease,
    unsaved: UnsavedDrafts,
    freeze: () => boolean,
  ) {
    this.#freeze = freeze
    this.#options = options
    this.#sendChannel = sendChannel
    this.#lease = lease
    this.#unsaved = unsaved
    // The draft of an earlier attempt is continued in place.
    this.#id = lease.draft
    this.#notBefore = options.clock.monotonic() + FIRST_AFTER_MS
    this.#showTyping()
  }

  write(text: string): void {
    this.#latest = text
    if (this.#over || this.#sendChannel.draftIntervalMs === null || this.#busy || text.trim() === '') return
    const now = this.#options.clock.monotonic()
    const enough = this.#id === null && this.#shown === '' && text.length >= FIRST_AFTER_CHARS
    if (enough && this.#notBefore - now <= FIRST_AFTER_MS) this.#notBefore = Math.min(this.#notBefore, now)
    if (now >= this.#notBefore) this.#show()
    else this.#timer ??= this.#options.clock.setTimer(() => this.#wake(), this.#notBefore - now)
  }

  async close(last?: string): Promise<void> {
    this.#over = true
    this.#timer?.cancel()
    this.#typing?.cancel()
    this.#edits.abort(new Error('the draft is over'))
    const ending = last === undefined ? this.#busy : this.#leave(last)
    if (!ending) return
    // A hanging platform must not keep the finished answer from being stored.
    let timer: Timer | null = null
    const timeout = new Promise<void>((resolve) => {
      timer = this.#options.clock.setTimer(resolve, CLOSE_TIMEOUT_MS)
    })
    await Promise.race([ending, timeout])
    timer!.cancel()
    this.#reserved?.[Symbol.dispose]()
  }

  /** Shows `text` for good, where another one is shown. Never rejects. */
  async #leave(text: string): Promise<void> {
    const { log } = this.#options
    await this.#busy
    if (this.#id === null || this.#shown === text) return
    const { address } = this.#lease.conversation
    await this.#sendChannel
      .edit(address, this.#id, text, { final: true, signal: NEVER })
      .catch((err: unknown) => log.debug({ err }, 'the last text of a draft could not be shown'))
  }

  #wake(): void {
    this.#timer = null
    if (this.#latest !== this.#shown) this.write(this.#latest)
  }

  #show(): void {
    const text = this.#latest
    if (text === this.#shown) return
    this.#timer?.cancel()
    this.#timer = null
    this.#busy = (this.#id === null ? this.#send(text) : this.#edit(this.#id, text))
      .catch((error: unknown) => this.#trouble(error))
      .finally(() => {
        this.#busy = null
        if (!this.#over && this.#latest !== this.#shown) this.write(this.#latest)
      })
  }

  async #send(text: string): Promise<void> {
    const { delivery, inbox } = this.#options
    const { conversation, messages, turnId } = this.#lease
    using reserved = delivery.reserve(conversation.id)
    this.#reserved = reserved
    this.#later(this.#sendChannel.draftIntervalMs ?? FIRST_AFTER_MS)
    // The outbox goes first; the draft checks again after its interval.
    if (!reserved || !this.#freeze()) return
    const id = await this.#sendChannel.send(conversation.address, this.#sendChannel.split(text)[0] ?? text, {
      replyTo: replyTarget(messages.at(-1)?.platformMessageId ?? null),
      key: `${turnId}:draft`,
      isDraft: true,
      signal: NEVER,
    })
    // Durable before the first edit: a crash from here on orphans nothing.
    // The turn may end before the store has replied.
    this.#unsaved.set(turnId, id)
    if (!(await inbox.saveDraft(this.#lease, id))) this.#over = true
    this.#unsaved.delete(turnId)
    this.#id = id
    this.#shown = text
    this.#later(this.#sendChannel.draftIntervalMs ?? FIRST_AFTER_MS)
  }

  async #edit(id: string, text: string): Promise<void> {
    this.#later(this.#sendChannel.draftIntervalMs ?? FIRST_AFTER_MS)
    // A waiting notice must not be delayed by edits: they share the platform's rate limit.
    if (!this.#options.delivery.isIdle(this.#lease.conversation.id)) return
    await this.#sendChannel.edit(this.#lease.conversation.address, id, text, {
      final: false,
      signal: this.#edits.signal,
    })
    this.#shown = text
    this.#later(this.#sendChannel.draftIntervalMs ?? FIRST_AFTER_MS)
  }

  #later(ms: number): void {
    this.#notBefore = this.#options.clock.monotonic() + ms
  }

  #trouble(error: unknown): void {
    if (error instanceof TransientError) {
      this.#later(Math.max(error.retryAfterMs ?? 0, this.#sendChannel.draftIntervalMs ?? 0))
    } else {
      if (!this.#over) this.#options.log.debug({ err: error }, 'a draft could not be shown')
      this.#over = true
    }
  }

  #showTyping(): void {
    if (this.#over) return
    this.#sendChannel.typing(this.#lease.conversation.address)
    this.#typing = this.#options.clock.setTimer(() => this.#showTyping(), TYPING_EVERY_MS)
  }
}

const NEVER = new AbortController().signal
