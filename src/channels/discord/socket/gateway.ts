import { backoffDelay } from '../../../support/backoff.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { isLoopbackHost } from '../../../support/loopback.ts'
import type { Secret } from '../../../support/secret.ts'
import type { DiscordClient } from '../api/client.ts'
import { DiscordFailure } from '../api/failure.ts'
import { BAD_TOKEN } from './close-codes.ts'
import { Connection, type Dispatch, type Session } from './connection.ts'

/** Ordinary trouble: mended within seconds, and asked about twice a minute at worst. */
const RETRY = { initialMs: SECOND, maxMs: 30 * SECOND }
/** What only the operator can mend is found mended within ten minutes. */
const FAILED_RETRY = { initialMs: 30 * SECOND, maxMs: 10 * MINUTE }
/** A new session that lasted this long was a good one. New sessions are counted: a thousand a day. */
const LASTING_MS = 30 * SECOND
/** Tries to go on with a session before a new one is begun at the general address. */
const RESUME_TRIES = 3

export interface GatewayStatus {
  readonly state: 'connected' | 'retrying' | 'failed'
  readonly problem: string | null
}

export interface GatewayOptions {
  readonly client: DiscordClient
  readonly token: Secret
  readonly intents: number
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly onEvent: (event: Dispatch) => void
  readonly onStatus: (status: GatewayStatus) => void
}

/** Keeps a session with Discord's gateway alive, over as many connections as it takes. */
export class Gateway {
  readonly #options: GatewayOptions
  #session: Session | null = null
  #resumeFailures = 0
  /** Troubles in a row. */
  #failures = 0

  constructor(options: GatewayOptions) {
    this.#options = options
  }

  /** Runs until `signal` is aborted. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options
    while (!signal.aborted) {
      let waitMs: number
      try {
        waitMs = await this.#connect(signal)
      } catch (error) {
        if (signal.aborted) return
        waitMs = this.#unreachable(error)
      }
      if (signal.aborted) return
      if (waitMs < 0) waitMs = backoffDelay(Math.max(1, this.#failures), RETRY, random())
      await sleep(clock, waitMs, signal).catch(() => {})
    }
  }

  /** One connection. @returns how long to wait before the next, in milliseconds; below 0: as the failures say */
  async #connect(signal: AbortSignal): Promise<number> {
    const { token, intents, clock, random, onEvent, onStatus } = this.#options
    const resuming = this.#session !== null
    const url = this.#session?.resumeUrl ?? (await this.#address(signal))
    if (typeof url === 'number') return url
    let readyAt: number | null = null
    const connection = new Connection({
      url: checked(url),
      token,
      intents,
      session: this.#session,
      clock,
      random,
      onReady: (session) => {
        readyAt = clock.monotonic()
        this.#session = session
        this.#resumeFailures = 0
        // Going on with a session costs nothing; new ones are counted by Discord.
        if (resuming) this.#failures = 0
        onStatus({ state: 'connected', problem: null })
      },
      onEvent,
    })
    const stop = () => void connection.stop()
    signal.addEventListener('abort', stop, { once: true })
    const { verdict, words, routine } = await connection.ended
    signal.removeEventListener('abort', stop)
    if (signal.aborted) {
      await connection.stop()
      return 0
    }
    if (routine && readyAt !== null) return random() * SECOND
    if (readyAt !== null && clock.monotonic() - readyAt >= LASTING_MS) this.#failures = 0
    this.#failures++
    if (readyAt === null && resuming && ++this.#resumeFailures >= RESUME_TRIES) this.#session = null
    if (verdict.kind !== 'resume') this.#session = null
    if (verdict.kind === 'failed') return this.#failed(verdict.problem)
    this.#retrying(`the connection to Discord is interrupted (${words})`)
    return -1
  }

  /** Where to connect, or how long to wait before asking. */
  async #address(signal: AbortSignal): Promise<string | number> {
    const { url, session_start_limit: limit } = await this.#options.client.gatewayBot(signal)
    if (limit.remaining > 0) return url
    this.#failures++
    this.#retrying('Discord lets this bot begin no further session for now: it was restarted too often today')
    return Math.max(SECOND, limit.reset_after)
  }

  #unreachable(error: unknown): number {
    this.#failures++
    if (error instanceof DiscordFailure && error.kind === 'token') return this.#failed(BAD_TOKEN)
    if (error instanceof WrongAddress) return this.#failed(error.message)
    this.#retrying(`Discord cannot be reached (${messageOf(error)})`)
    const asked = error instanceof DiscordFailure ? error.retryAfterMs : null
    return asked ?? -1
  }

  #failed(problem: string): number {
    this.#tell({ state: 'failed', problem })
    return backoffDelay(this.#failures, FAILED_RETRY, this.#options.random())
  }

  #retrying(problem: string): void {
    this.#tell({ state: 'retrying', problem })
  }

  #tell(status: GatewayStatus): void {
    const { log, onStatus } = this.#options
    onStatus(status)
    // The first of a row is worth a line; an outage of hours is not worth thousands.
    if (this.#failures <= 1) log.warn({ channel: 'discord' }, status.problem!)
    else log.debug({ channel: 'discord', failures: this.#failures }, status.problem!)
  }
}

class WrongAddress extends Error {}

/** The token goes there: in the clear only to this machine. */
function checked(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null
  if (url?.protocol === 'wss:' || (url?.protocol === 'ws:' && isLoopbackHost(url.hostname))) return address
  throw new WrongAddress('the address of the gateway that Discord names is not an encrypted one')
}
