import type { Texts } from '../../config/texts.ts'
import { MINUTE, SECOND, type Clock, type Timer } from '../../support/clock.ts'
import type { Log } from '../../support/log.ts'
import type { Inbox } from '../inbox.ts'
import type { ConversationId } from '../message.ts'
import { outageOf, type Gate, type GateState, noticeAt, tooOldNotice } from './gate.ts'

/** Ages are counted in days; a minute more or less is nothing. */
const EXPIRE_EVERY_MS = MINUTE
/** By then a process that started with the gate shut has tried every automatic recovery. */
const RECOVERY_GRACE_MS = 10 * MINUTE
const RETRY_MS = 5 * SECOND
/** While it lasts: a message whose storing began before the outage, or that a turn returned, is not held yet. */
const HOLD_AGAIN_MS = 5 * SECOND

export interface OutageWatchOptions {
  readonly gate: Gate
  readonly inbox: Pick<Inbox, 'hold' | 'expire' | 'counts'>
  readonly clock: Clock
  readonly texts: Texts
  /** Age in observed outage time after which a held message is refused, in milliseconds. */
  readonly maxAge: number
  readonly log: Log
  /** These conversations have a new notice to be sent. */
  readonly onNotices: (conversations: readonly ConversationId[]) => void
  readonly onStoreError: (error: unknown) => void
}

/**
 * Notifies people that they wait once the outage has lasted long enough, and refuses messages that have
 * waited too long. Age is time during which this process observed the outage: a machine that was off, or a
 * clock that was set, makes no message older.
 */
export class OutageWatch {
  readonly #options: OutageWatchOptions
  #subscription: Disposable | null = null
  #announceTimer: Timer | null = null
  #expireTimer: Timer | null = null
  /** Monotonic; null while the gate is open. */
  #countedUntil: number | null = null
  #observed = 0
  #startedAt = 0
  #recoveryTried = false
  #wasProbing = false
  #busy: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: OutageWatchOptions) {
    this.#options = options
  }

  start(): void {
    const { gate, clock } = this.#options
    this.#startedAt = clock.monotonic()
    this.#subscription = gate.subscribe((state) => this.#onGate(state))
    this.#onGate(gate.current())
    this.#scheduleExpire()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#subscription?.[Symbol.dispose]()
    this.#announceTimer?.cancel()
    this.#expireTimer?.cancel()
    await this.#busy
  }

  #onGate(state: GateState): void {
    const { clock } = this.#options
    this.#count()
    if (state.open) {
      this.#announceTimer?.cancel()
      this.#countedUntil = null
      this.#recoveryTried = true
      this.#wasProbing = false
      return
    }
    this.#countedUntil ??= clock.monotonic()
    if (this.#wasProbing && !state.probing) this.#recoveryTried = true
    this.#wasProbing = state.probing
    // Also after each probe that failed: what arrived while it ran was not yet held.
    const now = clock.now()
    this.#announceIn(noticeAt(state, now) - now)
  }

  /** @param again all that waited has been held once */
  #announce(again = false): void {
    this.#run(
      async () => {
        const { gate, inbox, clock } = this.#options
        const now = clock.now()
        const state = gate.current()
        const outage = outageOf(state, now)
        // The clock was set back, or the gate has changed since: it is due later.
        if (outage?.notice === null) return this.#onGate(state)
        if (!outage?.notice) return
        // To hold reads everything that waits, to count does not.
        if (!again || (await inbox.counts()).received > 0)
          this.#options.onNotices(await inbox.hold({ outage, now }))
        if (!gate.current().open) this.#announceIn(HOLD_AGAIN_MS, true)
      },
      () => this.#announceIn(RETRY_MS, again),
    )
  }

  #announceIn(ms: number, again = false): void {
    this.#announceTimer?.cancel()
    this.#announceTimer = this.#stopped ? null : this.#options.clock.setTimer(() => this.#announce(again), ms)
  }

  #expire(): void {
    this.#scheduleExpire()
    this.#count()
    const { gate, inbox, clock, maxAge, texts } = this.#options
    this.#run(async () => {
      // Read only now: the call before this one may have counted a part of it.
      const observed = Math.round(this.#observed)
      if (gate.current().open || observed === 0 || !this.#mayExpire()) return
      const now = clock.now()
      const notice = (at: number) => tooOldNotice(at, now, texts)
      const told = await inbox.expire({ now, maxAge, observed, notice })
      this.#observed -= observed
      this.#options.onNotices(told)
    })
  }

  /** No message is refused before a recovery was attempted since the start. */
  #mayExpire(): boolean {
    return this.#recoveryTried || this.#options.clock.monotonic() - this.#startedAt >= RECOVERY_GRACE_MS
  }

  #count(): void {
    if (this.#countedUntil === null) return
    const now = this.#options.clock.monotonic()
    this.#observed += now - this.#countedUntil
    this.#countedUntil = now
  }

  #scheduleExpire(): void {
    this.#expireTimer = this.#options.clock.setTimer(() => this.#expire(), EXPIRE_EVERY_MS)
  }

  /** One at a time, so that two calls never count the same minutes. */
  #run(work: () => Promise<void>, onFailure: () => void = () => {}): void {
    this.#busy = this.#after(this.#busy, work, onFailure)
  }

  async #after(before: Promise<void>, work: () => Promise<void>, onFailure: () => void): Promise<void> {
    await before
    if (this.#stopped) return
    try {
      await work()
    } catch (error) {
      this.#options.onStoreError(error)
      this.#options.log.error({ err: error }, 'the outage could not be written down')
      if (!this.#stopped) onFailure()
    }
  }
}
