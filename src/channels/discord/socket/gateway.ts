import type { BackoffOptions } from '../../../support/backoff.ts'
import { SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { isLoopbackHost } from '../../../support/loopback.ts'
import type { Secret } from '../../../support/secret.ts'
import { Interrupted, IntakeLoop, type IntakeStatus, type Trouble } from '../../kit/intake/intake-loop.ts'
import type { DiscordClient } from '../api/client.ts'
import { DiscordFailure } from '../api/failure.ts'
import { BAD_TOKEN } from './close-codes.ts'
import { Connection, type Dispatch, type Session } from './connection.ts'

/** A new session that lasted this long was a good one. New sessions are counted: a thousand a day. */
const LASTING_MS = 30 * SECOND
/** Rarer than what costs nothing: each session counts. */
const NEW_SESSION_RETRY: BackoffOptions = { initialMs: SECOND, maxMs: 30 * SECOND }
/** Connections in a row that end soon after their beginning, before one that was asked to end is no routine. */
const MAX_SHORT_CONNECTIONS = 3
/** Attempts to resume a session before a new one is begun at the general address. */
const RESUME_TRIES = 3

/** Of an event's name in the log. */
const LONGEST_NAME = 60

export interface GatewayOptions {
  readonly client: DiscordClient
  readonly token: Secret
  readonly intents: number
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly onEvent: (event: Dispatch) => void
  readonly onStatus: (status: IntakeStatus) => void
}

/** Keeps a session with Discord's gateway alive over any number of connections. */
export class Gateway {
  readonly #options: GatewayOptions
  #session: Session | null = null
  #resumeFailures = 0
  /** In a row. */
  #shortConnections = 0
  readonly #loop: IntakeLoop

  constructor(options: GatewayOptions) {
    this.#options = options
    this.#loop = new IntakeLoop({
      ...options,
      channel: 'discord',
      kept: 'Discord keeps it',
      troubleOf,
    })
  }

  /** Runs until `signal` is aborted. Never rejects. */
  run(signal: AbortSignal): Promise<void> {
    return this.#loop.run(() => this.#connect(signal), signal)
  }

  /** One connection. Resolves when the next may begin at once. @throws Interrupted, DiscordFailure */
  async #connect(signal: AbortSignal): Promise<void> {
    const { token, intents, clock, random } = this.#options
    const resuming = this.#session !== null
    const address = this.#session?.resumeUrl ?? (await this.#address(signal))
    const url = isAllowed(address) ? address : null
    if (url === null) {
      // The next try asks for an address again.
      this.#session = null
      const problem = 'the address of the gateway that Discord names is not an encrypted one'
      throw new Interrupted({ state: 'failed', problem })
    }
    let readyAt: number | null = null
    const connection = new Connection({
      url,
      token,
      intents,
      session: this.#session,
      clock,
      random,
      onReady: (session) => {
        readyAt = clock.monotonic()
        this.#session = session
        this.#resumeFailures = 0
        // Continuing a session costs nothing; new ones are counted by Discord.
        if (resuming && this.#shortConnections <= MAX_SHORT_CONNECTIONS) this.#loop.recovered()
        this.#loop.connected()
      },
      onEvent: (event) => this.#deliver(event),
    })
    const stop = () => void connection.stop()
    signal.addEventListener('abort', stop, { once: true })
    const { verdict, words, routine } = await connection.ended
    signal.removeEventListener('abort', stop)
    if (signal.aborted) return connection.stop()
    const lasted = readyAt !== null && clock.monotonic() - readyAt >= LASTING_MS
    this.#shortConnections = lasted ? 0 : this.#shortConnections + 1
    if (routine && readyAt !== null && this.#shortConnections <= MAX_SHORT_CONNECTIONS)
      return sleep(clock, random() * SECOND, signal)
    if (lasted) this.#loop.recovered()
    if (readyAt === null && resuming && ++this.#resumeFailures >= RESUME_TRIES) this.#session = null
    if (verdict.kind !== 'resume') this.#session = null
    throw new Interrupted(
      verdict.kind === 'failed'
        ? { state: 'failed', problem: verdict.problem }
        : {
            state: 'retrying',
            problem: `the connection to Discord is interrupted (${words})`,
            ...(resuming ? {} : { backoff: NEW_SESSION_RETRY }),
          },
    )
  }

  /** An event that cannot be read is passed over: whatever is wrong with it, the next ones are not. */
  #deliver(event: Dispatch): void {
    const { onEvent, log } = this.#options
    try {
      onEvent(event)
    } catch (error) {
      const problem = `an event of Discord could not be read and was passed over: ${messageOf(error)}`
      log.error({ channel: 'discord', event: event.t.slice(0, LONGEST_NAME) }, problem)
    }
  }

  async #address(signal: AbortSignal): Promise<string> {
    const { url, sessionsLeft, resetAfterMs } = await this.#options.client.gatewayBot(signal)
    if (sessionsLeft > 0) return url
    const problem = 'Discord lets this bot begin no further session for now: it was restarted too often today'
    throw new Interrupted({ state: 'retrying', problem }, Math.max(SECOND, resetAfterMs))
  }
}

function troubleOf(error: unknown): Trouble {
  if (error instanceof DiscordFailure && error.kind === 'token')
    return { state: 'failed', problem: BAD_TOKEN }
  return { state: 'retrying', problem: `Discord cannot be reached (${messageOf(error)})` }
}

/** The token goes there: in the clear only to this machine. */
function isAllowed(address: string): boolean {
  const url = URL.canParse(address) ? new URL(address) : null
  return url?.protocol === 'wss:' || (url?.protocol === 'ws:' && isLoopbackHost(url.hostname))
}
