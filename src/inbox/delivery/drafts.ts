import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { TransientError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Inbox } from '../inbox.ts'
import type { Lease } from '../lease.ts'
import type { Delivery } from './delivery.ts'
import { type Outlet, replyTarget } from './outlet.ts'

/** An answer that is done within this time is sent once, whole. */
const FIRST_AFTER_MS = SECOND
/** So much text is worth showing at once. */
const FIRST_AFTER_CHARS = 240
/** Longer than any platform takes that works at all. */
const CLOSE_PATIENCE_MS = 10 * SECOND
/** Platforms show "typing" for about five seconds. */
const TYPING_EVERY_MS = 4 * SECOND

/** Shows an answer while it is being written. Every failure is silent: the final text goes by the outbox. */
export interface Draft {
  /** `text` is the whole answer so far. */
  write(text: string): void
  /** Stops showing. Resolves once nothing of the draft is under way any more; must be awaited before the outcome is stored. */
  close(): Promise<void>
}

export interface DraftOptions {
  readonly delivery: Pick<Delivery, 'reserve' | 'isIdle'>
  readonly inbox: Pick<Inbox, 'saveDraft'>
  readonly outlets: ReadonlyMap<string, Outlet>
  readonly clock: Clock
  readonly log: Log
}

const NO_DRAFT: Draft = { write: () => {}, close: async () => {} }

/** Opens drafts for turns, on channels where somebody would see them. */
export class Drafts {
  readonly #options: DraftOptions
  readonly #unsaved: UnsavedDrafts = new Map()

  constructor(options: DraftOptions) {
    this.#options = options
  }

  open(lease: Lease): Draft {
    const outlet = this.#options.outlets.get(lease.conversation.channel)
    if (!outlet?.push) return NO_DRAFT
    return new LiveDraft(this.#options, outlet, lease, this.#unsaved)
  }

  /**
   * Before a turn's outcome is stored: its draft is shown and must not stay beside the answer, so
   * that an id which the store did not take at once is given to it again.
   *
   * @throws StoreError
   */
  async saveUnsaved(lease: Lease): Promise<void> {
    const id = this.#unsaved.get(lease.turnId)
    if (id === undefined) return
    await this.#options.inbox.saveDraft(lease, id)
    this.#unsaved.delete(lease.turnId)
  }
}

/** Drafts that are shown while the store has not taken their ids yet: the platform's id, by turn. */
type UnsavedDrafts = Map<string, string>

class LiveDraft implements Draft {
  readonly #options: DraftOptions
  readonly #outlet: Outlet
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
  /** Only an edit may be cut off: a message whose sending was cut off has an id that nobody knows. */
  readonly #edits = new AbortController()
  readonly #unsaved: UnsavedDrafts

  constructor(options: DraftOptions, outlet: Outlet, lease: Lease, unsaved: UnsavedDrafts) {
    this.#options = options
    this.#outlet = outlet
    this.#lease = lease
    this.#unsaved = unsaved
    // What an earlier try has shown is gone on with in place.
    this.#id = lease.draft
    this.#notBefore = options.clock.monotonic() + FIRST_AFTER_MS
    this.#showTyping()
  }

  write(text: string): void {
    this.#latest = text
    if (this.#over || this.#outlet.draftIntervalMs === null || this.#busy || text.trim() === '') return
    const now = this.#options.clock.monotonic()
    const enough = this.#id === null && this.#shown === '' && text.length >= FIRST_AFTER_CHARS
    if (enough && this.#notBefore - now <= FIRST_AFTER_MS) this.#notBefore = Math.min(this.#notBefore, now)
    if (now >= this.#notBefore) this.#show()
    else this.#timer ??= this.#options.clock.setTimer(() => this.#wake(), this.#notBefore - now)
  }

  async close(): Promise<void> {
    this.#over = true
    this.#timer?.cancel()
    this.#typing?.cancel()
    this.#edits.abort(new Error('the draft is over'))
    if (!this.#busy) return
    // A platform that hangs must not keep the finished answer from being stored.
    let timer: Timer | null = null
    const patience = new Promise<void>((resolve) => {
      timer = this.#options.clock.setTimer(resolve, CLOSE_PATIENCE_MS)
    })
    await Promise.race([this.#busy, patience])
    timer!.cancel()
    this.#reserved?.[Symbol.dispose]()
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
    this.#later(this.#outlet.draftIntervalMs ?? FIRST_AFTER_MS)
    // What waits in the outbox goes first; the draft looks again after its interval.
    if (!reserved) return
    const id = await this.#outlet.send(conversation.address, this.#outlet.split(text)[0] ?? text, {
      replyTo: replyTarget(messages.at(-1)?.platformMessageId ?? null),
      key: `${turnId}:draft`,
      signal: NEVER,
    })
    // Durable before the first edit: a crash from here on leaves nothing orphaned.
    // The turn may be over before the store has said anything.
    this.#unsaved.set(turnId, id)
    if (!(await inbox.saveDraft(this.#lease, id))) this.#over = true
    this.#unsaved.delete(turnId)
    this.#id = id
    this.#shown = text
    this.#later(this.#outlet.draftIntervalMs ?? FIRST_AFTER_MS)
  }

  async #edit(id: string, text: string): Promise<void> {
    this.#later(this.#outlet.draftIntervalMs ?? FIRST_AFTER_MS)
    // A notice that waits must not wait for edits: they share the platform's rate.
    if (!this.#options.delivery.isIdle(this.#lease.conversation.id)) return
    await this.#outlet.edit(this.#lease.conversation.address, id, text, {
      final: false,
      signal: this.#edits.signal,
    })
    this.#shown = text
    this.#later(this.#outlet.draftIntervalMs ?? FIRST_AFTER_MS)
  }

  #later(ms: number): void {
    this.#notBefore = this.#options.clock.monotonic() + ms
  }

  #trouble(error: unknown): void {
    if (error instanceof TransientError) {
      this.#later(Math.max(error.retryAfterMs ?? 0, this.#outlet.draftIntervalMs ?? 0))
    } else {
      if (!this.#over) this.#options.log.debug({ err: error }, 'a draft could not be shown')
      this.#over = true
    }
  }

  #showTyping(): void {
    if (this.#over) return
    this.#outlet.typing(this.#lease.conversation.address)
    this.#typing = this.#options.clock.setTimer(() => this.#showTyping(), TYPING_EVERY_MS)
  }
}

const NEVER = new AbortController().signal
