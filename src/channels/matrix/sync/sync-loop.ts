import type { Chat, InboundEvent, Person, Receiver } from '../../../conversation/receiver.ts'
import type { Accepted, Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import { MINUTE, type Clock } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { BatchStorage, IntakeLoop, type IntakeStatus, type Trouble } from '../../kit/intake/intake-loop.ts'
import { ReadingMark } from '../../kit/intake/reading-mark.ts'
import { causeOf, parkedItem, type ParkingCause } from '../../kit/intake/rereader.ts'
import { RETRY } from '../../kit/retry.ts'
import { parseAddress } from '../address.ts'
import type { MatrixClient } from '../api/client.ts'
import type { Detail, SyncAnswer } from '../api/events.ts'
import { MatrixFailure } from '../api/failure.ts'
import { isEncryptedRoom } from '../intake/receive.ts'
import type { Batch, Batches } from './batches.ts'
import { Cursors } from './cursors.ts'

/** A position that the server has refused so often is not known to it any more. */
const POSITION_TRIES = 3
/** While nothing happens the position is stored no more often than this. */
const IDLE_STORE_MS = 10 * MINUTE

interface Asked {
  readonly answer: SyncAnswer
  readonly detail: Detail
}

/** What is asked for instead of what was too large; null: there is nothing less. */
const LESS: Readonly<Record<Detail, { readonly detail: Detail; readonly instead: string } | null>> = {
  events: { detail: 'newest', instead: 'the newest event of each room is asked for' },
  newest: { detail: 'none', instead: 'what was said is read from the history of each room' },
  none: null,
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
  /** Stores a cursor that comes with nothing. Durable when it resolves. @throws StoreError */
  readonly writeCursor: (name: string, value: string) => Promise<void>
  /** The account is known, and what was remembered of it. */
  readonly onReady: (userId: string, cursors: Cursors) => void
  /** Cursors were stored. */
  readonly onStored: () => void
  readonly onStatus: (status: IntakeStatus) => void
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
  /** The position for the next request. */
  #since: string | null = null
  #storedAt = -Infinity
  #positionRefusals = 0
  /** The last round succeeded, so the server may hold the next request until something arrives. */
  #mayWait = false
  #mark: ReadingMark | null = null
  readonly #loop: IntakeLoop
  readonly #storage: BatchStorage<InboundEvent>

  constructor(options: SyncLoopOptions) {
    this.#options = options
    this.#loop = new IntakeLoop({
      ...options,
      channel: 'matrix',
      kept: 'the homeserver keeps it',
      troubleOf: (error) => this.#troubleOf(error),
    })
    this.#storage = new BatchStorage({
      channel: 'matrix',
      log: options.log,
      describe: (item) => ({ event: 'platformMessageId' in item ? item.platformMessageId : null }),
    })
  }

  /** Runs until `signal` is aborted; what is being stored then is still committed. Never rejects. */
  async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    // Another process of the fleet may have continued from where this one stopped.
    this.#cursors = null
    this.#mayWait = false
    await this.#loop.run(async () => {
      const mayWait = this.#mayWait
      this.#mayWait = false
      await this.#round(receiver, mayWait, signal)
      this.#mayWait = true
      this.#loop.recovered()
      this.#loop.connected()
    }, signal)
    await this.#mark?.release()
    this.#mark = null
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

  async #round(receiver: Receiver, mayWait: boolean, signal: AbortSignal): Promise<void> {
    const { batches, clock, waitMs } = this.#options
    const prepared = await this.#prepare(signal)
    const mark = (this.#mark ??= await ReadingMark.open({
      readCursor: async (name) => prepared.cursors.named(name),
      writeCursor: this.#options.writeCursor,
    }))
    const account = {
      ...prepared,
      mark,
      since: this.#since,
      mayTalk: (...who: [Person, Pick<Chat, 'id' | 'kind'>]) => receiver.mayTalk('matrix', ...who),
    }
    const wait = mayWait && this.#since !== null ? waitMs : 0
    const { answer, detail } = await this.#ask(wait, signal)
    this.#positionRefusals = 0
    const batch =
      detail === 'none' ? batches.behind(answer, account) : await batches.of(answer, account, signal)
    const idle = batch.items.length === 0 && batch.cursors.length === 0
    if (idle && wait > 0) await mark.passed()
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

  /** An answer that is too large to be read is asked for again with less of each room, and at last with nothing. */
  async #ask(wait: number, signal: AbortSignal, detail: Detail = 'events'): Promise<Asked> {
    const { client, log } = this.#options
    try {
      return { answer: await client.sync(this.#since, wait, detail, signal), detail }
    } catch (error) {
      const less = LESS[detail]
      if (less === null || !(error instanceof MatrixFailure) || error.kind !== 'too-large') throw error
      log.warn({ channel: 'matrix' }, `an answer of the homeserver is larger than 32 MB; ${less.instead}`)
      return this.#ask(0, signal, less.detail)
    }
  }

  /** An item that cannot be handled is skipped; the rest is stored one by one, then the position. */
  async #deliver(receiver: Receiver, { items, cursors }: Batch): Promise<void> {
    const storeOne = (item: InboundEvent) => this.#storeOne(receiver, item)
    const finish = () => this.#storeBatch(receiver, [], cursors)
    const storeEach = async () => {
      for (const item of items) await storeOne(item)
      await finish()
    }
    const storeAll = () => this.#storeBatch(receiver, items, cursors)
    await this.#storage.store({
      items,
      store: this.#mark!.careful ? storeEach : storeAll,
      storeOne,
      park: (item, error) => this.#park(receiver, item, causeOf(error)),
      finish,
    })
    this.#options.onStored()
  }

  /** Behind its mark: not only reading it may end the process. */
  async #storeOne(receiver: Receiver, item: InboundEvent): Promise<void> {
    const id = 'platformMessageId' in item ? item.platformMessageId : item.kind
    const reading = item.kind === 'parked' ? 'whole' : await this.#mark!.begin(id)
    if (reading === 'whole') await this.#storeBatch(receiver, [item], [])
    else await this.#park(receiver, item, 'ended')
  }

  /** The homeserver keeps what people write, so its place and id are enough. Anything else is passed over. */
  async #park(receiver: Receiver, item: InboundEvent, cause: ParkingCause): Promise<void> {
    const { clock, log } = this.#options
    if ((item.kind !== 'message' && item.kind !== 'unread') || isEncryptedRoom(item)) return
    const { address, platformMessageId: input } = item
    log.error({ channel: 'matrix', event: input, cause }, 'parked: see "hermes queue"')
    const place = parseAddress(address)?.roomId ?? null
    const known = { channel: 'matrix', place, input, at: clock.now() }
    await this.#storeBatch(receiver, [parkedItem(known, cause)], [])
  }

  /** What a parked event delivers now. @throws while the homeserver cannot be asked */
  async reread(input: ParkedInput, signal: AbortSignal): Promise<readonly InboundEvent[] | null> {
    if (this.#userId === null) throw new TransientError('the homeserver was not asked yet who the bot is')
    return this.#options.batches.reread(input, this.#userId, signal)
  }

  async #storeBatch(
    receiver: Receiver,
    items: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
  ): Promise<void> {
    const accepted = await receiver.receive('matrix', items, cursors)
    this.#cursors!.apply(cursors)
    items.forEach((item, index) => this.#noteNotified(item, accepted[index]))
  }

  #noteNotified(item: InboundEvent, accepted: Accepted | undefined): void {
    if (item.kind !== 'message' || !isEncryptedRoom(item)) return
    if (accepted?.outbox || accepted?.duplicate) this.#options.batches.notified(item.address)
  }

  #troubleOf(error: unknown): Trouble | null {
    if (!(error instanceof MatrixFailure)) return null
    const retrying = (problem: string): Trouble => ({ state: 'retrying', problem })
    const failed = (problem: string): Trouble => ({ state: 'failed', problem })
    switch (error.kind) {
      case 'token':
        return failed(error.softLogout ? SOFT_LOGOUT : WRONG_TOKEN)
      case 'account':
      case 'forbidden':
        return failed(`the homeserver does not let the bot's account in (${error.message})`)
      case 'rate-limited':
        return retrying('the homeserver asks to receive more slowly')
      case 'unknown-call': {
        const problem = `no homeserver answers there (${error.message}); MATRIX_HOMESERVER is the address of its client API`
        // A proxy may say so while the homeserver behind it starts, so it is asked again soon.
        return { state: 'failed', problem, backoff: RETRY }
      }
      case 'rejected':
        this.#forgetPosition()
        return retrying(`the homeserver refuses the question (${error.message})`)
      default:
        return retrying(`the homeserver cannot be reached (${error.message})`)
    }
  }

  /**
   * A homeserver that was set up again, or went back to a backup, does not know the position. Without
   * one it tells everything that is now, and each room continues behind its newest known event.
   */
  #forgetPosition(): void {
    if (this.#since === null || ++this.#positionRefusals < POSITION_TRIES) return
    this.#positionRefusals = 0
    this.#since = null
    this.#options.log.warn(
      { channel: 'matrix' },
      'the homeserver does not know where the bot has left off; each room continues at its newest known message',
    )
  }
}

const WRONG_TOKEN =
  'the homeserver does not take this access token; log the bot in again and set MATRIX_ACCESS_TOKEN to the new one'
const SOFT_LOGOUT =
  'the homeserver has ended the session of the bot for now (soft logout); log it in again with the same device id and set MATRIX_ACCESS_TOKEN to the new token'
