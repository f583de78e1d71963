import { Emitter } from '../../support/emitter.ts'
import type { Topic } from '../wire.ts'

const NO_CHANGES: Readonly<Record<Topic, number>> = {
  queue: 0,
  incident: 0,
  figures: 0,
  credential: 0,
  channels: 0,
}

/** The parts of the dashboard that change as a unit. */
export const TOPICS = Object.keys(NO_CHANGES) as readonly Topic[]

/**
 * Counts the changes of each part. Readers get the count, not the change: a reader with
 * another count reads that part again, so nothing is missed over a broken connection and
 * nothing is sent twice.
 */
export class Changes {
  /** Counts of another run of the gateway are not comparable. */
  readonly #life: string
  readonly #counts = { ...NO_CHANGES }
  readonly #marks: Emitter<Topic>

  /** @param life identifies this run of the gateway */
  constructor(life: string, onProblem: (error: unknown) => void) {
    this.#life = life
    this.#marks = new Emitter(onProblem)
  }

  get life(): string {
    return this.#life
  }

  mark(topic: Topic): void {
    this.#counts[topic]++
    this.#marks.emit(topic)
  }

  /** Each event of `source` is a change of the topic. */
  follow(topic: Topic, source: { subscribe(listener: () => void): Disposable }): void {
    source.subscribe(() => this.mark(topic))
  }

  version(topic: Topic): string {
    return `${this.#life}.${this.#counts[topic]}`
  }

  subscribe(listener: (topic: Topic) => void): Disposable {
    return this.#marks.subscribe(listener)
  }
}
