import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { messageOf, StoreError } from '../../support/errors.ts'
import type { MessageObserver } from '../figures/observer.ts'

const MEGABYTE = 1024 * 1024

/** Room for the answers of all running turns, and for the write-ahead log during a checkpoint. */
export const DEFAULT_RESERVE_BYTES = 64 * MEGABYTE

/** What a gateway writes does not fill a disk within seconds. */
const CHECK_EVERY_MS = 10 * SECOND
/** Between the tries of what must be stored: a store that works again is noticed within seconds. */
export const STORE_BACKOFF: BackoffOptions = { initialMs: 250, maxMs: 4 * SECOND }
/** A store that works again is noticed within seconds; a probe costs it one small write. */
const PROBE_BACKOFF: BackoffOptions = { initialMs: SECOND, maxMs: 4 * SECOND }

/** While small writes succeed, a larger one is probed at most this often. */
const PROBE_AT_MOST_EVERY_MS = SECOND / 4

export interface StoreHealthOptions {
  readonly clock: Clock
  readonly observer: MessageObserver
  /** Free bytes where the store writes; null = unknown. */
  readonly freeBytes?: () => Promise<number | null>
  readonly reserveBytes?: number
  /** A durable write, with room for the next ones; throws while writes fail. */
  readonly probe: () => Promise<void>
  readonly random?: () => number
  readonly onProblem: (error: unknown) => void
}

/**
 * Whether the store can write durably. Below the reserve, or after a failed write until one works again, no
 * message is accepted and no turn started, so that the answers of running turns can still be stored.
 */
export class StoreHealth {
  readonly #options: StoreHealthOptions
  readonly #changes: Emitter
  #problem: string | null = null
  #full = false
  #unstored = 0
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

  /** Checks once, then regularly. */
  async start(): Promise<void> {
    this.#stopped = false
    await this.#check()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Whether there is too little room to accept messages. Running turns can still be stored. */
  get full(): boolean {
    return this.#full
  }

  /**
   * A write worked. If one had failed before, a larger write is probed at once: on a full disk, small
   * writes still succeed now and then between failing ones.
   */
  worked(): void {
    if (this.ok || this.#full || this.#checking || this.#unstored > 0) return
    if (this.#options.clock.monotonic() - this.#checkedAt >= PROBE_AT_MOST_EVERY_MS) void this.#check()
  }

  /** Something that must be stored waits in memory: small writes that work prove nothing until it is stored. */
  addUnstored(): void {
    this.#unstored++
  }

  /** It was stored, which also counts as a write that worked. */
  removeUnstored(): void {
    this.#unstored--
    this.worked()
  }

  /** A write failed. What is wrong with a row, or with ourselves, says nothing of the store. */
  failed(error: unknown): void {
    if (!(error instanceof StoreError)) return
    const wasOk = this.ok
    this.#failures++
    this.#noteRoom(error)
    this.#set(`the store rejects writes: ${messageOf(error)}`)
    // The regular check is for a store that works.
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
    // A failure since then is not disproved by a check that began before it.
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
      // A probe write is made only after a failed one: a healthy store gets no extra writes.
      if (this.#problem !== null) await probe()
      if (this.#failures === failures) this.#full = false
      return this.#unstored > 0 ? this.#problem : null
    } catch (error) {
      this.#noteRoom(error)
      return `the store rejects writes: ${messageOf(error)}`
    }
  }

  /** Until a check finds room again. */
  #noteRoom(error: unknown): void {
    if (error instanceof StoreError && error.noRoom) this.#full = true
  }

  #schedule(): void {
    const { clock, random = Math.random } = this.#options
    const delay = this.ok
      ? CHECK_EVERY_MS
      : backoffDelay(Math.max(1, this.#attempts), PROBE_BACKOFF, random())
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
