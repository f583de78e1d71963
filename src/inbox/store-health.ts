import { backoffDelay, type BackoffOptions } from '../support/backoff.ts'
import { SECOND, type Clock, type Timer } from '../support/clock.ts'
import { messageOf } from '../support/errors.ts'
import type { MessageObserver } from './observer.ts'

const MEGABYTE = 1024 * 1024

/** Room for the answers of all conversations in hand, and for the write-ahead log while it is merged. */
export const DEFAULT_RESERVE_BYTES = 64 * MEGABYTE

/** A disk does not fill up within seconds by what a gateway writes. */
const LOOK_EVERY_MS = 10 * SECOND
/** A store that works again is noticed within seconds; a probe costs it one small write. */
const PROBE_BACKOFF: BackoffOptions = { initialMs: SECOND, maxMs: 4 * SECOND }

export interface StoreHealthOptions {
  readonly clock: Clock
  readonly observer: MessageObserver
  /** Bytes free where the store writes; null = unknown there. */
  readonly freeBytes?: () => Promise<number | null>
  readonly reserveBytes?: number
  /** A small durable write; throws while the store takes none. */
  readonly probe: () => Promise<void>
  readonly random?: () => number
}

/**
 * Does the store take what must be durable? Below the reserve no message is taken and no
 * turn begun, so that the answers in hand still find room; after a failed write the same,
 * until a write works again.
 */
export class StoreHealth {
  readonly #options: StoreHealthOptions
  readonly #listeners = new Set<() => void>()
  #problem: string | null = null
  #full = false
  #owed = 0
  #attempts = 0
  #timer: Timer | null = null
  #stopped = true

  constructor(options: StoreHealthOptions) {
    this.#options = options
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
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Looks once, then regularly. */
  async start(): Promise<void> {
    this.#stopped = false
    await this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  /** Is there too little room to take anything in? What is in hand can still be stored. */
  get full(): boolean {
    return this.#full
  }

  /** A write worked; where it had failed, everything goes on at once. */
  worked(): void {
    if (!this.#full && this.#owed === 0) this.#set(null)
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
    this.#set(`the store does not take writes: ${messageOf(error)}`)
    if (!this.#timer) this.#schedule()
  }

  async #look(): Promise<void> {
    this.#timer = null
    const problem = await this.#findProblem()
    this.#attempts = problem === null ? 0 : this.#attempts + 1
    this.#set(problem)
    if (!this.#stopped) this.#schedule()
  }

  async #findProblem(): Promise<string | null> {
    const { freeBytes, reserveBytes = DEFAULT_RESERVE_BYTES, probe } = this.#options
    try {
      const free = (await freeBytes?.()) ?? null
      this.#full = free !== null && free < reserveBytes
      if (this.#full) {
        return `only ${Math.floor(free! / MEGABYTE)} MB are free where the store writes`
      }
      // A write that works is asked for only after one that did not: nothing is written for its own sake.
      if (this.#problem !== null) await probe()
      return this.#owed > 0 ? this.#problem : null
    } catch (error) {
      return `the store does not take writes: ${messageOf(error)}`
    }
  }

  #schedule(): void {
    const { clock, random = Math.random } = this.#options
    const delay = this.ok ? LOOK_EVERY_MS : backoffDelay(Math.max(1, this.#attempts), PROBE_BACKOFF, random())
    this.#timer?.cancel()
    this.#timer = clock.setTimer(() => void this.#look(), delay)
  }

  #set(problem: string | null): void {
    const before = this.#problem
    this.#problem = problem
    if ((before === null) === (problem === null)) return
    const { observer } = this.#options
    observer.tell(problem === null ? { kind: 'store-recovered' } : { kind: 'store-failed', problem })
    for (const listener of this.#listeners) listener()
  }
}
