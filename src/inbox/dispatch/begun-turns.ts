import type { Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Accepted, AcceptRequest } from '../arrival.ts'
import { outageOf, type Gate } from '../gate/gate.ts'
import type { StoreHealth } from '../gate/store-health.ts'
import type { Inbox } from '../inbox.ts'
import type { Lease, TurnOutcome, TurnTerms } from '../lease.ts'
import type { ConversationId } from '../message.ts'

export interface BegunTurnsOptions {
  readonly inbox: Pick<Inbox, 'accept' | 'acceptAndBegin' | 'finish'>
  readonly gate: Pick<Gate, 'current'>
  readonly store: Pick<StoreHealth, 'failed'>
  readonly clock: Clock
  readonly log: Log
  /** null = what arrives now waits like any other. */
  readonly terms: () => TurnTerms | null
  /** The conversation may have work that nobody knows of. */
  readonly wake: (id: ConversationId) => void
  /** A turn that had begun waits again: notifies everything that follows it. */
  readonly returned: (lease: Lease, outcome: TurnOutcome) => void
}

/**
 * Turns that begin in the transaction that stores their message, and are not started yet: one commit and one trip
 * to the store less for each message that finds room.
 */
export class BegunTurns {
  readonly #options: BegunTurnsOptions
  readonly #leases = new Map<ConversationId, Lease>()
  /** Stopped while messages are being stored: the answers of the store may come in another order. */
  readonly #stopped = new Set<ConversationId>()
  #storing = 0
  #mayBeUnknown = false

  constructor(options: BegunTurnsOptions) {
    this.#options = options
  }

  /** Messages that are being stored, and may begin. */
  get storing(): number {
    return this.#storing
  }

  /** The store may hold a lease of this process that it does not know of. */
  get mayBeUnknown(): boolean {
    return this.#mayBeUnknown
  }

  /** As `Inbox.accept`. */
  async accept(request: AcceptRequest): Promise<readonly Accepted[]> {
    const { inbox, store, terms, wake } = this.#options
    const [arrival, more] = request.arrivals
    if (!inbox.acceptAndBegin || arrival?.kind !== 'message' || more) return await inbox.accept(request)
    const wanted = terms()
    if (!wanted) return await inbox.accept(request)
    this.#storing++
    try {
      const { accepted, lease } = await inbox.acceptAndBegin(request, wanted)
      if (lease) this.#add(lease)
      return accepted
    } catch (error) {
      if (error instanceof StoreError) {
        this.#mayBeUnknown = true
        // Before the conversation is asked for, which waits until the store works.
        store.failed(error)
        wake(`${arrival.message.channel}:${arrival.message.address}`)
      }
      throw error
    } finally {
      if (--this.#storing === 0) this.#stopped.clear()
    }
  }

  #add(lease: Lease): void {
    const { id } = lease.conversation
    if (this.#stopped.has(id)) void this.#return(lease)
    else this.#leases.set(id, lease)
  }

  /** The lease of a turn that is started now; null = none has begun. */
  start(id: ConversationId): Lease | null {
    const lease = this.#leases.get(id) ?? null
    this.#leases.delete(id)
    return lease
  }

  /** The waiting messages of the conversation were withdrawn, and its lease has ended. */
  stop(id: ConversationId): void {
    this.#leases.delete(id)
    if (this.#storing > 0) this.#stopped.add(id)
  }

  /** Nothing can be started now: what has begun waits again like any other. */
  returnAll(): void {
    for (const lease of this.#leases.values()) void this.#return(lease)
    this.#leases.clear()
  }

  /** Never rejects. */
  async #return(lease: Lease): Promise<void> {
    const { inbox, gate, clock, store, log, wake, returned } = this.#options
    const outage = outageOf(gate.current(), clock.now())
    const outcome: TurnOutcome = outage ? { kind: 'held', outage } : { kind: 'returned' }
    try {
      if (await inbox.finish(lease, outcome, clock.now())) returned(lease, outcome)
    } catch (error) {
      this.#mayBeUnknown = true
      store.failed(error)
      log.error({ err: error, conversation: lease.conversation.id }, 'a turn could not be returned')
    }
    wake(lease.conversation.id)
  }
}
