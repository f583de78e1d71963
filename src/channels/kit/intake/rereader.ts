import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import {
  parkedInput,
  type ChannelInputs,
  type NewParkedInput,
  type ParkedInput,
} from '../../../inbox/parked-inputs.ts'
import { MINUTE, type Clock, type Timer } from '../../../support/clock.ts'
import { messageOf, RowRefused } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { PlatformFailure } from '../failure.ts'
import { isStoreTrouble } from '../retry.ts'
import { endsInOrder } from './reading-mark.ts'

/** Why an input is parked, in words for the operator. */
const REASONS = {
  ended: 'the gateway ended twice while reading this message',
  'ended again': 'the gateway ended again while reading this message',
  refused: 'the store refuses this message',
  failed: 'this message could not be handled',
  gone: 'this message is not there any more',
} as const

export type ParkingCause = keyof typeof REASONS

/** Handed over instead of what is parked, together with the position behind it. */
export function parkedItem(known: Omit<NewParkedInput, 'reason'>, cause: ParkingCause): InboundEvent {
  return { kind: 'parked', input: parkedInput({ ...known, reason: REASONS[cause] }) }
}

/** Why what could not be stored or handled is parked. */
export function causeOf(error: unknown): Extract<ParkingCause, 'refused' | 'failed'> {
  return error instanceof RowRefused ? 'refused' : 'failed'
}

/**
 * How often is checked for requests that another process has stored: of a fleet, or a command while the
 * HTTP API does not answer. What did not work for the platform's sake is tried again as often.
 */
const CHECK_MS = MINUTE / 2

export interface RereaderOptions {
  readonly channel: string
  readonly inputs: ChannelInputs
  readonly clock: Clock
  readonly log: Log
  /**
   * What the input delivers now; null: it is not there any more.
   *
   * @throws PlatformFailure or TransientError while the platform cannot be asked
   */
  readonly read: (input: ParkedInput, signal: AbortSignal) => Promise<readonly InboundEvent[] | null>
  /** What it delivered is stored. Default: nothing more is to be done. */
  readonly onStored?: (input: ParkedInput) => Promise<void>
  /** Does the process end in order? Default: unless an error that nobody caught ends it. */
  readonly inOrder?: () => boolean
}

/**
 * Reads parked inputs again when the operator requests it, each behind a durable mark of its own: where the
 * process ends on it once more, it is parked again.
 */
export class Rereader {
  readonly #options: RereaderOptions

  constructor(options: RereaderOptions) {
    this.#options = options
  }

  /** Runs until `signal` is aborted. Never rejects. */
  async run(receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { channel, log, inputs } = this.#options
    let isFirst = true
    while (!signal.aborted) {
      using news = this.#news(signal)
      let isEmpty = false
      try {
        const own = (await inputs.list()).filter((input) => input.channel === channel)
        const isReading = (input: ParkedInput) => input.state === 'reading'
        // What a former process ended on. Later, this one could not store how that ended.
        const endedOn = isFirst ? own.filter(isReading) : []
        for (const input of endedOn) await this.#park(input, 'ended again')
        isFirst = false
        for (const input of own) {
          if (input.state === 'parked' || endedOn.includes(input) || signal.aborted) continue
          await this.#reread(input, receiver, signal)
        }
        isEmpty = own.length === 0
      } catch (error) {
        log.debug({ channel }, `parked messages could not be read again yet: ${messageOf(error)}`)
      }
      // Without anything parked nobody can request anything.
      if (!isEmpty) news.setTimer()
      await news.arrived
    }
  }

  async #reread(input: ParkedInput, receiver: Receiver, signal: AbortSignal): Promise<void> {
    const { inputs, channel, log, read, onStored } = this.#options
    if (!(await inputs.update({ ...input, state: 'reading' }))) return
    try {
      const items = await read(input, signal)
      if (items === null) return await this.#park(input, 'gone')
      // Deleted since then, by the operator or with its person.
      if (!(await inputs.find(input.id))) return
      await receiver.receive(channel, items, [])
      await inputs.remove(input.id)
      log.info({ channel, input: input.input }, 'a parked message was read again')
      await onStored?.(input).catch(() => {})
    } catch (error) {
      if (signal.aborted || isStoreTrouble(error) || error instanceof PlatformFailure)
        return await this.#again(input, error)
      log.error({ channel, input: input.input }, `a parked message could not be handled: ${messageOf(error)}`)
      await this.#park(input, causeOf(error))
    }
  }

  async #park(input: ParkedInput, cause: ParkingCause): Promise<void> {
    const { channel, log, inputs } = this.#options
    log.error({ channel, input: input.input }, `parked: ${REASONS[cause]}`)
    await inputs.update({ ...input, state: 'parked', reason: REASONS[cause] })
  }

  /** Nothing is wrong with the input: the request stands. */
  async #again(input: ParkedInput, error: unknown): Promise<void> {
    const { channel, log, inputs, inOrder = endsInOrder } = this.#options
    log.debug({ channel, input: input.input }, `a parked message cannot be read yet: ${messageOf(error)}`)
    if (inOrder()) await inputs.update({ ...input, state: 'requested' })
  }

  #news(signal: AbortSignal): Disposable & { readonly arrived: Promise<void>; setTimer(): void } {
    const { clock, inputs } = this.#options
    const { promise: arrived, resolve } = Promise.withResolvers<void>()
    const watch = inputs.onChange(resolve)
    const onAbort = () => resolve()
    signal.addEventListener('abort', onAbort, { once: true })
    let timer: Timer | null = null
    return {
      arrived,
      setTimer: () => void (timer = clock.setTimer(resolve, CHECK_MS)),
      [Symbol.dispose]() {
        timer?.cancel()
        watch[Symbol.dispose]()
        signal.removeEventListener('abort', onAbort)
      },
    }
  }
}
