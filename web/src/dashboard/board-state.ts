import type {
  FiguresReport,
  IncidentItem,
  QueueItem,
  StatusReport,
  TimelineReport,
} from '../../../src/http/wire-reports.ts'
import type { SandboxEvent, SandboxState, Topic } from '../../../src/http/wire.ts'
import type { ChatState } from '../chat-state.ts'
import type { LiveEvent } from '../live-connection.ts'
import { Observable } from '../observable.ts'
import { readFigures, readIncidents, readQueue, readSandbox, readStatus, readTimeline } from './board-api.ts'
import { loadUsage, type Usage, type UsageDays } from './costs/load-usage.ts'
import { HOUR } from './words.ts'

export type Part = 'status' | 'incidents' | 'queue' | 'timeline' | 'figures' | 'usage' | 'sandbox'

/** The time range shown: the last hours or days up to now, or a chosen range. */
export interface Range {
  readonly lengthMs: number
  /** null: up to now, and advancing. */
  readonly to: number | null
}

/** The parts to read again when this has changed. */
const PARTS_OF: Readonly<Record<Topic | 'line' | 'sandbox', readonly Part[]>> = {
  queue: ['queue', 'status'],
  incident: ['incidents', 'status'],
  figures: ['figures', 'usage'],
  credential: ['timeline', 'status'],
  channels: ['status'],
  line: ['status'],
  sandbox: ['sandbox'],
}
/** The gateway is asked at most this often. */
const READ_INTERVAL_MS: Readonly<Record<Part, number>> = {
  status: 700,
  incidents: 700,
  queue: 1_000,
  timeline: 1_000,
  figures: 4_000,
  // Sums over months, of which an answer changes little.
  usage: 30_000,
  sandbox: 700,
}
const KEPT_SANDBOX_EVENTS = 200

/**
 * The dashboard's state. The gateway reports which part has changed; only visible parts are read
 * again, and a hidden page reads nothing.
 */
export class BoardState {
  readonly status = new Observable<StatusReport | null>(null)
  readonly incidents = new Observable<readonly IncidentItem[] | null>(null)
  readonly queue = new Observable<readonly QueueItem[] | null>(null)
  readonly timeline = new Observable<TimelineReport | null>(null)
  readonly figures = new Observable<FiguresReport | null>(null)
  readonly sandbox = new Observable<SandboxState | null>(null)
  readonly sandboxEvents = new Observable<readonly SandboxEvent[]>([])
  readonly usage = new Observable<Usage | null>(null)
  /** How many days the costs are shown for, today included. */
  readonly usageDays = new Observable<UsageDays>(30)
  /** The parts that could not be read the last time. */
  readonly failed = new Observable<ReadonlySet<Part>>(new Set())
  readonly range = new Observable<Range>({ lengthMs: HOUR, to: null })
  #sandboxLife = ''
  readonly #versions = new Map<string, string>()
  readonly #users = new Map<Part, number>()
  /** Parts changed since they were last read. */
  readonly #stale = new Set<Part>(Object.keys(READ_INTERVAL_MS) as Part[])
  /** Parts to be read without delay. */
  readonly #urgent = new Set<Part>()
  readonly #reading = new Set<Part>()
  readonly #readAt = new Map<Part, number>()
  readonly #timers = new Map<Part, number>()

  constructor(chat: ChatState) {
    chat.onOther = (event) => this.#onEvent(event)
    chat.status.subscribe((line) => this.#changed('line', JSON.stringify(line)))
    // Parts that failed to load are read when the gateway is back.
    chat.connection.subscribe((state) => state === 'open' && this.#readAll())
    document.addEventListener('visibilitychange', () => this.#readAll())
  }

  /** Marks these parts as visible until the returned function is called. */
  use(parts: readonly Part[]): () => void {
    for (const part of parts) this.#users.set(part, (this.#users.get(part) ?? 0) + 1)
    this.#readAll()
    return () => {
      for (const part of parts) this.#users.set(part, (this.#users.get(part) ?? 1) - 1)
    }
  }

  /** The user changed this part: reads it without waiting for the event. */
  refresh(part: Part): void {
    this.#stale.add(part)
    this.#urgent.add(part)
    clearTimeout(this.#timers.get(part))
    this.#timers.delete(part)
    this.#readAll()
  }

  show(range: Range): void {
    this.range.set(range)
    this.refresh('figures')
  }

  showUsage(days: UsageDays): void {
    this.usageDays.set(days)
    this.refresh('usage')
  }

  #onEvent(event: LiveEvent): void {
    if (event.kind === 'changed') this.#changed(event.topic, event.version)
    if (event.kind !== 'sandbox') return
    const known = event.life === this.#sandboxLife ? this.sandboxEvents.value : []
    this.#sandboxLife = event.life
    const last = known.at(-1)?.seq ?? 0
    const items = event.items.filter(({ seq }) => seq > last)
    this.sandboxEvents.set([...known, ...items].slice(-KEPT_SANDBOX_EVENTS))
    this.#changed('sandbox', `${event.life}.${items.at(-1)?.seq ?? last}`)
  }

  #changed(topic: keyof typeof PARTS_OF, version: string): void {
    if (this.#versions.get(topic) === version) return
    this.#versions.set(topic, version)
    for (const part of PARTS_OF[topic]) this.#stale.add(part)
    this.#readAll()
  }

  #readAll(): void {
    if (document.hidden) return
    for (const part of this.#stale) {
      if ((this.#users.get(part) ?? 0) === 0 || this.#timers.has(part) || this.#reading.has(part)) continue
      const due = this.#urgent.has(part) ? 0 : (this.#readAt.get(part) ?? -Infinity) + READ_INTERVAL_MS[part]
      const timer = setTimeout(
        () => {
          this.#timers.delete(part)
          void this.#read(part)
        },
        Math.max(0, due - performance.now()),
      ) as unknown as number
      this.#timers.set(part, timer)
    }
  }

  async #read(part: Part): Promise<void> {
    this.#reading.add(part)
    this.#stale.delete(part)
    this.#urgent.delete(part)
    let failed = false
    try {
      await this.#load(part)
    } catch {
      failed = true
    }
    this.#reading.delete(part)
    this.#readAt.set(part, performance.now())
    if (failed !== this.failed.value.has(part))
      this.failed.update((before) =>
        failed ? new Set([...before, part]) : new Set([...before].filter((other) => other !== part)),
      )
    // The stream reports it again when it is back; no retry loop.
    if (failed) this.#stale.add(part)
    if (!failed || this.#urgent.has(part)) this.#readAll()
  }

  async #load(part: Part): Promise<void> {
    switch (part) {
      case 'status':
        return this.status.set(await readStatus())
      case 'incidents':
        return this.incidents.set(await readIncidents())
      case 'queue':
        return this.queue.set(await readQueue())
      case 'timeline':
        return this.timeline.set(await readTimeline())
      case 'sandbox':
        return this.sandbox.set(await readSandbox())
      case 'usage': {
        const days = this.usageDays.value
        const usage = await loadUsage(days, Date.now())
        if (days === this.usageDays.value) this.usage.set(usage)
        return
      }
      case 'figures': {
        const range = this.range.value
        const to = range.to ?? Date.now()
        const figures = await readFigures(to - range.lengthMs, to)
        if (range === this.range.value) this.figures.set(figures)
      }
    }
  }
}
