import type {
  DeltaEvent,
  EventBodies,
  EventName,
  MessageEvent,
  MessageItem,
  SandboxEvents,
  StatusLine,
  Topic,
  TopicEvent,
} from '../../src/http/wire.ts'

/** The gateway's events, as the tabs get them. */
export type LiveEvent =
  | { readonly kind: 'connection'; readonly state: 'connecting' | 'open' | 'lost' | 'signed-out' }
  | { readonly kind: 'status'; readonly status: StatusLine }
  /** A part of the dashboard is at this version now. */
  | { readonly kind: 'changed'; readonly topic: Topic; readonly version: string }
  | ({ readonly kind: 'sandbox' } & SandboxEvents)
  | { readonly kind: 'row'; readonly conversation: string; readonly row: MessageItem }
  | ({ readonly kind: 'delta' } & DeltaEvent)

/** The part of an EventSource that is used here. */
export interface Source {
  addEventListener(type: string, listener: (event: { data?: string }) => void): void
  close(): void
}

export interface LiveParts {
  readonly open: (address: string) => Source
  /** Is the session still valid? Checked when a stream breaks, because a stream gives no reason. */
  readonly isSignedIn: () => Promise<boolean>
  readonly emit: (event: LiveEvent) => void
  readonly setTimer: (callback: () => void, ms: number) => number
  readonly clearTimer: (timer: number) => void
  readonly random: () => number
  /** Epoch milliseconds. */
  readonly now: () => number
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 8_000
/** Tabs open in bursts: wait this long, then open one stream for all. */
const GATHER_MS = 20
/** Sandbox events kept for tabs that open later. */
const KEPT_SANDBOX_EVENTS = 200
const CHANNEL_PREFIX = 'web:'

/**
 * The one stream that a browser keeps to the gateway, for all its tabs: browsers
 * allow six connections to a host, and every further tab would wait forever.
 * Each conversation is resumed after the last revision that was seen.
 */
export class LiveConnection {
  readonly #parts: LiveParts
  /** Conversation → the revision after which the next stream begins. */
  readonly #watched = new Map<string, number>()
  #source: Source | null = null
  #timer: number | null = null
  #failures = 0
  #paused = false
  #lastStatus: StatusLine | null = null
  readonly #versions = new Map<Topic, string>()
  #sandbox: SandboxEvents | null = null
  #state: 'connecting' | 'open' | 'lost' | 'signed-out' = 'connecting'
  /** The handler of each event of the gateway; exhaustive by type. */
  readonly #handlers: { readonly [Name in EventName]: (body: EventBodies[Name]) => void } = {
    status: ({ now, ...line }) => {
      const status = { ...line, nextTryAt: this.#ownTime(line.nextTryAt, now) }
      this.#lastStatus = status
      this.#parts.emit({ kind: 'status', status })
    },
    queue: (body) => this.#onTopic('queue', body),
    incident: (body) => this.#onTopic('incident', body),
    figures: (body) => this.#onTopic('figures', body),
    credential: (body) => this.#onTopic('credential', body),
    channels: (body) => this.#onTopic('channels', body),
    sandbox: (body) => this.#onSandbox(body),
    message: (row) => this.#onRow(row),
    state: (row) => this.#onRow(row),
    notice: (row) => this.#onRow(row),
    delta: (delta) =>
      this.#parts.emit({ kind: 'delta', ...delta, conversation: address(delta.conversation) }),
  }

  constructor(parts: LiveParts) {
    this.#parts = parts
  }

  /** The state that a new tab gets at once. */
  present(): readonly LiveEvent[] {
    return [
      { kind: 'connection', state: this.#state },
      ...(this.#lastStatus ? [{ kind: 'status', status: this.#lastStatus } as const] : []),
      ...[...this.#versions].map(([topic, version]) => ({ kind: 'changed', topic, version }) as const),
      ...(this.#sandbox ? [{ kind: 'sandbox', ...this.#sandbox } as const] : []),
    ]
  }

  /** Sets the conversations to stream, each from its revision. */
  watch(wanted: ReadonlyMap<string, number>): void {
    // Extra conversations do no harm and need no reconnection.
    let more = this.#source === null
    for (const id of this.#watched.keys()) if (!wanted.has(id)) this.#watched.delete(id)
    for (const [id, after] of wanted) {
      const known = this.#watched.get(id)
      if (known !== undefined && known <= after) continue
      // A tab behind the others gets events again; rows replace each other by id.
      this.#watched.set(id, after)
      more = true
    }
    if (more) this.#openAfter(GATHER_MS)
  }

  /** The network or the page is back: reconnects at once. */
  wake(): void {
    this.#paused = false
    if (this.#source === null) this.#openAfter(0)
  }

  /** The page is hidden: disconnects until `wake`. */
  pause(): void {
    this.#paused = true
    this.#cancelTimer()
    this.#drop()
  }

  #openAfter(ms: number): void {
    if (this.#paused) return
    this.#cancelTimer()
    this.#timer = this.#parts.setTimer(() => {
      this.#timer = null
      this.#open()
    }, ms)
  }

  #open(): void {
    this.#drop()
    const watched = [...this.#watched].map(([id, after]) => `${id}@${after}`).join(',')
    const source = this.#parts.open(`/api/events${watched ? `?watch=${encodeURIComponent(watched)}` : ''}`)
    this.#source = source
    source.addEventListener('open', () => {
      this.#failures = 0
      this.#setState('open')
    })
    source.addEventListener('error', () => void this.#onError(source))
    for (const name of Object.keys(this.#handlers) as EventName[]) {
      source.addEventListener(name, ({ data }) => {
        const handle = this.#handlers[name] as (body: unknown) => void
        handle(JSON.parse(data!))
      })
    }
  }

  /** A moment of the gateway's clock, in ours. */
  #ownTime(at: string | null, now: string): string | null {
    if (at === null) return null
    return new Date(Date.parse(at) - Date.parse(now) + this.#parts.now()).toISOString()
  }

  #onTopic(topic: Topic, { version }: TopicEvent): void {
    this.#versions.set(topic, version)
    this.#parts.emit({ kind: 'changed', topic, version })
  }

  #onRow(row: MessageEvent): void {
    const conversation = address(row.conversation)
    if (this.#watched.has(conversation)) this.#watched.set(conversation, row.revision)
    this.#parts.emit({ kind: 'row', conversation, row })
  }

  #onSandbox(told: SandboxEvents): void {
    const known = this.#sandbox?.life === told.life ? this.#sandbox.items : []
    const last = known.at(-1)?.seq ?? 0
    // After a reconnection the newest ones are sent again.
    const items = told.items.filter(({ seq }) => seq > last)
    this.#sandbox = { life: told.life, items: [...known, ...items].slice(-KEPT_SANDBOX_EVENTS) }
    this.#parts.emit({ kind: 'sandbox', life: told.life, items })
  }

  async #onError(source: Source): Promise<void> {
    if (this.#source !== source) return
    this.#drop()
    this.#failures++
    this.#setState('lost')
    const base = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1))
    this.#openAfter(base * (0.75 + this.#parts.random() / 2))
    const signedIn = await this.#parts.isSignedIn()
    if (signedIn || this.#state !== 'lost') return
    this.#cancelTimer()
    this.#setState('signed-out')
  }

  #setState(state: 'connecting' | 'open' | 'lost' | 'signed-out'): void {
    if (this.#state === state) return
    this.#state = state
    this.#parts.emit({ kind: 'connection', state })
  }

  #drop(): void {
    this.#source?.close()
    this.#source = null
  }

  #cancelTimer(): void {
    if (this.#timer !== null) this.#parts.clearTimer(this.#timer)
    this.#timer = null
  }
}

function address(conversationId: string): string {
  return conversationId.startsWith(CHANNEL_PREFIX)
    ? conversationId.slice(CHANNEL_PREFIX.length)
    : conversationId
}
