import type { ServerResponse } from 'node:http'
import { SECOND, type Clock, type Timer } from '../../support/clock.ts'
import type { EventName } from '../wire.ts'

/** Proxies and phones drop a silent connection after half a minute. */
const HEARTBEAT_MS = 15 * SECOND
/** A reader that reads nothing for this long is dropped; it reconnects and resumes. */
const STALL_MS = 20 * SECOND
/** The limit of unsent bytes for one reader: a few long answers. */
const MAX_UNSENT_BYTES = 1024 * 1024
/** How soon a browser reconnects, in milliseconds. */
const RETRY_MS = 1_000

const HEADERS = {
  'Content-Type': 'text/event-stream; charset=utf-8',
  'Cache-Control': 'no-store, no-transform',
  'X-Content-Type-Options': 'nosniff',
  // nginx would otherwise buffer events.
  'X-Accel-Buffering': 'no',
} as const

/** Who reads a stream. */
export interface Reader {
  /** Counted together. */
  readonly client: string
  /** False once they are no longer allowed to. */
  readonly isAllowed: () => boolean
}

/**
 * All open event streams: one timer for all heartbeats, and one place to end them.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class Streams {
  readonly #clock: Clock
  readonly #open = new Set<EventStream>()
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#open.size
  }

  /** How many streams `client` has open. */
  countOf(client: string): number {
    let count = 0
    for (const stream of this.#open) if (stream.client === client) count++
    return count
  }

  /** @param greeting the first frame; by default how soon a reader that lost the stream comes back */
  open(outgoing: ServerResponse, reader: Reader, greeting = `retry: ${RETRY_MS}\n\n`): EventStream {
    const stream = new EventStream(outgoing, this.#clock, greeting, reader)
    this.#open.add(stream)
    stream.onClose(() => this.#open.delete(stream))
    this.#timer ??= this.#clock.setTimer(this.#beat, HEARTBEAT_MS)
    return stream
  }

  /** Ends the streams of those whose token or session has ended. */
  endForbidden(): void {
    for (const stream of this.#open) if (!stream.allowed) stream.end()
  }

  /** Ends every stream: their readers reconnect to the next server. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    for (const stream of this.#open) stream.end()
  }

  readonly #beat = (): void => {
    this.#timer = this.#open.size > 0 ? this.#clock.setTimer(this.#beat, HEARTBEAT_MS) : null
    // A session also ends by its age.
    this.endForbidden()
    for (const stream of this.#open) stream.beat()
  }
}

/** One reader. Nothing is queued beyond the socket's buffer: writers check `ready` first. */
export class EventStream {
  readonly #outgoing: ServerResponse
  readonly #clock: Clock
  readonly #reader: Reader
  readonly #closeListeners: Array<() => void> = []
  readonly #drainListeners: Array<() => void> = []
  #blockedSince: number | null = null
  #closed = false

  constructor(outgoing: ServerResponse, clock: Clock, greeting: string, reader: Reader) {
    this.#outgoing = outgoing
    this.#clock = clock
    this.#reader = reader
    outgoing.writeHead(200, HEADERS)
    outgoing.socket?.setNoDelay(true)
    outgoing.on('close', () => this.#ended())
    outgoing.on('error', () => this.#ended())
    outgoing.on('drain', () => {
      this.#blockedSince = null
      for (const listener of this.#drainListeners) listener()
    })
    if (outgoing.destroyed) this.#closed = true
    else if (greeting === '') outgoing.flushHeaders()
    else outgoing.write(greeting)
  }

  get closed(): boolean {
    return this.#closed
  }

  get allowed(): boolean {
    return this.#reader.isAllowed()
  }

  get client(): string {
    return this.#reader.client
  }

  /** False while the reader is behind: wait for `onDrain`. */
  get ready(): boolean {
    return this.#blockedSince === null && !this.#closed
  }

  /** Calls `listener` once, at once if the reader is gone already. */
  onClose(listener: () => void): void {
    if (this.#closed) listener()
    else this.#closeListeners.push(listener)
  }

  onDrain(listener: () => void): void {
    this.#drainListeners.push(listener)
  }

  /** Writes one whole frame. */
  write(frame: string): void {
    if (this.#closed) return
    if (!this.#outgoing.write(frame)) this.#blockedSince ??= this.#clock.monotonic()
    if (this.#outgoing.writableLength > MAX_UNSENT_BYTES) this.#outgoing.destroy()
  }

  /** Sends a heartbeat, and drops a reader that has stopped reading. */
  beat(): void {
    if (this.#blockedSince === null) this.write(':\n\n')
    else if (this.#clock.monotonic() - this.#blockedSince > STALL_MS) this.#outgoing.destroy()
  }

  end(): void {
    if (this.#closed) return
    this.#outgoing.end()
    this.#ended()
  }

  #ended(): void {
    if (this.#closed) return
    this.#closed = true
    for (const listener of this.#closeListeners) listener()
  }
}

/** One event in wire format; `data` is JSON, which has no line breaks. */
export function frame(event: EventName, data: string, id?: number): string {
  return id === undefined
    ? `event: ${event}\ndata: ${data}\n\n`
    : `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
}
