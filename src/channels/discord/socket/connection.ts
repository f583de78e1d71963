import https from 'node:https'
import { WebSocket } from 'ws'
import { HOUR, SECOND, type Clock, type Timer } from '../../../support/clock.ts'
import { VERSION } from '../../../support/package.ts'
import type { Secret } from '../../../support/secret.ts'
import { networkCode } from '../../kit/failure.ts'
import { isSnowflake } from '../api/snowflake.ts'
import { classifyClose, type Verdict } from './close-codes.ts'

/** Discord answers within seconds; a silent connection is given up after this. */
const HANDSHAKE_TIMEOUT_MS = 20 * SECOND
const HELLO_TIMEOUT_MS = 20 * SECOND
/** A large bot's first events take their time. */
const READY_TIMEOUT_MS = 60 * SECOND
/** A closing handshake on a dead connection never ends. */
const CLOSE_TIMEOUT_MS = SECOND
/** Closes without ending the session, unlike 1000. */
const KEEP_SESSION = 4_900
const END_SESSION = 1_000

/** Discord names some forty seconds. */
const LEAST_HEARTBEAT_MS = 100
/** Far above every frame, and little enough to be held in memory. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024

const MOVED = 'asked to reconnect'

/** @see https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway-gateway-opcodes */
const OP = {
  dispatch: 0,
  heartbeat: 1,
  identify: 2,
  resume: 6,
  reconnect: 7,
  invalidSession: 9,
  hello: 10,
  heartbeatAck: 11,
} as const

/** What survives a broken connection. */
export interface Session {
  readonly id: string
  readonly resumeUrl: string
  sequence: number
}

/** An event of Discord's gateway. */
export interface Dispatch {
  readonly t: string
  readonly d: unknown
}

export interface Ended {
  readonly verdict: Verdict
  readonly words: string
  /** Discord moves its connections every few hours; that is not a failure. */
  readonly routine: boolean
}

export interface ConnectionOptions {
  readonly url: string
  readonly token: Secret
  readonly intents: number
  /** The session to resume; null: a new one. */
  readonly session: Session | null
  readonly clock: Clock
  readonly random: () => number
  /** The session is ready: new or resumed. */
  readonly onReady: (session: Session) => void
  /** In order. Must not throw. */
  readonly onEvent: (event: Dispatch) => void
}

/** One connection to Discord's gateway, from HELLO to its end. @see https://discord.com/developers/docs/topics/gateway */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #socket: WebSocket
  readonly #ended = Promise.withResolvers<Ended>()
  #session: Session | null
  #heartbeat: Timer | null = null
  #expectTimer: Timer | null = null
  #acknowledged = true
  #over = false
  #trouble: string | null = null

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#session = options.session
    const url = `${options.url.replace(/\/+$/, '')}/?v=10&encoding=json`
    this.#socket = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      maxPayload: MAX_FRAME_BYTES,
      headers: { 'user-agent': `hermes-gateway/${VERSION}` },
      // Node's own agent knows the configured proxy.
      ...(url.startsWith('wss:') ? { agent: https.globalAgent } : {}),
    })
    this.#socket.on('open', () => this.#expect('HELLO', HELLO_TIMEOUT_MS))
    this.#socket.on('message', (data, isBinary) => {
      if (!isBinary && !this.#over) this.#read(String(data))
    })
    // What the library says of an error may quote the address; its code says enough.
    this.#socket.on('error', (error) => (this.#trouble = networkCode(error)))
    this.#socket.on('close', (code) => {
      this.#end(classifyClose(code), this.#trouble ?? `closed with ${code}`)
    })
  }

  /** Resolves when the connection is over, however that came. */
  get ended(): Promise<Ended> {
    return this.#ended.promise
  }

  /** Ends the session in good order. Resolves when the line is closed. */
  async stop(): Promise<void> {
    this.#end({ kind: 'renew' }, 'stopped', END_SESSION)
    if (this.#socket.readyState === WebSocket.CLOSED) return
    await new Promise((resolve) => this.#socket.once('close', resolve))
  }

  /** Reads one frame. What is none ends the connection; nothing that is sent ends more than that. */
  #read(text: string): void {
    const frame = parseFrame(text)
    switch (frame?.op) {
      case OP.hello: {
        const interval = recordOf(frame.d)['heartbeat_interval']
        if (typeof interval !== 'number' || !(interval >= LEAST_HEARTBEAT_MS && interval <= HOUR)) break
        return this.#greet(interval)
      }
      case OP.heartbeatAck:
        this.#acknowledged = true
        return
      case OP.heartbeat:
        return this.#beat()
      case OP.reconnect:
        return this.#end({ kind: 'resume' }, MOVED, KEEP_SESSION)
      case OP.invalidSession:
        return this.#end({ kind: frame.d ? 'resume' : 'renew' }, 'the session is not valid', KEEP_SESSION)
      case OP.dispatch:
        if (this.#dispatch(frame.s, frame.t, frame.d)) return
        break
      default:
        // An operation that is not known here, of a later version.
        if (typeof frame?.op === 'number') return
    }
    this.#end({ kind: 'resume' }, 'sent nonsense', KEEP_SESSION)
  }

  #greet(intervalMs: number): void {
    const { clock, random, token, intents } = this.#options
    const tick = () => {
      // A connection without acknowledgements is dead, even if it was never closed.
      if (!this.#acknowledged)
        return this.#end({ kind: 'resume' }, 'heartbeats are not answered', KEEP_SESSION)
      this.#acknowledged = false
      this.#beat()
      this.#heartbeat = clock.setTimer(tick, intervalMs)
    }
    this.#heartbeat?.cancel()
    this.#heartbeat = clock.setTimer(tick, intervalMs * random())
    const name = 'hermes-gateway'
    if (this.#session) {
      const { id, sequence } = this.#session
      this.#send(OP.resume, { token: token.reveal(), session_id: id, seq: sequence })
    } else {
      const properties = { os: process.platform, browser: name, device: name }
      this.#send(OP.identify, { token: token.reveal(), intents, properties, compress: false })
    }
    this.#expect('READY', READY_TIMEOUT_MS)
  }

  /** @returns false: it is no event */
  #dispatch(sequence: unknown, type: unknown, data: unknown): boolean {
    const { onReady, onEvent } = this.#options
    if (typeof sequence !== 'number' || typeof type !== 'string') return false
    if (type === 'READY') {
      const { session_id: id, resume_gateway_url: resumeUrl, user, application } = recordOf(data)
      if (typeof id !== 'string' || typeof resumeUrl !== 'string') return false
      // Without its own id the bot would not know which messages are for it.
      if (!hasId(user) || !hasId(application)) return false
      this.#session = { id, resumeUrl, sequence }
    }
    if (this.#session) this.#session.sequence = sequence
    if (type === 'READY' || type === 'RESUMED') {
      this.#expectTimer?.cancel()
      if (this.#session) onReady(this.#session)
    }
    onEvent({ t: type, d: data })
    return true
  }

  #beat(): void {
    this.#send(OP.heartbeat, this.#session?.sequence ?? null)
  }

  #send(op: number, d: unknown): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ op, d }))
  }

  #expect(what: string, ms: number): void {
    this.#expectTimer?.cancel()
    this.#expectTimer = this.#options.clock.setTimer(
      () => this.#end({ kind: 'resume' }, `no ${what}`, KEEP_SESSION),
      ms,
    )
  }

  #end(verdict: Verdict, words: string, closeCode?: number): void {
    if (this.#over) return
    this.#over = true
    this.#heartbeat?.cancel()
    this.#expectTimer?.cancel()
    this.#ended.resolve({ verdict, words, routine: words === MOVED })
    if (closeCode === undefined) return
    if (this.#socket.readyState === WebSocket.OPEN) {
      this.#socket.close(closeCode)
      const giveUp = this.#options.clock.setTimer(() => this.#socket.terminate(), CLOSE_TIMEOUT_MS)
      this.#socket.once('close', () => giveUp.cancel())
    } else this.#socket.terminate()
  }
}

interface Frame {
  readonly op?: unknown
  readonly s?: unknown
  readonly t?: unknown
  readonly d?: unknown
}

/** @returns null for what is no frame */
function parseFrame(text: string): Frame | null {
  try {
    return recordOf(JSON.parse(text))
  } catch {
    return null
  }
}

function hasId(value: unknown): boolean {
  const { id } = recordOf(value)
  return typeof id === 'string' && isSnowflake(id)
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
