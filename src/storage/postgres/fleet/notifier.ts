import type { FleetNews } from '../../../inbox/fleet/fleet.ts'
import { SECOND, type Clock, type Timer } from '../../../support/clock.ts'
import { Emitter } from '../../../support/emitter.ts'
import type { Database } from '../connection/database.ts'

const CHANNEL = 'hermes_fleet'
/** PostgreSQL takes less than 8,000 bytes; the frame around the news needs a few. */
const MAX_PAYLOAD_BYTES = 7_500

/** Counts are for people, who do not see a second: each notification wakes every process. */
const COUNTS_EVERY_MS = SECOND
/** A process that was heard is there for this long, also while the list of processes does not show it yet. */
const HEARD_FOR_MS = 5 * SECOND

/** Does not wait for the disk: a notification need not survive a crash of the server. */
const NOTIFY = `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`

/** As sent. A program of another version may send unknown kinds: those are ignored. */
interface Envelope {
  readonly from: string
  readonly news: readonly FleetNews[]
}

export interface NotifierOptions {
  readonly database: Database
  /** Identifies this process, which ignores its own envelopes. */
  readonly id: string
  readonly clock: Clock
  /** As far as this process knows there is no other one to notify. */
  readonly isAlone: () => boolean
  readonly onProblem: (error: unknown) => void
}

/**
 * Notifies the other processes over PostgreSQL's NOTIFY. Outside the transactions, not inside them: commits
 * that notify wait for each other. News that arises while one envelope is being sent goes into the next one
 * together. Nothing is sent while there is nobody to hear it; who is heard then is told that it missed something.
 */
export class Notifier {
  readonly #options: NotifierOptions
  readonly #news: Emitter<FleetNews>
  readonly #waiting = new Map<string, FleetNews>()
  readonly #counts = new Map<string, Extract<FleetNews, { kind: 'count' }>>()
  #countsTimer: Timer | null = null
  /** Monotonic. */
  #countsSentAt = -Infinity
  #stopped = false
  #sending: Promise<void> | null = null
  #line: Disposable | null = null
  /** Monotonic. */
  #heardAt = -Infinity
  /** Something was not sent because nobody seemed to be there. */
  #hasWithheld = false

  constructor(options: NotifierOptions) {
    this.#options = options
    this.#news = new Emitter(options.onProblem)
  }

  start(): void {
    this.#line = this.#options.database.listen(CHANNEL, (payload) => this.#onPayload(payload))
  }

  /** Resolves when all news was sent; later news is not. */
  async stop(): Promise<void> {
    this.#line?.[Symbol.dispose]()
    this.#news.clear()
    this.#stopped = true
    this.#countsTimer?.cancel()
    if (this.#areCountsDue) this.#startSending()
    await this.#sending
  }

  notify(news: FleetNews): void {
    if (this.#stopped) return
    if (this.#isAlone) {
      this.#hasWithheld = true
      return
    }
    if (news.kind === 'count') this.#count(news)
    else this.#waiting.set(coalescingKey(news), news)
    if (this.#waiting.size > 0 || this.#areCountsDue) this.#startSending()
  }

  /** Makes this process known to those who believe that they are alone. */
  greet(): Promise<void> {
    return this.#post([])
  }

  #onHeard(): void {
    this.#heardAt = this.#options.clock.monotonic()
    if (!this.#hasWithheld) return
    this.#hasWithheld = false
    this.notify({ kind: 'missed' })
  }

  get #isAlone(): boolean {
    const { clock, isAlone } = this.#options
    return isAlone() && clock.monotonic() - this.#heardAt > HEARD_FOR_MS
  }

  #count(news: Extract<FleetNews, { kind: 'count' }>): void {
    const before = this.#counts.get(news.outcome)?.messages ?? 0
    this.#counts.set(news.outcome, { ...news, messages: before + news.messages })
    if (this.#areCountsDue) return
    this.#countsTimer ??= this.#options.clock.setTimer(() => {
      this.#countsTimer = null
      this.#startSending()
    }, COUNTS_EVERY_MS)
  }

  get #areCountsDue(): boolean {
    if (this.#counts.size === 0) return false
    return this.#stopped || this.#options.clock.monotonic() - this.#countsSentAt >= COUNTS_EVERY_MS
  }

  #startSending(): void {
    this.#sending ??= this.#send().finally(() => (this.#sending = null))
  }

  listen(listener: (news: FleetNews) => void): Disposable {
    return this.#news.subscribe(listener)
  }

  async #send(): Promise<void> {
    // After the microtasks of this turn: all the news of one commit is sent together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.size > 0 || this.#areCountsDue) {
      const all = [...this.#waiting.values(), ...(this.#areCountsDue ? this.#removeCounts() : [])]
      this.#waiting.clear()
      await this.#post(all)
    }
  }

  #removeCounts(): readonly FleetNews[] {
    const counts = [...this.#counts.values()]
    this.#counts.clear()
    this.#countsTimer?.cancel()
    this.#countsTimer = null
    this.#countsSentAt = this.#options.clock.monotonic()
    return counts
  }

  async #post(all: readonly FleetNews[]): Promise<void> {
    for (const payload of payloads(this.#options.id, all)) {
      try {
        await this.#options.database.query(NOTIFY, [CHANNEL, payload])
      } catch (error) {
        // The others read the store anyway, a little later.
        this.#options.onProblem(error)
      }
    }
  }

  #onPayload(payload: string): void {
    if (payload === '') {
      // Among what was missed may be a greeting.
      this.#onHeard()
      return this.#news.emit({ kind: 'missed' })
    }
    let envelope: Envelope
    try {
      envelope = JSON.parse(payload) as Envelope
    } catch (error) {
      return this.#options.onProblem(error)
    }
    if (envelope.from === this.#options.id) return
    this.#onHeard()
    for (const news of envelope.news) this.#news.emit(news)
  }
}

/** Equal news that has not been sent yet is sent once; every piece of an answer is sent. */
function coalescingKey(news: FleetNews): string {
  if (news.kind === 'delta') return `${news.kind} ${news.offset} ${news.turnId}`
  return 'id' in news ? `${news.kind} ${news.id}` : news.kind
}

/** As few envelopes as the size limit allows; one without news says only who sends it. */
function payloads(from: string, all: readonly FleetNews[]): readonly string[] {
  const texts: string[] = []
  let parts: string[] = []
  let bytes = 0
  const close = () => {
    if (parts.length > 0 || all.length === 0)
      texts.push(`{"from":${JSON.stringify(from)},"news":[${parts.join(',')}]}`)
    parts = []
    bytes = 0
  }
  for (const news of all) {
    const text = JSON.stringify(news)
    const size = Buffer.byteLength(text) + 1
    // An id longer than an envelope wakes nobody: the others find the work when they read the store.
    if (size > MAX_PAYLOAD_BYTES) continue
    if (bytes + size > MAX_PAYLOAD_BYTES) close()
    parts.push(text)
    bytes += size
  }
  close()
  return texts
}
