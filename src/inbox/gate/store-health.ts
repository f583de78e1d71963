import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import type { MessageObserver } from '../figures/observer.ts'

const MEGABYTE = 1024 * 1024

/** Room for the answers of all conversations in hand, and for the write-ahead log while it is merged. */
export const DEFAULT_RESERVE_BYTES = 64 * MEGABYTE

/** A disk does not fill up within seconds by what a gateway writes. */
const LOOK_EVERY_MS = 10 * SECOND
/** A store that works again is noticed within seconds; a probe costs it one small write. */
const PROBE_BACKOFF: BackoffOptions = { initialMs: SECOND, maxMs: 4 * SECOND }

/** Among many small writes that work, whether a larger one would is asked this often. */
const PROBE_AT_MOST_EVERY_MS = SECOND / 4

export interface StoreHealthOptions {
  readonly clock: Clock
  readonly observer: MessageObserver
  /** Bytes free where the store writes; null = unknown there. */
  readonly freeBytes?: () => Promise<number | null>
  readonly reserveBytes?: number
  /** A durable write, with room for the next ones; throws while the store takes none. */
  readonly probe: () => Promise<void>
  readonly random?: () => number
  readonly onProblem: (error: unknown) => void
}

/**
 * Does the store take what must be durable? Below the reserve no message is taken and no
 * turn begun, so that the answers in hand still find room; after a failed write the same,
 * until a write works again.
 */
export class StoreHealth {
  readonly #options: StoreHealthOptions
  readonly #changes: Emitter
  #problem: string | null = null
  #full = false
  #owed = 0
  #attempts = 0
  #timer: Timer | null = null
  #checking = false
  #failures = 0
  /** Monotonic. */
  #checkedAt = -Infinity
  #stopped = true

  constructor(options: StoreHealthOptions) {
    this.#options = options
    this.#changes = new Emitter(options.onProblem)
  }

  get ok(): boolean {
    return this.#problem === null
  }

  /** In words for the operator; null = nothing is wrong. */
  get problem(): string | null {
    return this.#problem
  }

  /** Called when the store works again, and when it stops working. */
  subscribe(listener: () => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  /** Looks once, then regularly. */
  async start(): Promise<void> {
    this.#stopped = false
    await this.#check()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Is there too little room to take anything in? What is in hand can still be stored. */
  get full(): boolean {
    return this.#full
  }

  /**
   * A write worked; where one had failed, it is looked at once whether everything can go on. On a full
   * disk small writes still find room now and then, between two that fail.
   */
  worked(): void {
    if (this.ok || this.#full || this.#checking || this.#owed > 0) return
    if (this.#options.clock.monotonic() - this.#checkedAt >= PROBE_AT_MOST_EVERY_MS) void this.#check()
  }

  /** Something that must be stored waits in memory: small writes that work prove nothing until it is paid. */
  owe(): void {
    this.#owed++
  }

  paid(): void {
    this.#owed--
    this.worked()
  }

  /** A write failed. */
  failed(error: unknown): void {
    const wasOk = this.ok
    this.#failures++
    this.#noteRoom(error)
    this.#set(`the store does not take writes: ${messageOf(error)}`)
    // The regular look is for a store that works.
    if (!this.#checking && (wasOk || !this.#timer)) this.#schedule()
  }

  async #check(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    this.#checking = true
    this.#checkedAt = this.#options.clock.monotonic()
    const failures = this.#failures
    const found = await this.#findProblem()
    this.#checking = false
    // What failed meanwhile is not disproved by what was asked before it.
    const problem = found ?? (this.#failures === failures ? null : this.#problem)
    this.#attempts = problem === null ? 0 : this.#attempts + 1
    this.#set(problem)
    if (!this.#stopped) this.#schedule()
  }

  async #findProblem(): Promise<string | null> {
    const { freeBytes, reserveBytes = DEFAULT_RESERVE_BYTES, probe } = this.#options
    const failures = this.#failures
    try {
      const free = (await freeBytes?.()) ?? null
      if (free !== null && free < reserveBytes) {
        this.#full = true
        return `only ${Math.floor(free / MEGABYTE)} MB are free where the store writes`
      }
      // A write that works is asked for only after one that did not: nothing is written for its own sake.
      if (this.#problem !== null) await probe()
      if (this.#failures === failures) this.#full = false
      return this.#owed > 0 ? this.#problem : null
    } catch (error) {
      this.#noteRoom(error)
      return `the store does not take writes: ${messageOf(error)}`
    }
  }

  /** Until a look finds room again. */
  #noteRoom(error: unknown): void {
    if (error instanceof StoreError && error.noRoom) this.#full = true
  }

  #schedule(): void {
    const { clock, random = Math.random } = this.#options
    const delay = this.ok ? LOOK_EVERY_MS : backoffDelay(Math.max(1, this.#attempts), PROBE_BACKOFF, random())
    this.#timer?.cancel()
    this.#timer = clock.setTimer(() => void this.#check(), delay)
  }

  #set(problem: string | null): void {
    const before = this.#problem
    this.#problem = problem
    if ((before === null) === (problem === null)) return
    const { observer } = this.#options
    observer.emit(problem === null ? { kind: 'store-recovered' } : { kind: 'store-failed', problem })
    this.#changes.emit()
  }
}
