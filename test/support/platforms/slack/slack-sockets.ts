import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'

/** An envelope that was not acknowledged yet. */
interface Pending {
  readonly frame: Record<string, unknown> & { readonly envelope_id: string }
  /** Deliveries so far. */
  attempts: number
  socket: WebSocket | null
  timer: NodeJS.Timeout | null
}

/** As the platform does: a first delivery and three more. */
const MAX_ATTEMPTS = 4

/**
 * The socket's side of Socket Mode: greeting, envelopes that are delivered again until they are
 * acknowledged, announcements of an end, pings.
 */
export class SlackSockets {
  /** How long an acknowledgement is waited for; the platform waits 3 s. */
  ackMs = 3_000
  /** What happens while nobody is connected, or is on its way when a connection ends, is found in histories only. */
  forgetful = false
  /** A connection is ended with this reason instead of being greeted. */
  refuseWith: string | null = null
  /** Envelopes that were delivered more than once. */
  redelivered = 0
  /** Connections that were ever greeted. */
  greeted = 0
  /** No pings are sent. */
  pingless = false
  /** Pings that were sent. */
  pings = 0
  readonly #server = new WebSocketServer({ noServer: true })
  readonly #open = new Set<WebSocket>()
  readonly #pending = new Map<string, Pending>()
  readonly #tickets = new Set<string>()
  readonly #pinger: NodeJS.Timeout

  constructor(http: Server) {
    http.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const ticket = new URL(request.url ?? '/', 'http://here').searchParams.get('ticket') ?? ''
      // A ticket opens one connection.
      if (!this.#tickets.delete(ticket)) return void socket.destroy()
      this.#server.handleUpgrade(request, socket, head, (line) => this.#greet(line))
    })
    this.#pinger = setInterval(() => {
      if (this.pingless) return
      for (const line of this.#open) line.ping()
      this.pings += this.#open.size
    }, 1_000)
    this.#pinger.unref()
  }

  close(): void {
    clearInterval(this.#pinger)
    for (const { timer } of this.#pending.values()) clearTimeout(timer ?? undefined)
    this.cut()
    this.#server.close()
  }

  /** A path with a fresh ticket. */
  ticket(): string {
    const ticket = randomUUID()
    this.#tickets.add(ticket)
    return `/link/?ticket=${ticket}`
  }

  get connections(): number {
    return this.#open.size
  }

  /** Has everything been acknowledged? */
  get acknowledged(): boolean {
    return this.#pending.size === 0
  }

  /** Delivers an envelope, and again until it is acknowledged. */
  push(type: 'events_api' | 'slash_commands', payload: object): void {
    const frame = {
      envelope_id: randomUUID(),
      type,
      payload,
      accepts_response_payload: type !== 'events_api',
    }
    const pending: Pending = { frame, attempts: 0, socket: null, timer: null }
    if (this.#open.size === 0 && this.forgetful) return
    this.#pending.set(frame.envelope_id, pending)
    this.#deliver(pending)
  }

  /** Any frame, also a malformed one, into every connection. */
  raw(frame: unknown): void {
    for (const line of this.#open) line.send(JSON.stringify(frame))
  }

  /** Announces the end of every connection, as the platform does before it renews them. */
  announce(reason: string): void {
    this.raw({ type: 'disconnect', reason, debug_info: { host: 'simulator' } })
  }

  /** Breaks every connection silently. */
  cut(): void {
    for (const line of this.#open) line.terminate()
  }

  /** Nobody reads from the connections any more, and nobody closes them. */
  freeze(): void {
    for (const line of this.#open) line.pause()
  }

  #greet(line: WebSocket): void {
    line.on('error', () => {})
    if (this.refuseWith !== null) {
      line.send(JSON.stringify({ type: 'disconnect', reason: this.refuseWith }))
      return line.close()
    }
    this.#open.add(line)
    this.greeted++
    line.on('message', (data: Buffer) => this.#acknowledge(data.toString()))
    line.on('close', () => {
      this.#open.delete(line)
      for (const [id, pending] of this.#pending) {
        if (pending.socket !== line) continue
        pending.socket = null
        if (this.forgetful) this.#forget(id)
      }
    })
    const hello = { type: 'hello', num_connections: this.#open.size, connection_info: { app_id: 'A1TEST' } }
    line.send(JSON.stringify(hello))
    for (const pending of this.#pending.values()) if (pending.socket === null) this.#deliver(pending)
  }

  #deliver(pending: Pending): void {
    clearTimeout(pending.timer ?? undefined)
    const line = [...this.#open].at(-1)
    if (!line) return
    pending.socket = line
    const retry = pending.attempts > 0 ? { retry_attempt: pending.attempts, retry_reason: 'timeout' } : {}
    if (pending.attempts > 0) this.redelivered++
    pending.attempts++
    line.send(JSON.stringify({ ...pending.frame, ...retry }))
    if (pending.attempts >= MAX_ATTEMPTS) return
    pending.timer = setTimeout(() => this.#deliver(pending), this.ackMs)
    pending.timer.unref()
  }

  #acknowledge(text: string): void {
    const { envelope_id: id } = JSON.parse(text) as { envelope_id?: string }
    if (id !== undefined) this.#forget(id)
  }

  #forget(id: string): void {
    clearTimeout(this.#pending.get(id)?.timer ?? undefined)
    this.#pending.delete(id)
  }
}
