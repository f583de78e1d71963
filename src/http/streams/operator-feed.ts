import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import type { DashboardService } from '../api/services.ts'
import type { SandboxEvents, Topic, TopicEvent } from '../wire.ts'
import { TOPICS } from './changes.ts'
import { frame, type EventStream } from './sse.ts'

/** Changes come in bursts: batched for readers and for the store. */
const INTERVAL_MS = 500
/** Platforms connect and disconnect without an event: polled only while somebody reads. */
const CONNECTION_CHECK_MS = 2 * SECOND
/** How many of the simulator's newest events a new reader gets. */
const FIRST_EVENTS = 100

interface Reader {
  readonly stream: EventStream
  /** The last event of the simulator that was sent. */
  seq: number
}

/** Sends the dashboard's readers the changed parts, and in the sandbox the simulator's events. */
export class OperatorFeed {
  readonly #dashboard: DashboardService
  readonly #clock: Clock
  readonly #readers = new Set<Reader>()
  readonly #changed = new Set<Topic>()
  #subscriptions: Disposable[] = []
  #timer: Timer | null = null
  #connectionTimer: Timer | null = null
  #connections = ''

  constructor(dashboard: DashboardService, clock: Clock) {
    this.#dashboard = dashboard
    this.#clock = clock
  }

  attach(stream: EventStream): void {
    const { changes, sandbox } = this.#dashboard
    const reader: Reader = { stream, seq: Math.max(0, (sandbox?.events.at(-1)?.seq ?? 0) - FIRST_EVENTS) }
    this.#readers.add(reader)
    stream.onClose(() => {
      this.#readers.delete(reader)
      if (this.#readers.size === 0) this.close()
    })
    stream.onDrain(() => this.#send(reader, TOPICS))
    if (this.#subscriptions.length === 0) {
      this.#subscriptions = [changes.subscribe((topic) => this.#sendSoon(topic))]
      if (sandbox) this.#subscriptions.push(sandbox.subscribe(() => this.#sendSoon(null)))
    }
    this.#connectionTimer ??= this.#clock.setTimer(this.#checkConnections, CONNECTION_CHECK_MS)
    this.#send(reader, TOPICS)
  }

  close(): void {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    this.#subscriptions = []
    this.#timer?.cancel()
    this.#timer = null
    this.#connectionTimer?.cancel()
    this.#connectionTimer = null
  }

  readonly #checkConnections = (): void => {
    this.#connectionTimer = this.#clock.setTimer(this.#checkConnections, CONNECTION_CHECK_MS)
    const connections = this.#dashboard.connections()
    if (connections === this.#connections) return
    this.#connections = connections
    this.#dashboard.changes.mark('channels')
  }

  #sendSoon(topic: Topic | null): void {
    if (topic !== null) this.#changed.add(topic)
    this.#timer ??= this.#clock.setTimer(() => {
      this.#timer = null
      const topics = [...this.#changed]
      this.#changed.clear()
      for (const reader of this.#readers) this.#send(reader, topics)
    }, INTERVAL_MS)
  }

  /** A slow reader gets everything when it has drained. */
  #send(reader: Reader, topics: readonly Topic[]): void {
    const { stream } = reader
    const { changes, sandbox } = this.#dashboard
    if (!stream.ready) return
    for (const topic of topics) {
      stream.write(frame(topic, JSON.stringify({ version: changes.version(topic) } satisfies TopicEvent)))
    }
    const items = sandbox?.events.filter(({ seq }) => seq > reader.seq) ?? []
    if (items.length === 0) return
    reader.seq = items.at(-1)!.seq
    stream.write(frame('sandbox', JSON.stringify({ life: changes.life, items } satisfies SandboxEvents)))
  }
}
