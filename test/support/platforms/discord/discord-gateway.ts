import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'

interface Told {
  readonly s: number
  readonly t: string
  readonly d: unknown
}

/** A session of the bot: it outlives its connections, and remembers what it told. */
interface Session {
  readonly id: string
  readonly events: Told[]
  sequence: number
  socket: WebSocket | null
}

export interface GatewayFacts {
  readonly token: string
  /** Where sessions are resumed. */
  readonly resumeUrl: () => string
  /** READY's content in addition to the session, and what follows it. */
  readonly ready: () => {
    readonly ready: object
    readonly events: ReadonlyArray<{ readonly t: string; readonly d: unknown }>
  }
}

interface Received {
  readonly op: number
  readonly d: unknown
}

/** The gateway of the simulator, after the published protocol: opcodes, heartbeats, resume, session invalidation. */
export class DiscordGatewayServer {
  /** Every payload that a client sent. */
  readonly received: Received[] = []
  heartbeatMs = 10_000
  /** Heartbeats are not acknowledged any more, as on a line that is dead without anybody having noticed. */
  deaf = false
  /** Identifying is answered by closing with this code. */
  refuseWith: number | null = null
  /** Connections are refused at the door. */
  closed = false
  readonly #facts: GatewayFacts
  readonly #server = new WebSocketServer({ noServer: true })
  readonly #sessions = new Map<string, Session>()
  #nextSession = 1

  constructor(facts: GatewayFacts) {
    this.#facts = facts
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.closed) return void socket.destroy()
    this.#server.handleUpgrade(request, socket, head, (client) => this.#welcome(client))
  }

  /** How many sessions were begun so far. */
  get begun(): number {
    return this.#nextSession - 1
  }

  /** Connections that stand, with a session. */
  get connected(): number {
    return [...this.#sessions.values()].filter(({ socket }) => socket !== null).length
  }

  receivedOf(op: number): readonly Received[] {
    return this.received.filter((payload) => payload.op === op)
  }

  /** Dispatches to every session; sessions without a connection get it when they are resumed. */
  dispatch(t: string, d: unknown): void {
    for (const session of this.#sessions.values()) {
      const told = { s: ++session.sequence, t, d }
      session.events.push(told)
      if (session.socket) send(session.socket, { op: 0, ...told })
    }
  }

  /** Any frame, also a malformed one, into every connection. */
  raw(frame: unknown): void {
    for (const client of this.#server.clients) client.send(JSON.stringify(frame))
  }

  /** Breaks every connection silently. */
  drop(): void {
    for (const client of this.#server.clients) client.terminate()
  }

  close(code: number): void {
    for (const client of this.#server.clients) client.close(code)
  }

  askToReconnect(): void {
    for (const client of this.#server.clients) send(client, { op: 7, d: null })
  }

  /** Every session is over: what happens from now on is told to none of them. */
  forgetSessions(): void {
    this.#sessions.clear()
  }

  stop(): void {
    this.drop()
    this.#server.close()
  }

  #welcome(client: WebSocket): void {
    let session: Session | null = null
    send(client, { op: 10, d: { heartbeat_interval: this.heartbeatMs } })
    client.on('message', (data) => {
      const payload = JSON.parse(String(data)) as Received
      this.received.push(payload)
      switch (payload.op) {
        case 1:
          if (!this.deaf) send(client, { op: 11, d: null })
          return
        case 2:
          session = this.#identify(client, payload.d as { token: string })
          return
        case 6:
          session = this.#resume(client, payload.d as { token: string; session_id: string; seq: number })
      }
    })
    client.on('error', () => {})
    client.on('close', (code) => {
      if (session?.socket !== client) return
      session.socket = null
      // Closed in good order: the session is over.
      if (code === 1000 || code === 1001) this.#sessions.delete(session.id)
    })
  }

  #identify(client: WebSocket, { token }: { token: string }): Session | null {
    if (token !== this.#facts.token) return void client.close(4004) as never
    if (this.refuseWith !== null) return void client.close(this.refuseWith) as never
    const session: Session = { id: `session${this.#nextSession++}`, events: [], sequence: 0, socket: client }
    this.#sessions.set(session.id, session)
    const { ready, events } = this.#facts.ready()
    const whole = { ...ready, session_id: session.id, resume_gateway_url: this.#facts.resumeUrl() }
    for (const { t, d } of [{ t: 'READY', d: whole }, ...events]) {
      const told = { s: ++session.sequence, t, d }
      session.events.push(told)
      send(client, { op: 0, ...told })
    }
    return session
  }

  #resume(
    client: WebSocket,
    { token, session_id, seq }: { token: string; session_id: string; seq: number },
  ): Session | null {
    if (token !== this.#facts.token) return void client.close(4004) as never
    const session = this.#sessions.get(session_id)
    if (!session) {
      send(client, { op: 9, d: false })
      return null
    }
    session.socket = client
    for (const told of session.events) if (told.s > seq) send(client, { op: 0, ...told })
    const s = ++session.sequence
    session.events.push({ s, t: 'RESUMED', d: {} })
    send(client, { op: 0, s, t: 'RESUMED', d: {} })
    return session
  }
}

function send(client: WebSocket, payload: object): void {
  if (client.readyState === client.OPEN) client.send(JSON.stringify(payload))
}
