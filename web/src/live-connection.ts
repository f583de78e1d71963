import type { Item, SandboxEvent, StatusLine } from './api.ts'

/** What the gateway tells, as the tabs get it. */
export type LiveEvent =
  | { readonly kind: 'connection'; readonly state: 'connecting' | 'open' | 'lost' | 'signed-out' }
  | { readonly kind: 'status'; readonly status: StatusLine }
  /** A part of the dashboard is at this version now. */
  | { readonly kind: 'changed'; readonly topic: string; readonly version: string }
  /** What the sandbox's stand-in did; `life` names the run of the gateway in which `seq` counts. */
  | { readonly kind: 'sandbox'; readonly life: string; readonly items: readonly SandboxEvent[] }
  | { readonly kind: 'row'; readonly conversation: string; readonly row: Item }
  | {
      readonly kind: 'delta'
      readonly conversation: string
      readonly turnId: string
      readonly offset: number
      readonly text: string
      readonly done?: boolean
    }

/** The part of an EventSource that is used here. */
export interface Source {
  addEventListener(type: string, listener: (event: { data?: string }) => void): void
  close(): void
}

export interface LiveParts {
  readonly open: (address: string) => Source
  /** Is the session still good? Asked when a stream breaks, for a stream does not say why. */
  readonly isSignedIn: () => Promise<boolean>
  readonly emit: (event: LiveEvent) => void
  readonly setTimer: (callback: () => void, ms: number) => number
  readonly clearTimer: (timer: number) => void
  readonly random: () => number
}

const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 8_000
/** Tabs open in bursts; they share the stream that is opened after this. */
const GATHER_MS = 20
/** The parts of the dashboard that are told of by their version. */
const TOPICS = ['queue', 'incident', 'figures', 'credential', 'channels']
/** What a tab that comes later is told of the sandbox. */
const KEPT_SANDBOX_EVENTS = 200
const CHANNEL_PREFIX = 'web:'

/**
 * The one stream that a browser keeps to the gateway, for all its tabs: browsers
 * allow six connections to a host, and every further tab would wait for ever.
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
  readonly #versions = new Map<string, string>()
  #sandbox: { readonly life: string; readonly items: readonly SandboxEvent[] } | null = null
  #state: 'connecting' | 'open' | 'lost' | 'signed-out' = 'connecting'

  constructor(parts: LiveParts) {
    this.#parts = parts
  }

  /** What a tab that comes later has to know at once. */
  present(): readonly LiveEvent[] {
    return [
      { kind: 'connection', state: this.#state },
      ...(this.#lastStatus ? [{ kind: 'status', status: this.#lastStatus } as const] : []),
      ...[...this.#versions].map(([topic, version]) => ({ kind: 'changed', topic, version }) as const),
      ...(this.#sandbox ? [{ kind: 'sandbox', ...this.#sandbox } as const] : []),
    ]
  }

  /** From now on also tells of these conversations, each from its revision on, and of no others. */
  watch(wanted: ReadonlyMap<string, number>): void {
    // Told of more than is wanted does no harm, and is no reason to begin anew.
    let more = this.#source === null
    for (const id of this.#watched.keys()) if (!wanted.has(id)) this.#watched.delete(id)
    for (const [id, after] of wanted) {
      const known = this.#watched.get(id)
      if (known !== undefined && known <= after) continue
      // A tab that knows less than the others is told again; rows replace each other by id.
      this.#watched.set(id, after)
      more = true
    }
    if (more) this.#openAfter(GATHER_MS)
  }

  /** The network or the page is back: does not wait out the rest of a pause. */
  wake(): void {
    this.#paused = false
    if (this.#source === null) this.#openAfter(0)
  }

  /** Nobody looks: gives the connection back until `wake`. */
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
    source.addEventListener('status', ({ data }) => {
      this.#lastStatus = JSON.parse(data!) as StatusLine
      this.#parts.emit({ kind: 'status', status: this.#lastStatus })
    })
    for (const topic of TOPICS) {
      source.addEventListener(topic, ({ data }) => {
        const { version } = JSON.parse(data!) as { version: string }
        this.#versions.set(topic, version)
        this.#parts.emit({ kind: 'changed', topic, version })
      })
    }
    source.addEventListener('sandbox', ({ data }) => this.#onSandbox(data!))
    for (const type of ['message', 'state', 'notice'])
      source.addEventListener(type, ({ data }) => this.#onRow(data!))
    source.addEventListener('delta', ({ data }) => {
      const delta = JSON.parse(data!) as {
        turnId: string
        offset: number
        text: string
        conversation: string
      }
      this.#parts.emit({ kind: 'delta', ...delta, conversation: address(delta.conversation) })
    })
  }

  #onRow(data: string): void {
    const row = JSON.parse(data) as Item & { conversation: string }
    const conversation = address(row.conversation)
    if (this.#watched.has(conversation)) this.#watched.set(conversation, row.revision)
    this.#parts.emit({ kind: 'row', conversation, row })
  }

  #onSandbox(data: string): void {
    const told = JSON.parse(data) as { life: string; items: SandboxEvent[] }
    const known = this.#sandbox?.life === told.life ? this.#sandbox.items : []
    const last = known.at(-1)?.seq ?? 0
    // After a break the newest ones are told again.
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
