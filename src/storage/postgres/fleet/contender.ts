import type { Candidacy, Service, Tenure } from '../../../inbox/fleet/fleet.ts'
import { SECOND, type Clock, type Timer } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'
import { acquireLease, type Lease } from './lease.ts'

/** A dead holder is replaced within the term of a lease plus this. */
const TRY_EVERY_MS = SECOND
/** How soon a holder notices that it may have lost the right. */
const CHECK_EVERY_MS = 0.5 * SECOND

export interface ContenderOptions {
  readonly database: Queryable
  readonly name: string
  /** The process's id. */
  readonly holder: string
  readonly clock: Clock
  readonly serve: Service
  /** False: another process should hold it, if there is one. */
  readonly wanted?: () => boolean
  /** The right was released cleanly: the others need not wait for its term. */
  readonly onReleased: () => void
  readonly onProblem: (error: unknown) => void
}

/** Competes for an exclusive right, and runs the service whenever it holds it. */
export class Contender implements Candidacy {
  readonly #options: ContenderOptions
  #lease: Lease | null = null
  #end: (() => Promise<void>) | null = null
  #timer: Timer | null = null
  /** One step at a time: a tenure ends before the next one begins. */
  #busy: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(options: ContenderOptions) {
    this.#options = options
  }

  /** Resolves after the first attempt. */
  async start(): Promise<void> {
    await this.#step()
    this.#again()
  }

  /** Another process has released a right: tries at once. */
  nudge(): void {
    if (!this.#lease && !this.#stopped) void this.#step()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#busy
    await this.#leave()
  }

  #step(): Promise<void> {
    return (this.#busy = this.#busy.then(() => this.#check()).catch(this.#options.onProblem))
  }

  async #check(): Promise<void> {
    if (this.#stopped) return
    const wanted = this.#options.wanted?.() ?? true
    // The right may belong to another process by now, so the service is stopped without finding out.
    if (this.#lease && !(this.#lease.isFresh && wanted)) await this.#leave()
    if (!this.#lease && wanted) await this.#acquire()
  }

  async #acquire(): Promise<void> {
    const { database, name, holder, clock, serve } = this.#options
    const lease = await acquireLease(database, { name, holder, clock, onLost: () => void this.#step() })
    if (!lease) return
    this.#lease = lease
    const tenure: Tenure = {
      fence: { name, fence: lease.fence },
      get isFresh() {
        return lease.isFresh
      },
    }
    try {
      this.#end = await serve(tenure)
    } catch (error) {
      await this.#leave()
      throw error
    }
  }

  /** Stops the service before releasing the right, so that it is no longer running when the next holder starts. */
  async #leave(): Promise<void> {
    const lease = this.#lease
    const end = this.#end
    this.#end = null
    await end?.().catch(this.#options.onProblem)
    this.#lease = null
    if (!lease) return
    const inGoodOrder = lease.isFresh
    await lease.release()
    if (inGoodOrder) this.#options.onReleased()
  }

  #again(): void {
    if (this.#stopped) return
    const { clock } = this.#options
    this.#timer = clock.setTimer(
      () => {
        // Scheduled only after the step, so that slow steps do not pile up.
        void this.#step().then(() => this.#again())
      },
      this.#lease ? CHECK_EVERY_MS : TRY_EVERY_MS,
    )
  }
}
