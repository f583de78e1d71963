import type { Intent, Intents } from '../../../credentials/rotation/intent.ts'
import type { RotationLock } from '../../../credentials/rotation/rotation.ts'
import { sleep, systemClock } from '../../../support/clock.ts'
import { StoreError } from '../../../support/errors.ts'
import type { Database } from '../connection/database.ts'
import { acquireLease, LEASE_MS, type Lease } from '../fleet/lease.ts'
import { SIGN_IN_CHANNEL, type SignInRow } from './sign-in-row.ts'

/** Held by the process that spends the refresh token. */
const NAME = 'credential'

/** How often a lease held by another process is requested again. */
const RETRY_MS = 50

export interface RefreshLeaseOptions {
  readonly database: Database
  readonly row: SignInRow
  readonly holder: string
  readonly leaseMs?: number
}

/**
 * The right to spend the refresh token, and the intent that is written under it. The two belong together:
 * an intent is written only by the current holder of the lease.
 */
export class RefreshLease {
  readonly intents: Intents
  readonly #options: RefreshLeaseOptions
  readonly #ttlMs: number
  #held: Lease | null = null
  #listening: Disposable | null = null
  #changed = Promise.withResolvers<boolean>()

  constructor(options: RefreshLeaseOptions) {
    this.#options = options
    this.#ttlMs = options.leaseMs ?? LEASE_MS
    const { row } = options
    this.intents = {
      async of(spent) {
        const { intent } = await row.read()
        return intent?.spent === spent ? intent : null
      },
      write: (intent) => this.#write(intent),
      clear: async () => {
        const held = this.#held
        if (held) await row.clearIntent(held.name, held.fence).catch(() => {})
      },
    }
  }

  /**
   * As `RotationStore.lock`; also null as soon as the sign-in has changed: the awaited result is then
   * stored, and no lock is needed.
   *
   * @throws StoreError
   */
  async acquire(waitMs: number, signal: AbortSignal): Promise<RotationLock | null> {
    // Other processes run in real time, whatever clock a test injects elsewhere.
    const clock = systemClock
    const giveUpAt = clock.monotonic() + waitMs
    for (;;) {
      signal.throwIfAborted()
      const lease = this.#held ? null : await this.#acquireLease()
      if (lease) {
        this.#held = lease
        return this.#lockOf(lease)
      }
      if (clock.monotonic() + RETRY_MS > giveUpAt) return null
      if (await this.#changedWithin(RETRY_MS, signal)) return null
    }
  }

  /** Stops listening. */
  close(): void {
    this.#listening?.[Symbol.dispose]()
  }

  /** Waits for `ms` milliseconds, or until another process has changed the sign-in. @returns whether it has */
  async #changedWithin(ms: number, signal: AbortSignal): Promise<boolean> {
    this.#listening ??= this.#options.database.listen(SIGN_IN_CHANNEL, (payload) => {
      if (payload !== '') this.#changed.resolve(true)
    })
    this.#changed = Promise.withResolvers()
    const paused = sleep(systemClock, ms, signal).then(() => false)
    return Promise.race([this.#changed.promise, paused]).finally(() => paused.catch(() => {}))
  }

  #acquireLease(): Promise<Lease | null> {
    const { database, holder } = this.#options
    return acquireLease(database, {
      name: NAME,
      holder,
      clock: systemClock,
      ttlMs: this.#ttlMs,
      renewalMs: this.#ttlMs / 3,
    })
  }

  #lockOf(lease: Lease): RotationLock {
    return {
      stillOurs: () => (lease.isFresh ? Promise.resolve(true) : lease.renew()),
      isCertain: () => lease.isFresh,
      release: async () => {
        if (this.#held === lease) this.#held = null
        await lease.release()
      },
    }
  }

  async #write(intent: Intent): Promise<void> {
    const { row } = this.#options
    if (intent.outcome === 'dead') return row.writeDeath(intent)
    const held = this.#held
    if (!held || !(await row.writeIntent(intent, held.name, held.fence, this.#ttlMs))) {
      throw new StoreError('another gateway has taken over the renewal of the sign-in')
    }
  }
}
