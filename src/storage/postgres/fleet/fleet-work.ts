import type { NextConversation, WorkSource } from '../../../inbox/dispatch/work-source.ts'
import type { FleetNews } from '../../../inbox/fleet/fleet.ts'
import type { ConversationId } from '../../../inbox/message.ts'
import { SECOND, sleep, type Clock, type Timer } from '../../../support/clock.ts'
import { TOUCH_EVERY_MS, type TakenWakeUp, type WakeUpQueue } from './wake-up-queue.ts'
import type { FinishedTurn, WakeUps } from './wake-ups.ts'

/** The fallback for lost notifications: no work waits longer than this because of one. */
const POLL_EVERY_MS = SECOND
/** The pause after a failure of the database, which is reported elsewhere. */
const RETRY_MS = SECOND
/** Finished conversations per transaction, which holds their row locks. */
const FINISHED_AT_ONCE = 100
/** Few different sizes, so that the server keeps few plans. */
const BATCH_SIZES: readonly number[] = [64, 16, 4, 1]

export interface FleetWorkOptions {
  readonly queue: Pick<WakeUpQueue, 'fetch' | 'touch'>
  readonly wakeUps: Pick<WakeUps, 'finishTurns' | 'wake' | 'wakeAll'>
  readonly clock: Clock
  /** false: this process only receives and sends; it never answers. */
  readonly answers: boolean
  readonly notify: (news: FleetNews) => void
  readonly onProblem: (error: unknown) => void
}

/**
 * The work of one of several gateways: conversations are fetched from the shared queue, up to the free
 * slots of this process, and return to it after each turn. Few are fetched ahead, so that work goes to the
 * processes with free slots, and little has to be recovered when a process dies.
 */
export class FleetWork implements WorkSource {
  readonly #options: FleetWorkOptions
  /** Fetched from the queue, not started. */
  readonly #taken = new Map<ConversationId, TakenWakeUp>()
  /** Being answered here. */
  readonly #begun = new Map<ConversationId, TakenWakeUp>()
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
  readonly #giveUp = new AbortController()

  constructor(options: FleetWorkOptions) {
    this.#options = options
  }

  get ready(): number {
    return this.#taken.size
  }

  get waiting(): number {
    return this.#taken.size
  }

  get searching(): boolean {
    return this.#fetching !== null
  }

  async start(pump: () => void): Promise<void> {
    if (!this.#options.answers) return
    this.#pump = pump
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

  arrived(): void {
    this.#maybe = true
    // With room, this process takes the job; waking the others would only make them query an empty queue. A
    // job left there anyway is found by their regular poll.
    if (!this.#hasRoom) this.#options.notify({ kind: 'work' })
  }

  get #hasRoom(): boolean {
    const { answers } = this.#options
    return (
      answers && this.#mayAnswer && !this.#stopped && this.#begun.size + this.#taken.size < this.#room / 2
    )
  }

  wake(id: ConversationId): void {
    void this.#wake(id).catch(this.#options.onProblem)
  }

  async #wake(id: ConversationId): Promise<void> {
    await this.#options.wakeUps.wake([id])
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
    for (const [conversationId, wakeUp] of this.#taken) {
      this.#taken.delete(conversationId)
      this.#finishTurn({ conversationId, wakeUp, retryAt: null })
    }
  }

  next(_now: number, room: number): NextConversation | null {
    if (this.#stopped) return null
    this.#room = room + this.#begun.size
    this.#mayAnswer = true
    for (const [id, wakeUp] of this.#taken) {
      this.#taken.delete(id)
      this.#begun.set(id, wakeUp)
      return { id, arrivals: 0 }
    }
    if (this.#maybe) this.#fetch(room)
    return null
  }

  done(id: ConversationId, _answered: number, retryAt: number | null): void {
    const wakeUp = this.#begun.get(id)
    if (!wakeUp) return
    this.#begun.delete(id)
    this.#finishTurn({ conversationId: id, wakeUp, retryAt })
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
    this.#giveUp.abort()
  }

  #fetch(room: number): void {
    if (this.#fetching) return
    this.#maybe = false
    const batch = BATCH_SIZES.find((size) => size <= room) ?? 1
    this.#fetching = this.#options.queue
      .fetch(batch)
      .then(
        (found) => this.#onFound(found, batch),
        (error: unknown) => this.#options.onProblem(error),
      )
      .finally(() => {
        this.#fetching = null
        this.#pump()
      })
  }

  #onFound(found: readonly TakenWakeUp[], batch: number): void {
    if (found.length === batch) this.#maybe = true
    for (const wakeUp of found) {
      const { conversationId } = wakeUp
      // A second job for one conversation exists only if this process had been presumed dead: the new job
      // is returned.
      if (this.#begun.has(conversationId) || this.#taken.has(conversationId)) {
        this.#finishTurn({ conversationId, wakeUp, retryAt: null })
      } else this.#taken.set(conversationId, wakeUp)
    }
    if (this.#stopped) this.pause()
  }

  #finishTurn(finished: FinishedTurn): void {
    this.#finished.push(finished)
    this.#finishing ??= this.#finishAll().finally(() => (this.#finishing = null))
  }

  /** Turns that end during one transaction are written together in the next one. */
  async #finishAll(): Promise<void> {
    const { wakeUps, clock, onProblem, notify } = this.#options
    await Promise.resolve()
    while (this.#finished.length > 0) {
      const some = this.#finished.splice(0, FINISHED_AT_ONCE)
      try {
        const more = await wakeUps.finishTurns(some, clock.now(), this.#mayAnswer)
        if (more === 0) continue
        this.#maybe = true
        if (this.#stopped || !this.#mayAnswer) notify({ kind: 'work' })
        else this.#pump()
      } catch (error) {
        onProblem(error)
        if (this.#giveUp.signal.aborted) return
        // Until they are written they are still touched, so no other process takes them.
        this.#finished.push(...some)
        await sleep(clock, RETRY_MS, this.#giveUp.signal).catch(() => {})
        if (this.#stopped) return
      }
    }
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
    return [...this.#taken.values(), ...this.#begun.values(), ...finished]
  }

  #touchAll(): void {
    this.#options.queue.touch(this.touched).catch(this.#options.onProblem)
  }
}
