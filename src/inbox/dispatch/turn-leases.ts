import type { Texts } from '../../config/texts.ts'
import { backoffDelay } from '../../support/backoff.ts'
import { sleep, type Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Accepted, AcceptRequest } from '../arrival.ts'
import type { Drafts } from '../delivery/drafts.ts'
import { outageOf, type Gate } from '../gate/gate.ts'
import { STORE_BACKOFF, type StoreHealth } from '../gate/store-health.ts'
import type { Inbox } from '../inbox.ts'
import type { Lease, NotYet, TurnOutcome, TurnTerms } from '../lease.ts'
import type { ConversationId } from '../message.ts'

/** The store may fail for one conversation only: its slot must become free for the others. */
const MAX_LEASE_TRIES = 3

/** As the operator reads it: an answer was made, and is lost. */
const REFUSED_BY_STORE = 'the store refuses the answer'

export interface TurnLeasesOptions {
  readonly inbox: Pick<Inbox, 'accept' | 'acceptAndBegin' | 'lease' | 'finish'>
  readonly drafts: Pick<Drafts, 'saveUnsaved'>
  readonly gate: Pick<Gate, 'current'>
  readonly store: StoreHealth
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  readonly random?: () => number
  readonly terms: () => TurnTerms
  /** False: what arrives there now waits like any other. @param storing messages that are being stored, and may begin */
  readonly mayBegin: (id: ConversationId, storing: number) => boolean
  /** The conversation may have work that nobody knows of. */
  readonly wake: (id: ConversationId) => void
  /** A turn that had begun waits again: notifies everything that follows it. */
  readonly returned: (lease: Lease, outcome: TurnOutcome) => void
  /** Aborted when no new turn is started. */
  readonly draining: AbortSignal
  /** Aborted when answers that could not be stored are left to the next process, which makes them again. */
  readonly abandoned: AbortSignal
}

/** What was stored in the end. */
export interface Finished {
  readonly outcome: TurnOutcome
  /** Was the lease still the newest one, as far as anybody knows? */
  readonly stored: boolean
}

/**
 * The leases of the turns of this process, from the store and back to it. One begins with the message it answers,
 * in the transaction that stores it, where there is room (one commit and one trip to the store less), or is asked
 * for; it ends with the outcome. A store that fails is asked again.
 */
export class TurnLeases {
  readonly #options: TurnLeasesOptions
  /** Begun with their messages, and not started yet. */
  readonly #begun = new Map<ConversationId, Lease>()
  /** Begun, and to be asked for again: a message has come that belongs to them. */
  readonly #outdated = new Set<ConversationId>()
  /** Stopped while messages are being stored: the answers of the store may come in another order. */
  readonly #stopped = new Set<ConversationId>()
  #storing = 0
  /** The store may hold a lease of this process that it does not know of. */
  #mayBeUnknown = false

  constructor(options: TurnLeasesOptions) {
    this.#options = options
  }

  /** As `Inbox.accept`. */
  async accept(request: AcceptRequest): Promise<readonly Accepted[]> {
    const { inbox, store, terms, mayBegin, wake } = this.#options
    const [arrival, more] = request.arrivals
    const isAlone = arrival?.kind === 'message' && !more
    if (!inbox.acceptAndBegin || !isAlone) return await inbox.accept(request)
    const id = `${arrival.message.channel}:${arrival.message.address}`
    if (!mayBegin(id, this.#storing)) return await inbox.accept(request)
    this.#storing++
    try {
      const { accepted, lease } = await inbox.acceptAndBegin(request, terms())
      if (lease) this.#add(lease)
      return accepted
    } catch (error) {
      if (error instanceof StoreError) {
        this.#mayBeUnknown = true
        // Before the conversation is asked for, which waits until the store works.
        store.failed(error)
        wake(id)
      }
      throw error
    } finally {
      if (--this.#storing === 0) this.#stopped.clear()
    }
  }

  #add(lease: Lease): void {
    const { id } = lease.conversation
    if (this.#stopped.has(id)) void this.#return(lease)
    else this.#begun.set(id, lease)
  }

  /**
   * The lease of a turn that is started now; null = the store has nothing to answer there. When the store fails
   * during the call, the lease may have been granted, and would block the conversation for everybody; so the same
   * request is repeated as soon as the store works.
   *
   * @throws what the store threw, when it fails too often or no new turn is started any more
   */
  async acquire(conversationId: ConversationId): Promise<Lease | NotYet | null> {
    const { inbox, clock, store, terms, draining } = this.#options
    const begun = this.#begun.get(conversationId)
    if (this.#begun.delete(conversationId)) return begun!
    const isOutdated = this.#outdated.delete(conversationId)
    for (let attempt = 1; ; attempt++) {
      try {
        const request = { ...terms(), conversationId, now: clock.now() }
        return await inbox.lease({ ...request, again: attempt > 1 || isOutdated || this.#mayBeUnknown })
      } catch (error) {
        store.failed(error)
        if (!(error instanceof StoreError) || attempt === MAX_LEASE_TRIES) throw error
        await this.#untilStoreWorks()
        if (draining.aborted) throw error
      }
    }
  }

  /** Also resolves when no new turn is started any more. */
  async #untilStoreWorks(): Promise<void> {
    const { store, draining } = this.#options
    if (store.ok || draining.aborted) return
    await new Promise<void>((resolve) => {
      const watch = store.subscribe(() => store.ok && end())
      const end = () => {
        watch[Symbol.dispose]()
        draining.removeEventListener('abort', end)
        resolve()
      }
      draining.addEventListener('abort', end)
    })
  }

  /**
   * Stores the outcome of a turn. A store that fails is asked again until it takes it: the answer stays
   * in memory until then, because asking the model a second time would be paid twice. A store that works
   * and refuses this outcome for good is given another: the message is parked, and nobody waits behind it. What
   * was paid is booked, unless that is what the store refuses.
   *
   * @throws what the store threw when the answer is abandoned before it took it, or when it takes nothing of it
   */
  async finish(lease: Lease, outcome: TurnOutcome): Promise<Finished> {
    const { texts } = this.#options
    const { spent, storedBefore, settles } = outcome
    const parked: TurnOutcome = {
      kind: 'parked',
      reason: REFUSED_BY_STORE,
      notice: texts.parked,
      ...(settles !== undefined && { settles }),
    }
    const paid: TurnOutcome = {
      ...parked,
      ...(spent && { spent }),
      ...(storedBefore !== undefined && { storedBefore }),
    }
    return await this.#storeFirst(lease, outcome, spent ? [paid, parked] : [parked])
  }

  /** The outcome, or the first of `others` that the store does not refuse for good. */
  async #storeFirst(
    lease: Lease,
    outcome: TurnOutcome,
    [next, ...others]: readonly TurnOutcome[],
  ): Promise<Finished> {
    const { log } = this.#options
    try {
      return { outcome, stored: await this.#storeOutcome(lease, outcome) }
    } catch (error) {
      if (error instanceof StoreError || !next) throw error
      log.error({ err: error, conversation: lease.conversation.id }, 'the store refuses an answer for good')
      return await this.#storeFirst(lease, next, others)
    }
  }

  /** @throws what the store threw when abandoned; what is not about the store as a whole, at once */
  async #storeOutcome(lease: Lease, outcome: TurnOutcome): Promise<boolean> {
    const { inbox, drafts, clock, store, log, abandoned, random = Math.random } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        await drafts.saveUnsaved(lease)
        const stored = await inbox.finish(lease, outcome, clock.now())
        if (attempt > 1) store.removeUnstored()
        // A store that failed may have taken it all the same: what is to be sent is looked for.
        return stored || attempt > 1
      } catch (error) {
        if (!(error instanceof StoreError)) {
          if (attempt > 1) store.removeUnstored()
          throw error
        }
        store.failed(error)
        if (attempt === 1) {
          store.addUnstored()
          log.error({ err: error }, 'an answer waits in memory to be stored')
        }
        if (abandoned.aborted) throw error
        const delay = backoffDelay(attempt, STORE_BACKOFF, random())
        await sleep(clock, delay, abandoned).catch(() => {})
      }
    }
  }

  /** The waiting messages of the conversation were withdrawn, and its lease has ended. */
  stop(id: ConversationId): void {
    this.#begun.delete(id)
    if (this.#storing > 0) this.#stopped.add(id)
  }

  /** A message has come that belongs to the turn of the conversation, if one has begun and was not started. */
  join(id: ConversationId): void {
    if (this.#begun.delete(id)) this.#outdated.add(id)
  }

  /** Nothing can be started now: what has begun waits again like any other. */
  returnAll(): void {
    for (const lease of this.#begun.values()) void this.#return(lease)
    this.#begun.clear()
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
