import { MINUTE, sleep, type Clock } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { Interrupted, IntakeLoop, type IntakeStatus, type Trouble } from '../../kit/intake/intake-loop.ts'
import type { SlackClient } from '../api/client.ts'
import { troubleOf, troubleOfEnd, type TokenOf } from '../api/trouble.ts'
import { ALIVE_EVERY_MS, type Intake } from '../intake/intake.ts'
import type { SlackMessageEvent } from '../intake/message.ts'
import type { SlashCommand } from '../intake/receive.ts'
import { Socket, type Frame } from './socket.ts'

/** A connection that lasted this long was a good one: the back-off starts over. */
const GOOD_CONNECTION_MS = MINUTE
/** Slack renews its connections every few hours, and says so. */
const PLANNED_ENDS = new Set(['warning', 'refresh_requested'])
/** Connections in a row that end soon after their beginning, before even an announced end is followed by a pause. */
const MAX_SHORT_SESSIONS = 3

export interface ConnectionOptions {
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** Fetches who the bot is. @throws SlackFailure */
  readonly identify: (signal: AbortSignal) => Promise<void>
  /** With the app's token. */
  readonly app: SlackClient
  readonly botId: () => string
  readonly onStatus: (status: IntakeStatus) => void
}

/** Keeps one connection open, reads what was missed after each opening, and acknowledges what is durable. */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #intake: Intake
  readonly #loop: IntakeLoop
  /** In a row. */
  #shortSessions = 0
  /** Whose token the current request uses. */
  #token: TokenOf = 'bot'
  /** Reads of what was missed, those of former connections included: the next connection does not wait for them. */
  #catchingUp: Promise<unknown> = Promise.resolve()

  constructor(options: ConnectionOptions, intake: Intake) {
    this.#options = options
    this.#intake = intake
    this.#loop = new IntakeLoop({
      ...options,
      channel: 'slack',
      kept: 'it is fetched again',
      troubleOf: (error) => troubleOf(error, this.#token),
    })
  }

  /** Runs until `signal` is aborted; what is being stored then is still committed. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    let identified = false
    let loaded = false
    await this.#loop.run(async () => {
      this.#token = 'bot'
      if (!loaded) await this.#intake.load()
      loaded = true
      if (!identified) await this.#options.identify(signal)
      identified = true
      this.#token = 'app'
      const trouble = await this.#session(signal)
      if (trouble) throw new Interrupted(trouble)
    }, signal)
    await Promise.allSettled([...this.#intake.underway, this.#catchingUp])
  }

  /** One connection. @returns what is wrong; null = nothing, and the next may begin at once */
  async #session(signal: AbortSignal): Promise<Trouble | null> {
    const { app, clock, log } = this.#options
    const session = new AbortController()
    const abort = () => session.abort(signal.reason)
    const { socket, hello } = await Socket.open(
      app,
      {
        clock,
        // Again, and not only at the end of the previous one: a message that waited may have read a history since.
        onHello: () => this.#intake.lost(),
        onEnvelope: (envelope, ack) => this.#handle(envelope, ack, signal),
      },
      signal,
    )
    const openedAt = clock.monotonic()
    signal.addEventListener('abort', abort, { once: true })
    try {
      this.#loop.connected()
      // What failed before it was opened says nothing about how long it lasts.
      if (this.#shortSessions <= MAX_SHORT_SESSIONS) this.#loop.recovered()
      if ((hello.num_connections ?? 1) > 1) {
        const text = `${hello.num_connections} connections are open with this app token: each gets a part of what people write`
        log.info(
          { channel: 'slack' },
          `${text}, unless it is a former one of this gateway that is about to end`,
        )
      }
      this.#catchingUp = Promise.all([this.#catchingUp, this.#catchUp(session.signal)])
      const stopped = new Promise<null>((resolve) => {
        if (session.signal.aborted) resolve(null)
        session.signal.addEventListener('abort', () => resolve(null), { once: true })
      })
      const end = await Promise.race([socket.ended, stopped])
      // What is durable by now is still acknowledged through this socket.
      if (end === null) await Promise.allSettled(this.#intake.underway)
      if (end === null) return null
      const good = clock.monotonic() - openedAt >= GOOD_CONNECTION_MS
      this.#shortSessions = good ? 0 : this.#shortSessions + 1
      if (PLANNED_ENDS.has(end) && this.#shortSessions <= MAX_SHORT_SESSIONS) return null
      if (good) this.#loop.recovered()
      return end === 'closed'
        ? { state: 'retrying', problem: 'the connection to Slack broke' }
        : troubleOfEnd(end)
    } finally {
      this.#intake.lost()
      session.abort(new Error('the connection has ended'))
      signal.removeEventListener('abort', abort)
      await socket.close()
    }
  }

  async #catchUp(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    try {
      await this.#intake.catchUp(signal)
      this.#loop.recovered()
      for (;;) {
        await sleep(clock, ALIVE_EVERY_MS, signal)
        await this.#intake.saveAliveMark().catch(() => {})
      }
    } catch (error) {
      if (!signal.aborted) log.error({ err: error, channel: 'slack' }, 'what was missed could not be read')
    }
  }

  #handle(envelope: Frame, ack: () => void, signal: AbortSignal): void {
    // Stopping: what is not acknowledged is delivered to the next process.
    if (signal.aborted) return
    void this.#store(envelope, signal).then(ack, (error: unknown) => {
      if (signal.aborted) return
      const { type, retry_attempt: attempt } = envelope
      this.#options.log.debug(
        { channel: 'slack', type, attempt },
        `not acknowledged, so it is delivered again: ${messageOf(error)}`,
      )
    })
  }

  async #store({ type, payload }: Frame, signal: AbortSignal): Promise<void> {
    if (type === 'slash_commands') {
      if (isCommand(payload)) await this.#intake.command(payload)
      return
    }
    const event = type === 'events_api' ? eventOf(payload) : null
    if (event === null) return
    if (event.type === 'message' || event.type === 'app_mention') {
      if (isMessage(event)) await this.#intake.receive(event, signal)
    } else if (event.type === 'member_joined_channel' && event.user === this.#options.botId()) {
      const { channel, event_ts: ts } = event
      if (typeof channel === 'string' && typeof ts === 'string') await this.#intake.invited(channel, ts)
    }
  }
}

interface Event {
  readonly type?: unknown
  readonly user?: unknown
  readonly channel?: unknown
  readonly event_ts?: unknown
}

function eventOf(payload: unknown): Event | null {
  if (typeof payload !== 'object' || payload === null || !('event' in payload)) return null
  const { event } = payload
  return typeof event === 'object' && event !== null ? event : null
}

function isMessage(event: object): event is SlackMessageEvent {
  const { channel, ts } = event as Partial<SlackMessageEvent>
  return typeof channel === 'string' && typeof ts === 'string' && /^[CDG]/.test(channel)
}

function isCommand(payload: unknown): payload is SlashCommand {
  const { user_id: user, channel_id: channel, trigger_id: trigger } = (payload ?? {}) as Partial<SlashCommand>
  return typeof user === 'string' && typeof channel === 'string' && typeof trigger === 'string'
}
