import type { FleetNews } from '../../../inbox/fleet/fleet.ts'
import { Emitter } from '../../../support/emitter.ts'
import type { Database } from '../connection/database.ts'

const CHANNEL = 'hermes_fleet'
/** PostgreSQL takes less than 8,000 bytes; the frame around the news needs a few. */
const MAX_PAYLOAD_BYTES = 7_500

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
  readonly onProblem: (error: unknown) => void
}

/**
 * Notifies the other processes over PostgreSQL's NOTIFY. Outside the transactions, not inside them: commits
 * that notify wait for each other. News that arises while one envelope is being sent goes into the next one
 * together.
 */
export class Notifier {
  readonly #options: NotifierOptions
  readonly #news: Emitter<FleetNews>
  #waiting = new Map<string, FleetNews>()
  #sending: Promise<void> | null = null
  #line: Disposable | null = null

  constructor(options: NotifierOptions) {
    this.#options = options
    this.#news = new Emitter(options.onProblem)
  }

  start(): void {
    this.#line = this.#options.database.listen(CHANNEL, (payload) => this.#onPayload(payload))
  }

  /** Resolves when all news was sent. */
  async stop(): Promise<void> {
    this.#line?.[Symbol.dispose]()
    this.#news.clear()
    await this.#sending
  }

  notify(news: FleetNews): void {
    const key = coalescingKey(news)
    const known = this.#waiting.get(key)
    const both = known && 'messages' in known && 'messages' in news
    this.#waiting.set(key, both ? { ...news, messages: known.messages + news.messages } : news)
    this.#sending ??= this.#send().finally(() => (this.#sending = null))
  }

  listen(listener: (news: FleetNews) => void): Disposable {
    return this.#news.subscribe(listener)
  }

  async #send(): Promise<void> {
    // News of the same tick is sent together.
    await Promise.resolve()
    while (this.#waiting.size > 0) {
      const all = [...this.#waiting.values()]
      this.#waiting = new Map()
      for (const payload of payloads(this.#options.id, all)) {
        try {
          await this.#options.database.query(NOTIFY, [CHANNEL, payload])
        } catch (error) {
          // The others read the store anyway, a little later.
          this.#options.onProblem(error)
        }
      }
    }
  }

  #onPayload(payload: string): void {
    if (payload === '') return this.#news.emit({ kind: 'missed' })
    let envelope: Envelope
    try {
      envelope = JSON.parse(payload) as Envelope
    } catch (error) {
      return this.#options.onProblem(error)
    }
    if (envelope.from === this.#options.id) return
    for (const news of envelope.news) this.#news.emit(news)
  }
}

/** Equal news that has not been sent yet is sent once; counts are added up, and every piece of an answer is sent. */
function coalescingKey(news: FleetNews): string {
  if (news.kind === 'delta') return `${news.kind} ${news.offset} ${news.turnId}`
  if (news.kind === 'count') return news.outcome
  return 'id' in news ? `${news.kind} ${news.id}` : news.kind
}

/** As few envelopes as the size limit allows. */
function payloads(from: string, all: readonly FleetNews[]): readonly string[] {
  const texts: string[] = []
  let parts: string[] = []
  let bytes = 0
  const close = () => {
    if (parts.length > 0) texts.push(`{"from":${JSON.stringify(from)},"news":[${parts.join(',')}]}`)
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
