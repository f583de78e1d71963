import type { Texts } from '../../config/texts.ts'
import { MINUTE, type Clock, type Timer } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Log } from '../../support/log.ts'
import type { Accepted, AcceptRequest } from '../arrival.ts'
import type { Delivery } from '../delivery/delivery.ts'
import type { Drafts } from '../delivery/drafts.ts'
import type { MessageObserver } from '../figures/observer.ts'
import type { ConversationEvents } from '../fleet/conversation-events.ts'
import type { Fleet } from '../fleet/fleet.ts'
import { admitsAll, heldOthers, type Gate, type GateState } from '../gate/gate.ts'
import type { StoreHealth } from '../gate/store-health.ts'
import type { Inbox } from '../inbox.ts'
import { isLease, type Lease, type TurnOutcome, type TurnTerms, type Unstored } from '../lease.ts'
import type { ConversationId } from '../message.ts'
import { endingOf, endsMessages, type Ending } from './outcome.ts'
import { ProbeTurns } from './probe-turns.ts'
import { RunningTurn } from './running-turn.ts'
import { isSoon, StallWatch } from './stall-watch.ts'
import { SuspectTurns } from './suspect-turns.ts'
import { TurnLeases } from './turn-leases.ts'
import { DrainRate } from './work-queue.ts'
import { LocalWork, type WorkSource } from './work-source.ts'

/** The pause before a conversation is tried again whose outcome the store always refuses. */
const REFUSED_RETRY_MS = MINUTE

/** The share of the shutdown time reserved for returning unfinished turns to the queue. */
const HAND_BACK_SHARE = 0.2

export interface TurnControl {
  /** Aborted when the process ends: nothing begins that another process could continue. */
  readonly draining: AbortSignal
  /**
   * To be called before something of the answer is shown or stored: from then on no message joins the turn. False: the
   * turn was interrupted, and nothing may be shown or stored.
   */
  readonly freeze: () => boolean
  /** To be called once, however the turn ends: with what it has paid for that the store does not have yet. */
  readonly onUnstored: (unstored: Unstored) => void
}

/** How a turn is answered, until `signal` ends it. May throw anything; `outcome.ts` says what each means. */
export type AnswerTurn = (lease: Lease, signal: AbortSignal, control: TurnControl) => Promise<TurnOutcome>

export interface DispatcherOptions {
  readonly inbox: Inbox
  readonly gate: Gate
  readonly answer: AnswerTurn
  readonly onAnswerStored?: (lease: Lease) => void
  readonly store: StoreHealth
  readonly events: ConversationEvents
  readonly observer: MessageObserver
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  /** Its `id` names this process: leases under another one are taken over at the start. */
  readonly fleet: Pick<Fleet, 'id' | 'work' | 'workers' | 'notify'>
  readonly drafts: Pick<Drafts, 'saveUnsaved'>
  readonly delivery: Pick<Delivery, 'finished'>
  /** Conversations answered at the same time. */
  readonly concurrency: number
  /** Turns a second to begin with after an outage, of all processes together; see DrainRate. */
  readonly drainRate: number
  /** Characters of history to hand to a turn. */
  readonly historyLimit: () => number
  readonly merge: boolean
  readonly random?: () => number
}

/**
 * Gives each conversation with work its turn: one at a time within a conversation, many conversations in
 * parallel, and while the gate is shut only one probe.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #work: WorkSource
  readonly #running = new Map<ConversationId, RunningTurn>()
  readonly #pauses = new Map<ConversationId, number>()
  readonly #leases: TurnLeases
  readonly #drainRate: DrainRate
  readonly #stall: StallWatch
  readonly #subscriptions: Disposable[] = []
  readonly #probes: ProbeTurns
  readonly #suspects = new SuspectTurns()
  #before: GateState = { open: true }
  #timer: Timer | null = null
  #accepting = false
  #idle: (() => void) | null = null
  /** No new turn is started. */
  readonly #draining = new AbortController()
  /** Aborted at the end of a shutdown: answers that could not be stored are generated again by the next process. */
  readonly #abandoned = new AbortController()

  constructor(options: DispatcherOptions) {
    const { fleet, inbox, clock, drainRate } = options
    this.#options = options
    this.#work = fleet.work ?? new LocalWork(inbox, clock, fleet.id)
    this.#leases = new TurnLeases({
      ...options,
      terms: () => this.#terms(),
      mayBegin: (id, storing) => this.#mayBegin(id, storing),
      wake: (id) => this.wake(id),
      returned: (lease, outcome) => this.#announce(lease, outcome),
      draining: this.#draining.signal,
      abandoned: this.#abandoned.signal,
    })
    this.#drainRate = new DrainRate(() => drainRate / fleet.workers())
    this.#stall = new StallWatch(clock)
    this.#probes = new ProbeTurns(clock)
  }

  /** Takes over the leases of the previous process, and starts. */
  async start(): Promise<void> {
    const { gate, store, clock } = this.#options
    const pump = () => this.#pump()
    await this.#work.start(pump, () => this.#terms())
    this.#before = gate.current()
    this.#accepting = true
    this.#subscriptions.push(
      gate.subscribe(() => this.#onGate()),
      store.subscribe(pump),
    )
    if (this.#work.ready > this.#options.concurrency) this.#drainRate.start(clock.monotonic())
    this.#pump()
  }

  /** As `Inbox.accept`: the turn of a message may begin with it. */
  accept(request: AcceptRequest): Promise<readonly Accepted[]> {
    return this.#leases.accept(request)
  }

  /** May a turn begin with the arrival of its message? False: others are first, or nobody answers. */
  #mayBegin(id: ConversationId, storing: number): boolean {
    const { gate, store, concurrency } = this.#options
    const isOpen = this.#accepting && store.ok && gate.current().open && !this.#drainRate.limiting
    // Of a turn that was stopped the history is stored when it ends, which may come after the next message.
    const isFree = this.#work.ready === 0 && !this.#running.has(id)
    return isOpen && isFree && this.#running.size + storing < concurrency
  }

  #terms(): TurnTerms {
    const { fleet, historyLimit, merge } = this.#options
    return { owner: fleet.id, historyLimit: historyLimit(), merge }
  }

  /** A message of this conversation was stored. */
  arrived(conversationId: ConversationId): void {
    this.#work.arrived(conversationId)
    this.#suspects.arrived(conversationId)
    this.#pump()
    if (!this.#accepting || !this.#options.gate.current().open) this.#leases.returnAll()
  }

  /** Something about the conversation was changed by hand, such as a retry by the operator. */
  wake(conversationId: ConversationId): void {
    this.#work.wake(conversationId)
    this.#pump()
  }

  /**
   * Stops the running turn, in whichever process it runs. The store has already withdrawn the waiting
   * messages and ended the lease.
   */
  stopTurn(conversationId: ConversationId): void {
    this.stopTurnHere(conversationId)
    this.#options.fleet.notify({ kind: 'stop', id: conversationId })
  }

  /** As `stopTurn`, in this process alone. */
  stopTurnHere(conversationId: ConversationId): void {
    this.#leases.stop(conversationId)
    this.#running.get(conversationId)?.stop()
    this.#work.outdated(conversationId)
    this.#suspects.ended(conversationId)
  }

  /** A message was stored that belongs to the turn that is being answered, in whichever process; see `RunningTurn`. */
  joinTurn(conversationId: ConversationId): void {
    if (!this.#options.merge) return
    this.joinTurnHere(conversationId)
    if (!this.#running.has(conversationId)) this.#options.fleet.notify({ kind: 'join', id: conversationId })
  }

  /** As `joinTurn`, in this process alone. */
  joinTurnHere(conversationId: ConversationId): void {
    this.#leases.join(conversationId)
    const running = this.#running.get(conversationId)
    if (running) running.join()
    else this.#work.outdated(conversationId)
  }

  isAnswering(conversationId: ConversationId): boolean {
    return this.#running.get(conversationId)?.isAnswering === true
  }

  get answering(): number {
    return this.#running.size
  }

  get waiting(): number {
    return this.#work.waiting
  }

  /** Messages that wait because their own request failed, while the gate lets all others proceed. */
  get suspected(): number {
    return this.#suspects.messages
  }

  /** Accepted, and nothing answered for five minutes although the gate is open. */
  get stalled(): boolean {
    const { gate, clock } = this.#options
    const working = this.#running.size + this.#work.ready > 0 || isSoon(this.#work.nextAt(), clock.now())
    return this.#stall.stalled(gate.current().open && working)
  }

  /**
   * Starts no new turn, waits for the running ones, and returns unfinished ones to the queue. Resolves
   * within `ms` milliseconds, even if the store hangs.
   */
  async drain(ms: number): Promise<void> {
    const { clock } = this.#options
    this.#accepting = false
    this.#draining.abort()
    this.#timer?.cancel()
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    this.#pause()
    const handedOver = this.#finishAll(ms)
    let giveUp: Timer | null = null
    const over = new Promise<void>((resolve) => (giveUp = clock.setTimer(resolve, ms)))
    await Promise.race([handedOver, over])
    giveUp!.cancel()
    this.#abandoned.abort()
  }

  async #finishAll(ms: number): Promise<void> {
    const { log } = this.#options
    if (this.#running.size > 0) await this.#untilIdle(ms)
    await this.#work.stop().catch((err: unknown) => log.error({ err }, 'the work could not be handed over'))
  }

  async #untilIdle(ms: number): Promise<void> {
    const { clock } = this.#options
    const idle = new Promise<void>((resolve) => (this.#idle = resolve))
    const handBack = clock.setTimer(
      () => {
        for (const running of this.#running.values()) running.interrupt('returned')
      },
      ms * (1 - HAND_BACK_SHARE),
    )
    await idle
    handBack.cancel()
  }

  /**
   * False if work is ready that could run but does not. Pumps first, so that a lost wake-up is recovered.
   * For a watchdog: nothing here depends on the provider.
   */
  isWorking(): boolean {
    this.#pump()
    const { gate, store, concurrency } = this.#options
    const mayBegin = this.#accepting && store.ok && gate.current().open
    return !mayBegin || this.#work.ready === 0 || this.#running.size >= concurrency || this.#timer !== null
  }

  #onGate(): void {
    const state = this.#options.gate.current()
    const held = heldOthers(this.#before, this.#options.clock.now())
    this.#before = state
    // Time behind a shut gate does not count as a stall.
    this.#stall.progress()
    if (state.open) this.#suspects.clear()
    if (state.open && held) void this.#reopen()
    else this.#pump()
    if (!admitsAll(state)) this.#pause()
  }

  #pause(): void {
    this.#work.pause()
    this.#leases.returnAll()
  }

  /** The outage has ended: reloads the waiting conversations from the store, the longest wait first. */
  async #reopen(): Promise<void> {
    const { clock, store, log } = this.#options
    this.#drainRate.start(clock.monotonic())
    try {
      if ((await this.#work.reload()) <= 1) this.#drainRate.end()
    } catch (error) {
      store.failed(error)
      log.error({ err: error }, 'the queue could not be read')
    }
    this.#pump()
  }

  #pump(): void {
    const { gate, store, clock, concurrency } = this.#options
    this.#timer?.cancel()
    this.#timer = null
    while (this.#accepting && store.ok && this.#running.size < concurrency) {
      const state = gate.current()
      const probing = !admitsAll(state)
      if (!state.open && !state.probing) return
      if (probing && this.#probes.wait > 0) return this.#pumpIn(this.#probes.wait)
      const now = clock.now()
      if (this.#drainRate.limiting && !probing && this.#work.ready > 0) {
        const wait = this.#drainRate.acquire(clock.monotonic())
        if (wait > 0) return this.#pumpIn(wait)
      }
      const next = this.#work.next(now, probing ? 1 : concurrency - this.#running.size)
      if (!next) {
        if (!this.#work.searching) this.#drainRate.end()
        const at = this.#work.nextAt()
        if (at !== null) this.#pumpIn(at - now)
        return
      }
      if (probing) this.#probes.begin(next.id)
      void this.#run(next.id, next.arrivals)
    }
  }

  #pumpIn(ms: number): void {
    this.#timer = this.#options.clock.setTimer(() => this.#pump(), Math.max(1, ms))
  }

  /** One conversation's turn, from the lease to the stored outcome. Never rejects. */
  async #run(id: ConversationId, arrivals: number): Promise<void> {
    const { clock, log } = this.#options
    const running = new RunningTurn()
    this.#running.set(id, running)
    try {
      const lease = await this.#leases.acquire(id)
      if (!lease) {
        this.#suspects.ended(id)
        return this.#work.empty(id, arrivals)
      }
      if (!isLease(lease)) return this.#work.done(id, 0, lease.notBefore)
      running.begin(lease)
      // A shutdown began while the lease was being acquired.
      if (!this.#accepting) running.interrupt('returned')
      const ending = await this.#answer(lease, running)
      const { outcome, stored } = await this.#leases.finish(lease, ending.outcome)
      if (outcome.kind === 'stopped') this.#work.outdated(id)
      this.#work.done(id, endsMessages(outcome) ? lease.messages.length : 0, ending.retryAt)
      if (stored) this.#announce(lease, outcome)
    } catch (error) {
      log.error({ err: error, conversation: id }, 'a turn could not be stored')
      // Retried as soon as the store works: until then nothing is leased at all. If it works, it
      // refuses this conversation alone, which must not be retried without a pause.
      const retryAt = error instanceof StoreError ? null : clock.now() + REFUSED_RETRY_MS
      this.#work.done(id, 0, retryAt)
    } finally {
      this.#running.delete(id)
      this.#probes.end(id)
      if (this.#running.size === 0) this.#idle?.()
      this.#pump()
    }
  }

  async #answer(lease: Lease, running: RunningTurn): Promise<Ending> {
    const { answer, gate, clock, texts, log, random = Math.random } = this.#options
    const { signal } = running
    const id = lease.conversation.id
    let unstored: Unstored = {}
    try {
      signal.throwIfAborted()
      const outcome = await answer(lease, signal, {
        draining: this.#draining.signal,
        freeze: () => running.freeze(),
        onUnstored: (left) => (unstored = left),
      })
      this.#pauses.delete(id)
      this.#suspects.ended(id)
      return { outcome: { ...outcome, ...unstored }, retryAt: null, unexpected: false }
    } catch (error) {
      if (error instanceof StoreError) this.#options.store.failed(error)
      const pauses = this.#pauses.get(id) ?? 0
      const context = { lease, gate: gate.current(), now: clock.now(), pauses, random: random(), texts }
      const ending = endingOf(error, context)
      if (ending.suspected) this.#suspects.failed(id, lease.messages.length)
      else this.#suspects.ended(id)
      if (ending.outcome.kind !== 'returned' || ending.retryAt === null) this.#pauses.delete(id)
      else if (context.gate.open) this.#pauses.set(id, pauses + 1)
      if (ending.unexpected) log.error({ err: error, conversation: id }, 'a message could not be handled')
      return { ...ending, outcome: { ...ending.outcome, ...unstored } }
    }
  }

  /** The outcome is stored: notifies everything that waits for it. */
  #announce(lease: Lease, outcome: TurnOutcome): void {
    const { events, observer, delivery, onAnswerStored } = this.#options
    const { id, channel } = lease.conversation
    if (endsMessages(outcome)) this.#stall.progress()
    if (outcome.kind !== 'returned' && outcome.kind !== 'answered')
      observer.emit({ kind: outcome.kind, channel })
    delivery.finished(lease, outcome)
    events.changed(id)
    if (outcome.kind === 'answered') onAnswerStored?.(lease)
  }
}
