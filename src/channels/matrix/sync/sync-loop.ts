import type { Delivered, Receiver } from '../../../conversation/receiver.ts'
import type { Accepted, Cursor } from '../../../inbox/arrival.ts'
import { backoffDelay, type BackoffOptions } from '../../../support/backoff.ts'
import { sleep, type Clock, MINUTE, SECOND } from '../../../support/clock.ts'
import { messageOf, StoreError, TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { patienceAfter } from '../../kit/store-retry.ts'
import type { MatrixClient } from '../api/client.ts'
import { MatrixFailure } from '../api/failure.ts'
import { isEncryptedRoom } from '../intake/receive.ts'
import type { Batch, Batches } from './batch.ts'
import { Cursors } from './cursors.ts'

/** Ordinary trouble: seen within a second, and asked about twice a minute at worst. */
const RETRY = { initialMs: SECOND, maxMs: 30 * SECOND }
/** A wrong token is not mended by asking; the operator's correction is found in time. */
const TOKEN_RETRY = { initialMs: 30 * SECOND, maxMs: 10 * MINUTE }
/** Failures of one batch, while the store takes other things, before its items are tried one by one. */
const BATCH_TRIES = 3
/** A position that the server has refused so often is not known to it any more. */
const POSITION_TRIES = 3
/** While nothing happens the position is stored no more often than this. */
const IDLE_STORE_MS = 10 * MINUTE

export interface LoopStatus {
  readonly state: 'connected' | 'retrying' | 'failed'
  readonly problem: string | null
}

export interface SyncLoopOptions {
  readonly client: MatrixClient
  readonly batches: Batches
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  /** How long the server may keep an empty answer back, in milliseconds. */
  readonly waitMs: number
  /** All cursors of the channel as they were stored last. @throws StoreError */
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  /** The account is known, and what was remembered of it. */
  readonly onReady: (userId: string, cursors: Cursors) => void
  /** Cursors were stored. */
  readonly onStored: () => void
  readonly onStatus: (status: LoopStatus) => void
}

/**
 * Long polling with a position that is ours: it moves only in the transaction that stores what came
 * before it, so that a crash at any moment brings the same events again.
 *
 * @see https://spec.matrix.org/latest/client-server-api/#syncing
 */
export class SyncLoop {
  readonly #options: SyncLoopOptions
  #userId: string | null = null
  #cursors: Cursors | null = null
  /** Where the next question goes on. */
  #since: string | null = null
  #storedAt = -Infinity
  /** Failures in a row, of whatever kind. */
  #failures = 0
  #batchFailures = 0
  #positionRefusals = 0
  /** Ask without waiting, until an answer has shown that things are well. */
  #settled = false

  constructor(options: SyncLoopOptions) {
    this.#options = options
  }

  /** Runs until `signal` is aborted; what is being handed over then is still committed. Never rejects. */
  async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    // Another process of the fleet may have gone on from where this one stopped.
    this.#cursors = null
    this.#settled = false
    while (!signal.aborted) {
      try {
        await this.#round(receiver, signal)
        this.#failures = 0
        this.#settled = true
        this.#options.onStatus({ state: 'connected', problem: null })
      } catch (error) {
        if (signal.aborted) return
        await sleep(this.#options.clock, this.#afterFailure(error), signal).catch(() => {})
      }
    }
  }

  async #prepare(signal: AbortSignal): Promise<{ readonly userId: string; readonly cursors: Cursors }> {
    this.#userId ??= (await this.#options.client.whoami(signal)).userId
    if (!this.#cursors) {
      this.#cursors = new Cursors(await this.#options.readCursors())
      this.#since = this.#cursors.position(this.#userId)
      this.#options.onReady(this.#userId, this.#cursors)
    }
    return { userId: this.#userId, cursors: this.#cursors }
  }

  async #round(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { client, batches, clock, waitMs } = this.#options
    const account = { ...(await this.#prepare(signal)), since: this.#since }
    const wait = this.#settled && this.#since !== null ? waitMs : 0
    const answer = await client.sync(this.#since, wait, signal)
    this.#positionRefusals = 0
    const batch = await batches.of(answer, account, signal)
    const idle = batch.items.length === 0 && batch.cursors.length === 0
    const now = clock.monotonic()
    if (idle && this.#since !== null && now - this.#storedAt < IDLE_STORE_MS) {
      this.#since = answer.next
      return
    }
    const position = Cursors.position(account.userId, answer.next)
    await this.#deliver(receiver, { ...batch, cursors: [...batch.cursors, position] })
    this.#since = answer.next
    this.#storedAt = now
  }

  async #deliver(receiver: Receiver, batch: Batch): Promise<void> {
    try {
      if (this.#batchFailures >= BATCH_TRIES) await this.#oneByOne(receiver, batch)
      else await this.#hand(receiver, batch.items, batch.cursors)
      this.#batchFailures = 0
    } catch (error) {
      if (!isStoreTrouble(error)) this.#batchFailures++
      throw error
    }
    this.#options.onStored()
  }

  async #hand(
    receiver: Receiver,
    items: readonly Delivered[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
  ): Promise<void> {
    const accepted = await receiver.receive('matrix', items, cursors)
    this.#cursors!.apply(cursors)
    items.forEach((item, index) => this.#noteTold(item, accepted[index]))
  }

  #noteTold(item: Delivered, accepted: Accepted | undefined): void {
    if (item.kind !== 'message' || !isEncryptedRoom(item)) return
    if (accepted?.outbox || accepted?.duplicate) this.#options.batches.told(item.address)
  }

  /** One item that nothing can be done with must not stop all others: it is passed over, once the store has taken the rest. */
  async #oneByOne(receiver: Receiver, batch: Batch): Promise<void> {
    for (const item of batch.items) {
      try {
        await this.#hand(receiver, [item], [])
      } catch (error) {
        if (isStoreTrouble(error)) throw error
        this.#options.log.error(
          { channel: 'matrix', event: 'platformMessageId' in item ? item.platformMessageId : null },
          `an event could not be handled and was passed over: ${messageOf(error)}`,
        )
      }
    }
    await this.#hand(receiver, [], batch.cursors)
  }

  /** Reports what is wrong and returns how long to wait, in milliseconds. */
  #afterFailure(error: unknown): number {
    const { log, onStatus } = this.#options
    this.#failures++
    this.#settled = false
    const { state, problem, waitMs } = this.#judge(error)
    onStatus({ state, problem })
    if (this.#failures === 1) log.warn({ channel: 'matrix' }, problem)
    else log.debug({ channel: 'matrix', failures: this.#failures, waitMs }, problem)
    return waitMs
  }

  #judge(error: unknown): LoopStatus & { readonly problem: string; readonly waitMs: number } {
    const delay = (policy: BackoffOptions) => backoffDelay(this.#failures, policy, this.#options.random())
    const retrying = (problem: string, waitMs = delay(RETRY)) =>
      ({ state: 'retrying', problem, waitMs }) as const
    const failed = (problem: string) => ({ state: 'failed', problem, waitMs: delay(TOKEN_RETRY) }) as const
    if (isStoreTrouble(error)) {
      const waitMs = delay(patienceAfter(error, RETRY))
      return retrying('what arrives cannot be stored; the homeserver keeps it', waitMs)
    }
    if (!(error instanceof MatrixFailure))
      return retrying(`what arrives cannot be taken in: ${messageOf(error)}`)
    switch (error.kind) {
      case 'token':
        return failed(error.softLogout ? SOFT_LOGOUT : WRONG_TOKEN)
      case 'account':
      case 'forbidden':
        return failed(`the homeserver does not let the bot's account in (${error.message})`)
      case 'rate-limited':
        return retrying('the homeserver asks to receive more slowly', error.retryAfterMs ?? delay(RETRY))
      case 'unknown-call':
        // A proxy may say so while the homeserver behind it starts, so it is asked again soon.
        return {
          ...failed(
            `no homeserver answers there (${error.message}); MATRIX_HOMESERVER is the address of its client API`,
          ),
          waitMs: delay(RETRY),
        }
      case 'rejected':
        this.#forgetPosition()
        return retrying(`the homeserver refuses the question (${error.message})`)
      default:
        return retrying(`the homeserver cannot be reached (${error.message})`)
    }
  }

  /**
   * A homeserver that was set up anew, or went back to a backup, does not know the position. Without
   * one it tells everything that is now, and each room goes on behind its newest known event.
   */
  #forgetPosition(): void {
    if (this.#since === null || ++this.#positionRefusals < POSITION_TRIES) return
    this.#positionRefusals = 0
    this.#since = null
    this.#options.log.warn(
      { channel: 'matrix' },
      'the homeserver does not know where the bot has left off; each room goes on at its newest known message',
    )
  }
}

const WRONG_TOKEN =
  'the homeserver does not take this access token; log the bot in again and set MATRIX_ACCESS_TOKEN to the new one'
const SOFT_LOGOUT =
  'the homeserver has ended the session of the bot for now (soft logout); log it in again with the same device id and set MATRIX_ACCESS_TOKEN to the new token'

/** Trouble that has nothing to do with what was delivered: nothing is ever passed over because of it. */
function isStoreTrouble(error: unknown): boolean {
  return error instanceof StoreError || error instanceof TransientError
}
