import { HOUR, MINUTE, SECOND, type Clock, type Timer } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import type { FigureSum, Figures } from './figures.ts'
import type { MessageObserver } from './observer.ts'

/** What the gateway counts. */
export type CountedFigure =
  | 'accepted'
  | 'answered'
  | 'refused'
  | 'parked'
  | 'refreshes'
  | 'refresh-failures'
  | 'rejections'

/** A level, not a count: the most messages that were held at once within a minute. */
export const HELD_FIGURE = 'held'
/** The same counts by the hour are stored under this prefix, so that a month is read in some hundred rows. */
export const HOURLY = 'hour.'

export interface FigureRecorderOptions {
  readonly figures: Pick<Figures, 'add'>
  /** How many messages are held now. */
  readonly held: () => Promise<number>
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}

/** Often enough to see a short outage, cheap enough never to be felt. */
const SAMPLE_MS = 10 * SECOND
/** Minutes that are kept in memory while the store fails. */
const MAX_KEPT_MINUTES = 120

/**
 * Counts in memory and writes once a minute: no message waits for a figure. A crash loses
 * the counts of its minute and nothing else.
 */
export class FigureRecorder {
  readonly #options: FigureRecorderOptions
  /** Minute (epoch milliseconds) → figure → value, not stored yet. */
  readonly #minutes = new Map<number, Map<string, number>>()
  readonly #changes: Emitter
  /** The most messages held within the current minute, as sampled. */
  #held: { readonly minute: number; readonly most: number } | null = null
  #timer: Timer | null = null

  constructor(options: FigureRecorderOptions) {
    this.#options = options
    this.#changes = new Emitter(options.onProblem)
  }

  /** Records what happens to messages. */
  follow(observer: MessageObserver): void {
    observer.subscribe((fact) => {
      switch (fact.kind) {
        case 'answered':
          this.count('answered', fact.messages)
          if (fact.seconds !== null) this.recordAnswerTime(fact.seconds)
          return
        case 'delivered':
          return this.recordAnswerTime(fact.seconds)
        case 'accepted':
        case 'refused':
        case 'parked':
          return this.count(fact.kind)
        default:
          return
      }
    })
  }

  count(figure: CountedFigure, value = 1): void {
    this.#add(figure, value)
  }

  /** An answer's last byte came this long after the message. */
  recordAnswerTime(seconds: number): void {
    this.#add(timeFigure(bucketOf(seconds)), 1)
  }

  /** Calls `listener` whenever there is something new to see. */
  subscribe(listener: () => void): Disposable {
    return this.#changes.subscribe(listener)
  }

  start(): void {
    this.#timer = this.#options.clock.setTimer(() => void this.#sample(), SAMPLE_MS)
  }

  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    await this.#flush(Infinity)
  }

  /** What is counted but not stored yet, in the form in which the store returns it. */
  unstored(names: ReadonlySet<string>): readonly FigureSum[] {
    const held = this.#held
    const level =
      held && held.most > 0 && names.has(HELD_FIGURE)
        ? [{ name: HELD_FIGURE, at: held.minute, sum: held.most, max: held.most }]
        : []
    return [...this.#minutes]
      .flatMap(([at, values]) => [...values].map(([name, value]) => ({ name, at, sum: value, max: value })))
      .filter(({ name }) => names.has(name))
      .concat(level)
  }

  #add(figure: string, value: number, minute = this.#minute()): void {
    let values = this.#minutes.get(minute)
    if (!values) {
      this.#minutes.set(minute, (values = new Map()))
      const oldest = this.#minutes.keys().next().value
      if (this.#minutes.size > MAX_KEPT_MINUTES && oldest !== undefined) this.#minutes.delete(oldest)
    }
    values.set(figure, (values.get(figure) ?? 0) + value)
    this.#changes.emit()
  }

  async #sample(): Promise<void> {
    this.#timer = this.#options.clock.setTimer(() => void this.#sample(), SAMPLE_MS)
    const minute = this.#minute()
    if (this.#held && this.#held.minute !== minute) {
      if (this.#held.most > 0) this.#add(HELD_FIGURE, this.#held.most, this.#held.minute)
      this.#held = null
    }
    await this.#flush(minute)
    try {
      const held = await this.#options.held()
      const before = this.#held?.most ?? 0
      this.#held = { minute, most: Math.max(before, held) }
      if (held !== before) this.#changes.emit()
    } catch (error) {
      this.#options.onProblem(error)
    }
  }

  /** Stores the minutes that have ended; what the store rejects is kept for the next time. */
  async #flush(before: number): Promise<void> {
    const over = [...this.#minutes].filter(([minute]) => minute < before)
    for (const [minute] of over) this.#minutes.delete(minute)
    await Promise.all(
      over.flatMap(([minute, values]) => [...values].map((entry) => this.#store(minute, entry))),
    )
  }

  async #store(minute: number, [name, value]: readonly [string, number]): Promise<void> {
    const { figures, onProblem } = this.#options
    try {
      await figures.add(name, minute, value)
    } catch (error) {
      this.#add(name, value, minute)
      return onProblem(error)
    }
    if (name === HELD_FIGURE) return
    await figures.add(HOURLY + name, Math.floor(minute / HOUR) * HOUR, value).catch(onProblem)
  }

  #minute(): number {
    return Math.floor(this.#options.clock.now() / MINUTE) * MINUTE
  }
}

/**
 * Times to an answer as counts in buckets, so that a minute, an hour and a month can be added
 * up and still give their median: each bucket ends a quarter later than the one before, which is
 * finer than the eye reads a plot.
 */

/** Seconds at which the first bucket ends: nothing is answered sooner. */
const FIRST_END = 0.05
const GROWTH = 1.25
/** The last bucket begins after a week: messages are not held longer. */
const BUCKETS = 74

/** The bucket of a time in seconds. */
export function bucketOf(seconds: number): number {
  if (!(seconds > FIRST_END)) return 0
  return Math.min(BUCKETS - 1, Math.ceil(Math.log(seconds / FIRST_END) / Math.log(GROWTH)))
}

/** The figures in which the buckets are kept, in the order of time. */
export const TIME_FIGURES: readonly string[] = Array.from({ length: BUCKETS }, (_, bucket) =>
  timeFigure(bucket),
)

export function timeFigure(bucket: number): string {
  return `time.${bucket}`
}

/**
 * The time within which the share `q` of the answers came, in seconds.
 *
 * @param counts one for each bucket
 * @returns null where there is no answer
 */
export function quantile(counts: readonly number[], q: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return null
  const rank = q * total
  let before = 0
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && before + count >= rank) {
      const start = bucket === 0 ? 0 : endOf(bucket - 1)
      return start + (endOf(bucket) - start) * Math.max(0, (rank - before) / count)
    }
    before += count
  }
  return endOf(BUCKETS - 1)
}

function endOf(bucket: number): number {
  return FIRST_END * GROWTH ** bucket
}
