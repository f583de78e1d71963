import type { CountedOutcome, Fleet } from '../inbox/fleet/fleet.ts'
import { SECOND, type Clock, type Timer } from '../support/clock.ts'
import { IncidentTracker, type Outage, type TrackerOptions } from './incident-tracker.ts'
import type { Incident } from './incident.ts'

/** How stale a process's view of the incident may get when a notification was lost. */
const READ_EVERY_MS = 10 * SECOND

export interface IncidentsOptions extends TrackerOptions {
  readonly fleet: Pick<Fleet, 'notify' | 'listen' | 'work'>
  /** What is shown has changed, by whichever process. */
  readonly onChange: () => void
  readonly clock: Clock
}

/**
 * The incident as every process shows it. The leader alone tracks and writes it and alerts the
 * operator; the others read it, and send their counts to the leader.
 */
export class Incidents {
  readonly #options: IncidentsOptions
  #isCounting = false
  #tracker: IncidentTracker | null = null
  #shown: Incident | null = null
  /** What this process observed last; undefined = nothing yet. */
  #observed: Outage | null | undefined
  #subscription: Disposable | null = null
  #timer: Timer | null = null

  constructor(options: IncidentsOptions) {
    this.#options = options
  }

  /**
   * There is an incident, or one begins: otherwise nothing is counted. Asked for each message, so it costs nothing
   * to ask.
   */
  get isCounting(): boolean {
    return this.#isCounting
  }

  /** The open outage, or one whose messages are still being answered; null = none. */
  get current(): Incident | null {
    return this.#tracker ? this.#tracker.current : this.#shown
  }

  /** Starts following what other processes write. */
  async start(): Promise<void> {
    const { fleet } = this.#options
    if (!fleet.work) return
    this.#subscription = fleet.listen((news) => {
      if (news.kind === 'incident' || news.kind === 'missed') void this.#read()
      else if (news.kind === 'count') this.#tracker?.count(news.outcome, news.messages)
    })
    await this.#read()
    this.#scheduleRead()
  }

  stop(): void {
    this.#subscription?.[Symbol.dispose]()
    this.#timer?.cancel()
  }

  /** Reports the gate's state; null = messages can be answered. */
  observe(outage: Outage | null): void {
    this.#observed = outage
    if (outage) this.#isCounting = true
    this.#tracker?.observe(outage)
  }

  /** A message was held, or a held one is done. */
  count(outcome: CountedOutcome, messages = 1): void {
    if (this.#tracker) this.#tracker.count(outcome, messages)
    else if (this.#shown) this.#options.fleet.notify({ kind: 'count', outcome, messages })
  }

  /** Makes this process the writer. @returns stops it */
  async lead(): Promise<() => Promise<void>> {
    const { store, fleet } = this.#options
    const tracker = new IncidentTracker({
      ...this.#options,
      store: {
        ...store,
        save: (incident) =>
          store.save(incident).finally(() => {
            this.#changed()
            fleet.notify({ kind: 'incident' })
          }),
      },
    })
    await tracker.start()
    this.#tracker = tracker
    this.#setCounting()
    if (this.#observed !== undefined) tracker.observe(this.#observed)
    return async () => {
      this.#shown = tracker.current
      this.#tracker = null
      this.#setCounting()
      await tracker.stop()
    }
  }

  #changed(): void {
    this.#setCounting()
    this.#options.onChange()
  }

  #setCounting(): void {
    // Its end is being stored: nothing of it waits any more.
    const isOpen = this.current?.closedAt === null
    this.#isCounting = isOpen || Boolean(this.#observed)
  }

  async #read(): Promise<void> {
    const { store, onProblem } = this.#options
    try {
      this.#shown = await store.current()
      this.#changed()
    } catch (error) {
      onProblem(error)
    }
  }

  #scheduleRead(): void {
    this.#timer = this.#options.clock.setTimer(() => {
      void this.#read().then(() => this.#scheduleRead())
    }, READ_EVERY_MS)
  }
}
