import type { Update } from 'grammy/types'
import type { Delivered, Receiver } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import { backoffDelay, type BackoffOptions } from '../../../support/backoff.ts'
import { sleep, type Clock, DAY, MINUTE, SECOND } from '../../../support/clock.ts'
import { messageOf, StoreError, TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { patienceAfter } from '../../kit/store-retry.ts'
import type { TelegramClient } from '../api/client.ts'
import { TelegramFailure } from '../api/failure.ts'
import { ALLOWED_UPDATES } from './receive.ts'

/** The cursors of this channel, stored with what came before them. */
const OFFSET_CURSOR = 'offset'
const SEEN_CURSOR = 'seen'

/** Ordinary trouble: seen within a second, and asked about twice a minute at worst. */
const RETRY = { initialMs: SECOND, maxMs: 30 * SECOND }
/** Somebody else receives with this token: two that insist would only take turns. */
const CONFLICT_RETRY = { initialMs: 2 * SECOND, maxMs: MINUTE }
/** A wrong token is not mended by asking; the operator's correction is found in time. */
const TOKEN_RETRY = { initialMs: 30 * SECOND, maxMs: 10 * MINUTE }
/** Failures of one batch, while the store takes other things, before its updates are tried one by one. */
const BATCH_TRIES = 3
/**
 * After a week without updates the ids begin anew, perhaps below the stored offset; asking with
 * that offset would then confirm what was never seen. Before, asking without one is safe: it only
 * brings back what the store recognises.
 */
const IDLE_MS = 6 * DAY

export interface PollerStatus {
  readonly state: 'connected' | 'retrying' | 'failed'
  readonly problem: string | null
}

interface Trouble {
  readonly state: 'retrying' | 'failed'
  readonly problem: string
  readonly waitMs: number
}

export interface PollerOptions {
  readonly client: TelegramClient
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** How long the server may keep an empty answer back, in seconds. */
  readonly waitSeconds: number
  /** A cursor as it was stored last. @throws StoreError */
  readonly readCursor: (name: string) => Promise<string | null>
  /** What updates of one batch deliver; never throws. */
  readonly map: (updates: readonly Update[]) => Promise<readonly Delivered[]>
  readonly onStatus: (status: PollerStatus) => void
}

/**
 * Long polling with an offset that is ours: an update is confirmed to Telegram only by asking for
 * a higher one, and that is done only after it and the offset were stored in one transaction.
 *
 * @see https://core.telegram.org/bots/api#getupdates
 */
export class Poller {
  readonly #options: PollerOptions
  #offset: number | null = null
  #seenAt = 0
  /** Failures in a row, of whatever kind. */
  #failures = 0
  #batchFailures = 0
  /** Ask without waiting, until an answer has shown that things are well. */
  #settled = false
  #inConflict = false

  constructor(options: PollerOptions) {
    this.#options = options
  }

  /** Runs until `signal` is aborted; what is being handed over then is still committed. Never rejects. */
  async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    let loaded = false
    while (!signal.aborted) {
      try {
        if (!loaded) await this.#loadCursors()
        loaded = true
        await this.#round(receiver, signal)
      } catch (error) {
        if (signal.aborted) return
        const waitMs = await this.#afterFailure(error, signal)
        await sleep(this.#options.clock, waitMs, signal).catch(() => {})
      }
    }
  }

  async #loadCursors(): Promise<void> {
    const { readCursor, clock } = this.#options
    const offset = Number((await readCursor(OFFSET_CURSOR)) ?? Number.NaN)
    this.#offset = Number.isSafeInteger(offset) ? offset : null
    const seenAt = Number((await readCursor(SEEN_CURSOR)) ?? Number.NaN)
    this.#seenAt = Number.isSafeInteger(seenAt) ? seenAt : clock.now()
  }

  async #round(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { client, clock, waitSeconds } = this.#options
    const idle = clock.now() - this.#seenAt > IDLE_MS
    const wait = this.#settled ? waitSeconds : 0
    const answer = await client.getUpdates(
      { offset: idle ? null : this.#offset, waitSeconds: wait, allowed: ALLOWED_UPDATES },
      signal,
    )
    if (!Array.isArray(answer)) throw new TelegramFailure('server', 'getUpdates', 'answered no list')
    const updates = answer.filter((update): update is Update => Number.isSafeInteger(update?.update_id))
    if (updates.length > 0) await this.#deliver(receiver, updates)
    else if (answer.length > 0) throw new TelegramFailure('server', 'getUpdates', 'answered no updates')
    // Whoever else polls ends a poll that waits, not one that returns at once.
    if (this.#inConflict && wait === 0) return void (this.#settled = true)
    this.#inConflict = false
    this.#settled = true
    this.#failures = 0
    this.#options.onStatus({ state: 'connected', problem: null })
  }

  async #deliver(receiver: Receiver, updates: readonly Update[]): Promise<void> {
    try {
      if (this.#batchFailures >= BATCH_TRIES) await this.#oneByOne(receiver, updates)
      else await this.#hand(receiver, await this.#options.map(updates), updates)
      this.#batchFailures = 0
    } catch (error) {
      if (!isStoreTrouble(error)) this.#batchFailures++
      throw error
    }
  }

  async #hand(receiver: Receiver, items: readonly Delivered[], updates: readonly Update[]): Promise<void> {
    const { clock } = this.#options
    // Not the greatest ever: after an idle week ids may go on below the last one.
    const offset = Math.max(...updates.map((update) => update.update_id)) + 1
    const seenAt = clock.now()
    const cursors: ReadonlyArray<Omit<Cursor, 'channel'>> = [
      { name: OFFSET_CURSOR, value: String(offset) },
      { name: SEEN_CURSOR, value: String(seenAt) },
    ]
    await receiver.receive('telegram', items, cursors)
    this.#offset = offset
    this.#seenAt = seenAt
  }

  /** One update that nothing can be done with must not stop all others: it is passed over, once the store has taken that. */
  async #oneByOne(receiver: Receiver, updates: readonly Update[]): Promise<void> {
    for (const update of updates) {
      try {
        await this.#hand(receiver, await this.#options.map([update]), [update])
      } catch (error) {
        if (isStoreTrouble(error)) throw error
        await this.#hand(receiver, [], [update])
        this.#options.log.error(
          { channel: 'telegram', updateId: update.update_id },
          `an update could not be handled and was passed over: ${messageOf(error)}`,
        )
      }
    }
  }

  /** Reports what is wrong and returns how long to wait, in milliseconds. */
  async #afterFailure(error: unknown, signal: AbortSignal): Promise<number> {
    const { log, onStatus } = this.#options
    this.#failures++
    this.#settled = false
    const { state, problem, waitMs } = await this.#judge(error, signal)
    onStatus({ state, problem })
    if (this.#failures === 1) log.warn({ channel: 'telegram' }, problem)
    else log.debug({ channel: 'telegram', failures: this.#failures, waitMs }, problem)
    return waitMs
  }

  async #judge(error: unknown, signal: AbortSignal): Promise<Trouble> {
    const delay = (policy: BackoffOptions) => backoffDelay(this.#failures, policy, this.#options.random())
    if (!(error instanceof TelegramFailure)) {
      const problem = isStoreTrouble(error)
        ? 'what arrives cannot be stored; Telegram keeps it for 24 hours'
        : `what arrives cannot be taken in: ${messageOf(error)}`
      return { state: 'retrying', problem, waitMs: delay(patienceAfter(error, RETRY)) }
    }
    switch (error.kind) {
      case 'token':
        return {
          state: 'failed',
          problem:
            'Telegram does not know this bot token; set TELEGRAM_BOT_TOKEN to the one that @BotFather shows',
          waitMs: delay(TOKEN_RETRY),
        }
      case 'conflict':
        this.#inConflict = true
        return { state: 'retrying', problem: await this.#conflict(signal), waitMs: delay(CONFLICT_RETRY) }
      case 'rate-limited':
        return {
          state: 'retrying',
          problem: 'Telegram asks to receive more slowly',
          waitMs: error.retryAfterMs ?? delay(RETRY),
        }
      default:
        return {
          state: 'retrying',
          problem: `Telegram cannot be reached (${error.message})`,
          waitMs: delay(RETRY),
        }
    }
  }

  /** A 409 has two causes, which the operator mends differently. */
  async #conflict(signal: AbortSignal): Promise<string> {
    const info = await this.#options.client.getWebhookInfo(signal).catch(() => null)
    if (!info?.url)
      return 'another program receives with the same bot token; stop it, or give each its own bot'
    const host = URL.canParse(info.url) ? new URL(info.url).host : 'another server'
    return `a webhook is set for this bot (${host}), so it cannot be polled; the Bot API's deleteWebhook method mends it`
  }
}

/** Trouble that has nothing to do with what was delivered: nothing is ever passed over because of it. */
function isStoreTrouble(error: unknown): boolean {
  return error instanceof StoreError || error instanceof TransientError
}
