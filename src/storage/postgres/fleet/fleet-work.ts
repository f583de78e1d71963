import type { LeaseTerms, NextConversation, WorkSource } from '../../../inbox/dispatch/work-source.ts'
import type { FleetNews } from '../../../inbox/fleet/fleet.ts'
import type { Lease, TurnTerms } from '../../../inbox/lease.ts'
import type { ConversationId } from '../../../inbox/message.ts'
import { SECOND, sleep, type Clock, type Timer } from '../../../support/clock.ts'
import type { Queryable } from '../connection/database.ts'
import type { SettledTurn, SharedTurns } from '../engine/shared-turns.ts'
import { UncertainClaim, type Claimed, type TurnClaims } from './turn-claims.ts'
import { TOUCH_EVERY_MS, type TakenWakeUp, type WakeUpQueue } from './wake-up-queue.ts'
import type { FinishedTurn, WakeUps } from './wake-ups.ts'

/** The fallback for lost notifications: no work waits longer than this because of one. */
const POLL_EVERY_MS = SECOND
/** By then the job of a pause is in the queue: what it waits for counts from its transaction on. */
const SENT_WITHIN_MS = 50
/** The pause after a failure of the database, which is reported elsewhere. */
const RETRY_MS = SECOND
/** Finished conversations per transaction, which holds their row locks. */
const FINISHED_AT_ONCE = 100
/** Few different sizes, so that the server keeps few plans. */
const BATCH_SIZES: readonly number[] = [64, 16, 4, 1]

/** Turns that begin with the arrival of their message leave this share of the room to those that wait already. */
const BEGIN_SHARE = 0.75
/** A lease that was not handed out for so long is asked for again: its message may have been withdrawn since. */
const FRESH_MS = SECOND

export interface FleetWorkOptions {
  /** The process's id. */
  readonly id: string
  readonly queue: Pick<WakeUpQueue, 'fetch' | 'touch' | 'remove'>
  /** Without it conversations are only fetched, and leased when their turn comes. */
  readonly claims?: Pick<TurnClaims, 'claim'>
  readonly wakeUps: Pick<WakeUps, 'finishTurns' | 'wake' | 'wakeAll' | 'giveBack'>
  readonly clock: Clock
  /** false: this process only receives and sends; it never answers. */
  readonly answers: boolean
  readonly notify: (news: FleetNews) => void
  readonly onProblem: (error: unknown) => void
}

/** A conversation that this process is responsible for. */
interface Turn {
  /** The job that handed it out; null = it began with the arrival of its message. */
  readonly wakeUp: TakenWakeUp | null
  /**
   * What the store has granted and nobody has asked for yet. `unknown`: it may have granted a lease, and its answer
   * was lost.
   */
  lease: { readonly granted: Lease; readonly atMs: number } | 'unknown' | null
  /** The store has recorded its end; `more`: it has also sent a job for the waiting messages. */
  settled: { readonly job: string | null; readonly more: boolean } | null
}

/**
 * The work of one of several gateways: conversations are fetched from the shared queue, up to the free
 * slots of this process, and return to it after each turn. Few are fetched ahead, so that work goes to the
 * processes with free slots, and little has to be recovered when a process dies.
 *
 * While there is room, the turn of a message that arrives here begins with the commit that stores it: no job is
 * sent for it, because a living process answers it.
 */
export class FleetWork implements WorkSource, SharedTurns {
  readonly #options: FleetWorkOptions
  /** Known to have work, not started. */
  readonly #taken = new Map<ConversationId, Turn>()
  /** Being answered here. */
  readonly #begun = new Map<ConversationId, Turn>()
  #terms: (() => LeaseTerms) | null = null
  /** Turns that may begin in transactions that are running. */
  #reserved = 0
  /** More waits in the queue than was fetched: it comes before what arrives now. */
  #behind = false
  #finished: FinishedTurn[] = []
  #finishing: Promise<void> | null = null
  #pump: () => void = () => {}
  /** The queue may have jobs. */
  #maybe = true
  #fetching: Promise<void> | null = null
  #pollTimer: Timer | null = null
  #touch: NodeJS.Timeout | null = null
  #mayAnswer = true
  /** How many conversations this process answers at the same time, as far as known. */
  #room = 0
  #stopped = false
  readonly #over = new AbortController()

  constructor(options: FleetWorkOptions) {
    this.#options = options
  }

  get ready(): number {
    // The others wait for the end of their conversation's last turn.
    return [...this.#taken.keys()].filter((id) => !this.#begun.has(id)).length
  }

  get waiting(): number {
    return this.#taken.size
  }

  get searching(): boolean {
    return this.#fetching !== null
  }

  async start(pump: () => void, terms?: () => LeaseTerms): Promise<void> {
    if (!this.#options.answers) return
    this.#pump = pump
    this.#terms = terms ?? null
    this.#pollLater()
    // Not on the injected clock: the heartbeat must run for as long as this process does.
    this.#touch = setInterval(() => this.#touchAll(), TOUCH_EVERY_MS).unref()
  }

  /** Nothing known to this process prevents answering. */
  get mayAnswer(): boolean {
    return this.#mayAnswer
  }

  /** A process has added to the queue. */
  nudge(): void {
    this.#maybe = true
    this.#pump()
  }

  arrived(id: ConversationId): void {
    const turn = this.#taken.get(id) ?? this.#begun.get(id)
    // No job was sent: the end of its turn finds the message.
    if (turn && !turn.settled) return
    this.#maybe = true
    // With room, this process takes the job; waking the others would only make them query an empty queue. A
    // job left there anyway is found by their regular poll.
    if (!this.#hasRoom) this.#options.notify({ kind: 'work' })
  }

  get #hasRoom(): boolean {
    const { answers } = this.#options
    return answers && this.#mayAnswer && !this.#stopped && this.#inUse < this.#room / 2
  }

  get #inUse(): number {
    return this.#begun.size + this.#taken.size + this.#reserved
  }

  /** As `SharedTurns`. */
  reserve(): TurnTerms | null {
    const { answers, id } = this.#options
    const isOpen = answers && this.#mayAnswer && !this.#stopped && !this.#behind && this.#terms
    if (!isOpen || this.#inUse >= this.#room * BEGIN_SHARE) return null
    const terms = { ...this.#terms!(), owner: id }
    this.#reserved++
    return terms
  }

  /** As `SharedTurns`. */
  release(turns: number): void {
    this.#reserved -= turns
  }

  /** As `SharedTurns`. */
  begun(leases: readonly Lease[]): void {
    for (const granted of leases) this.#add(granted.conversation.id, { granted, atMs: performance.now() })
    if (leases.length > 0) this.#pump()
  }

  /** As `SharedTurns`. */
  uncertain(ids: readonly ConversationId[]): void {
    for (const id of ids) this.#add(id, 'unknown')
    if (ids.length > 0) this.#pump()
  }

  #add(id: ConversationId, lease: NonNullable<Turn['lease']>): void {
    // A job of this conversation may have been fetched before its message was answered.
    const known = this.#taken.get(id)
    const turn: Turn = { wakeUp: known?.wakeUp ?? null, lease, settled: null }
    if (this.#mayAnswer && !this.#stopped) this.#taken.set(id, turn)
    else this.#giveUp(id, turn)
  }

  /** As `SharedTurns`. */
  granted(id: ConversationId): Lease | 'unknown' | null {
    const turn = this.#begun.get(id)
    const lease = turn?.lease ?? null
    if (lease === null || lease === 'unknown') return lease
    turn!.lease = null
    return performance.now() - lease.atMs < FRESH_MS ? lease.granted : 'unknown'
  }

  /** As `SharedTurns`. */
  asked(id: ConversationId, known: boolean): void {
    const turn = this.#begun.get(id)
    if (turn) turn.lease = known ? null : 'unknown'
    // That of the next turn may be older than the one that was asked for.
    this.outdated(id)
  }

  outdated(id: ConversationId): void {
    const turn = this.#taken.get(id)
    if (turn?.lease) turn.lease = 'unknown'
  }

  /** As `SharedTurns`. */
  removeJobs(tx: Queryable, jobs: readonly string[]): Promise<void> {
    return this.#options.queue.remove(tx, jobs)
  }

  /** As `SharedTurns`. */
  settled(turns: readonly SettledTurn[]): void {
    for (const { conversationId, job, more, isHeld } of turns) {
      const turn = this.#begun.get(conversationId)
      if (turn) turn.settled = { job, more }
      if (more) this.#maybe = true
      // As at the end of a turn that is not settled with its outcome.
      if (isHeld && this.#mayAnswer) this.wake(conversationId)
    }
  }

  wake(id: ConversationId): void {
    void this.#wake([id]).catch(this.#options.onProblem)
  }

  async #wake(ids: readonly ConversationId[]): Promise<void> {
    await this.#options.wakeUps.wake(ids)
    this.#options.notify({ kind: 'work' })
    this.nudge()
  }

  async reload(): Promise<number> {
    this.#mayAnswer = true
    const woken = await this.#options.wakeUps.wakeAll()
    if (woken > 0) this.#options.notify({ kind: 'work' })
    this.#maybe = true
    return woken
  }

  pause(): void {
    this.#mayAnswer = false
    for (const [id, turn] of this.#taken) {
      this.#taken.delete(id)
      this.#giveUp(id, turn)
    }
  }

  /** It is not started: a lease that was granted ends, and a job is there for it again. */
  #giveUp(conversationId: ConversationId, { wakeUp, lease }: Turn): void {
    this.#finishTurn({ conversationId, wakeUp, retryAt: null, ...(lease ? { leased: true } : {}) })
  }

  next(_now: number, room: number): NextConversation | null {
    if (this.#stopped) return null
    this.#room = room + this.#begun.size
    this.#mayAnswer = true
    for (const [id, turn] of this.#taken) {
      // Its last turn is about to end.
      if (this.#begun.has(id)) continue
      this.#taken.delete(id)
      this.#begun.set(id, turn)
      return { id, arrivals: 0 }
    }
    if (this.#maybe) this.#fetch(room)
    return null
  }

  done(id: ConversationId, _answered: number, retryAt: number | null): void {
    const turn = this.#begun.get(id)
    if (!turn) return
    this.#begun.delete(id)
    const { wakeUp, settled, lease } = turn
    // Another job than that of the turn was removed with its end: this one is still there.
    const isOver = settled !== null && retryAt === null && (wakeUp === null || wakeUp.id === settled.job)
    const leased = lease === 'unknown' ? { leased: true } : {}
    if (retryAt !== null) this.#nudgeAfter(retryAt)
    if (!isOver) return this.#finishTurn({ conversationId: id, wakeUp, retryAt, ...leased })
    if (!settled.more) return
    if (this.#stopped || !this.#mayAnswer) this.#options.notify({ kind: 'work' })
    else this.#pump()
  }

  empty(id: ConversationId): void {
    this.done(id, 0, null)
  }

  nextAt(): null {
    return null
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#pollTimer?.cancel()
    if (this.#touch) clearInterval(this.#touch)
    await this.#fetching
    this.pause()
    await this.#finishing
    // Jobs that could not be returned are recovered by the others once this process is gone.
    this.#over.abort()
  }

  #fetch(room: number): void {
    if (this.#fetching) return
    this.#maybe = false
    const batch = BATCH_SIZES.find((size) => size <= room) ?? 1
    this.#fetching = this.#claim(batch)
      .then(
        (claimed) => this.#onFound(claimed, batch),
        (error: unknown) => {
          if (error instanceof UncertainClaim) this.uncertain(error.ids)
          this.#options.onProblem(error instanceof UncertainClaim ? error.cause : error)
        },
      )
      .finally(() => {
        this.#fetching = null
        this.#pump()
      })
  }

  async #claim(batch: number): Promise<Claimed> {
    const { queue, claims, id } = this.#options
    if (claims && this.#terms) return await claims.claim(batch, { ...this.#terms(), owner: id })
    return { taken: await queue.fetch(batch), leases: [] }
  }

  #onFound({ taken, leases }: Claimed, batch: number): void {
    this.#behind = taken.length === batch
    if (this.#behind) this.#maybe = true
    const granted = new Map(leases.map((lease) => [lease.conversation.id, lease]))
    const atMs = performance.now()
    for (const wakeUp of taken) {
      const { conversationId } = wakeUp
      const known = this.#taken.get(conversationId)
      const own = granted.get(conversationId)
      // A second job for one conversation exists only if this process had been presumed dead, or if the end of its
      // turn was stored and not heard. The conversation is next when its turn has ended here. Of two jobs that wait
      // for that, the newer one stays, because a lease may have been granted with it.
      if (known?.wakeUp && known.wakeUp.id !== wakeUp.id) {
        this.#finishTurn({ conversationId, wakeUp: known.wakeUp, retryAt: null })
      }
      const lease = own ? { granted: own, atMs } : (known?.lease ?? null)
      this.#taken.set(conversationId, { wakeUp, lease, settled: null })
    }
    // Nothing is fetched after either, but this may have been under way.
    if (this.#stopped || !this.#mayAnswer) this.pause()
  }

  #finishTurn(finished: FinishedTurn): void {
    this.#finished.push(finished)
    this.#finishing ??= this.#finishAll().finally(() => (this.#finishing = null))
  }

  /** Turns that end during one transaction are written together in the next one. */
  async #finishAll(): Promise<void> {
    const { wakeUps, clock, onProblem, notify, id } = this.#options
    await Promise.resolve()
    while (this.#finished.length > 0) {
      const some = this.#finished.splice(0, FINISHED_AT_ONCE)
      try {
        const leased = some.filter((turn) => turn.leased).map(({ conversationId }) => conversationId)
        if (leased.length > 0) await wakeUps.giveBack(leased, id, clock.now())
        const mayAnswer = this.#mayAnswer
        const more = await wakeUps.finishTurns(some, clock.now(), mayAnswer)
        // The outage has ended since: `reload` may have come first, and left what is held to these turns.
        if (!mayAnswer && this.#mayAnswer) await this.#wake(some.map(({ conversationId }) => conversationId))
        if (more === 0) continue
        this.#maybe = true
        if (this.#stopped || !this.#mayAnswer) notify({ kind: 'work' })
        else this.#pump()
      } catch (error) {
        onProblem(error)
        if (this.#over.signal.aborted) return
        // Until they are written they are still touched, so no other process takes them.
        this.#finished.push(...some)
        await sleep(clock, RETRY_MS, this.#over.signal).catch(() => {})
        if (this.#stopped) return
      }
    }
  }

  /** Nobody waits for the next poll after a pause. */
  #nudgeAfter(at: number): void {
    const { clock } = this.#options
    clock.setTimer(() => this.nudge(), Math.max(0, at - clock.now()) + SENT_WITHIN_MS)
  }

  #pollLater(): void {
    this.#pollTimer = this.#options.clock.setTimer(() => {
      if (this.#stopped) return
      this.#pollLater()
      this.nudge()
    }, POLL_EVERY_MS)
  }

  /** Every job that this process is responsible for. */
  get touched(): readonly TakenWakeUp[] {
    const finished = this.#finished.flatMap(({ wakeUp }) => wakeUp ?? [])
    const turns = [...this.#taken.values(), ...this.#begun.values()]
    return [...turns.flatMap(({ wakeUp }) => wakeUp ?? []), ...finished]
  }

  #touchAll(): void {
    this.#options.queue.touch(this.touched).catch(this.#options.onProblem)
  }
}
