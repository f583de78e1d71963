import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import { type Clock, MINUTE } from '../../../support/clock.ts'
import { messageOf, RowRefused, TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { causeOf, parkedItem } from '../../kit/intake/rereader.ts'
import { Watermarks } from '../../kit/intake/watermarks.ts'
import { isStoreTrouble, retryUntilStopped } from '../../kit/retry.ts'
import { compareTs, formatAddress, isPrivate, parseAddress, tsOf } from '../address.ts'
import type { SlackClient } from '../api/client.ts'
import { SlackFailure } from '../api/failure.ts'
import { DeduplicatingReceiver } from './deduplicating-receiver.ts'
import { HistoryReader } from './history-reader.ts'
import { threadOf, type SlackMessage, type SlackMessageEvent } from './message.ts'
import {
  mapDeletion,
  outlineChange,
  outlineCommand,
  outlineMessage,
  type MappingContext,
  type SlashCommand,
} from './receive.ts'
import { isPlace, Threads } from './threads.ts'

/** Until when everything was received; private chats that are new to us are read from there on. */
const ALIVE_CURSOR = 'alive'
/** A kill loses no more than this of that knowledge, and reading a little again costs nothing. */
export const ALIVE_EVERY_MS = 5 * MINUTE
/** The list of the bot's conversations is refreshed no more often than this, however often the connection breaks. */
const LIST_EVERY_MS = 10 * MINUTE
/** Sorts before every time stamp, so an item with it moves no mark. */
const NO_TS = '0'
const NEVER = new AbortController().signal

export interface IntakeOptions {
  readonly client: SlackClient
  readonly receiver: Receiver
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly context: () => Omit<MappingContext, 'takesPart'>
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  readonly onDenied: (failure: SlackFailure) => void
}

/**
 * What arrives, live and from the histories, on its way to the receiver: in order within each
 * conversation, without a gap, each message once.
 */
export class Intake {
  readonly #options: IntakeOptions
  readonly #threads = new Threads()
  readonly #receiver: DeduplicatingReceiver
  readonly #marks: Watermarks
  readonly #history: HistoryReader
  /** Since when something may have been missed, in epoch milliseconds: in places that were never seen, nothing before it is for the bot. */
  #gapFrom: number
  /** Events under way, by conversation and time stamp: a mention comes as two events, a retry as a third. */
  readonly #underway = new Map<string, Promise<void>>()
  /** Threads found in a history, with where to begin. */
  readonly #discovered = new Map<string, string>()
  /** A thread was begun that may have continued already. */
  #moreThreads = false
  #since: string | null = null
  #listedAt: number | null = null
  /** What comes live follows without a gap on what is stored. */
  #current = false

  constructor(options: IntakeOptions) {
    const { client, receiver, clock, log, random } = options
    this.#options = options
    this.#gapFrom = clock.now()
    this.#receiver = new DeduplicatingReceiver(receiver, ({ address, platformMessageId }) =>
      this.join(address, platformMessageId),
    )
    this.#history = new HistoryReader({
      client,
      clock,
      random,
      context: () => this.#context(),
      threads: this.#threads,
      onThread: (address, root, latest) => {
        this.#threads.note(address, latest)
        this.#discovered.set(address, root)
      },
      onDenied: options.onDenied,
    })
    this.#marks = new Watermarks({
      channel: 'slack',
      receiver: this.#receiver,
      clock,
      random,
      readCursors: () => this.#readCursors(),
      isPlace,
      compare: compareTs,
      fetch: (place, after, signal) => this.#history.read(place, after, signal),
      before: justBefore,
      onParked: (place, id, error) => this.#reportParked(place, id, error),
      onTrouble: (place, error) =>
        log.warn({ channel: 'slack', place }, `a history could not be taken in: ${messageOf(error)}`),
    })
  }

  /** Reads what is stored of the previous run. @throws StoreError */
  load(): Promise<void> {
    return this.#marks.load()
  }

  /** What is handed over otherwise than as an event goes through it, so that the bot takes part in its thread. */
  get receiver(): Receiver {
    return this.#receiver
  }

  /** Events still being stored. */
  get underway(): ReadonlyArray<Promise<void>> {
    return [...this.#underway.values()]
  }

  /** The connection broke, or a new one begins: what comes live may follow a gap until `catchUp` is done. */
  lost(): void {
    if (this.#current) this.#gapFrom = this.#options.clock.now()
    this.#current = false
    this.#marks.lost()
  }

  /**
   * Receives an event about a message. Resolves when it is durable.
   *
   * @throws what the store threw, or the signal's reason: the event must not be acknowledged
   */
  receive(event: SlackMessageEvent, signal: AbortSignal): Promise<void> {
    return this.#once(`${event.channel} ${event.ts}`, async () => {
      const context = this.#context()
      switch (event.subtype) {
        case 'message_changed':
          return this.#change(event.channel, event.message, outlineChange(event, context), signal)
        case 'message_deleted':
          return this.#change(event.channel, event.previous_message, mapDeletion(event, context.bot), signal)
        default: {
          const item = outlineMessage(event.channel, event, context)
          // Own and other bots' messages: the mark steps over them with the next one.
          if (item !== null) await this.#message(event.channel, event, item, signal)
        }
      }
    })
  }

  /** Receives a `/hermes …`. Resolves when it is durable. @throws as `receive` does */
  command(command: SlashCommand): Promise<void> {
    return this.#once(`command ${command.trigger_id}`, async () => {
      await this.#receiver.receive('slack', [outlineCommand(command)], [])
    })
  }

  /** What a parked message delivers now; null: it is not there any more. @throws while Slack cannot be asked */
  async reread(input: ParkedInput, signal: AbortSignal): Promise<readonly InboundEvent[] | null> {
    if (!this.#current) throw new TransientError('the connection to Slack has not begun yet')
    return this.#marks.reread(input, signal)
  }

  /** The bot was added to a conversation. @throws StoreError */
  async invited(channel: string, ts: string): Promise<void> {
    if (this.#current) await this.#marks.begin(channel, ts)
  }

  /** The bot has a part in the thread of this address from `ts` on. Durable when it resolves, unless the store fails. */
  async join(address: string, ts: string): Promise<void> {
    const thread = parseAddress(address)?.thread ?? null
    if (thread === null || this.#threads.has(address)) return
    this.#threads.note(address, compareTs(ts, thread) > 0 ? ts : thread)
    try {
      // Begun while live events are complete, it has no gap behind it.
      if (this.#current) await this.#marks.live(address, { id: ts, items: [] }, NEVER)
      else {
        this.#moreThreads = true
        await this.#marks.begin(address, ts)
      }
    } catch (error) {
      this.#options.log.debug({ channel: 'slack' }, `a thread was not noted: ${messageOf(error)}`)
    }
  }

  /** Reads everything that was missed. Resolves when nothing is missing, or when `signal` is aborted. */
  async catchUp(signal: AbortSignal): Promise<void> {
    // Known conversations are read at the same time: the list is many requests, and each may have to be repeated.
    await Promise.all([this.#untilDone(() => this.#list(signal), signal), this.#marks.catchUp(signal)])
    while (!signal.aborted) {
      await this.#marks.catchUp(signal)
      if (signal.aborted) return
      const more = this.#discovered.size > 0 || this.#moreThreads
      this.#moreThreads = false
      for (const [place, root] of this.#discovered) {
        await this.#untilDone(() => this.#marks.begin(place, root), signal)
        this.#discovered.delete(place)
      }
      if (!more) break
    }
    if (signal.aborted) return
    this.#current = true
    await this.#untilDone(() => this.saveAliveMark(), signal)
  }

  /** Stores that everything was received until now, if it was. @throws StoreError */
  async saveAliveMark(): Promise<void> {
    if (!this.#current) return
    this.#since = this.#now()
    await this.#receiver.receive('slack', [], [{ name: ALIVE_CURSOR, value: this.#since }])
  }

  async #message(
    channel: string,
    message: SlackMessage,
    item: InboundEvent,
    signal: AbortSignal,
  ): Promise<void> {
    const thread = threadOf(message)
    const place = formatAddress(channel, thread)
    // In a thread without the bot, only messages that mention it are stored; no mark is kept.
    if (thread !== null && !this.#threads.has(place))
      return this.#storeDirectly(item, signal, { place, input: message.ts })
    if (thread !== null) this.#threads.note(place, message.ts)
    else await this.#begin(channel, message.ts)
    await this.#marks.live(place, { id: message.ts, items: [item] }, signal)
    // It gives up in silence when the channel stops.
    signal.throwIfAborted()
  }

  /** A place seen for the first time may have been written in while we were away. */
  async #begin(channel: string, ts: string): Promise<void> {
    if (this.#since === null || this.#marks.mark(channel) !== null) return
    await this.#marks.begin(channel, isPrivate(channel) ? this.#since : justBefore(ts))
  }

  async #change(
    channel: string,
    message: SlackMessage | undefined,
    item: InboundEvent | null,
    signal: AbortSignal,
  ): Promise<void> {
    if (item === null) return
    const place = formatAddress(channel, message ? threadOf(message) : null)
    if (this.#marks.mark(place) === null) return this.#storeDirectly(item, signal)
    // Queued behind what is still missing of its place, so that it does not overtake the message it changes.
    await this.#marks.live(place, { id: NO_TS, items: [item] }, signal)
    signal.throwIfAborted()
  }

  /**
   * No history brings it back, so it is retried until it is stored.
   *
   * @param parked under what it is parked where it can never be stored; left out: it is passed over
   */
  #storeDirectly(
    item: InboundEvent,
    signal: AbortSignal,
    parked?: Pick<ParkedInput, 'place' | 'input'>,
  ): Promise<void> {
    return this.#untilDone(async () => {
      try {
        await this.#receiver.receive('slack', [item], [])
      } catch (error) {
        if (!(error instanceof RowRefused)) throw error
        const known = parked && { channel: 'slack', at: this.#options.clock.now(), ...parked }
        if (known) await this.#receiver.receive('slack', [parkedItem(known, causeOf(error))], [])
        this.#reportParked(parked?.place ?? null, parked?.input ?? null, error)
      }
    }, signal)
  }

  #reportParked(place: string | null, id: string | null, error: unknown): void {
    const text = id === null ? 'passed over' : 'parked'
    this.#options.log.error(
      { channel: 'slack', place, id },
      `what arrived could not be stored or handled and was ${text}: ${messageOf(error)}`,
    )
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { clock, client } = this.#options
    const now = clock.monotonic()
    if (this.#listedAt !== null && now - this.#listedAt < LIST_EVERY_MS) return
    const latest = tsOf(client.serverTime(this.#gapFrom))
    for (const channel of await this.#history.conversations(signal)) {
      if (this.#marks.mark(channel) !== null) continue
      await this.#marks.begin(channel, isPrivate(channel) ? (this.#since ?? latest) : latest)
    }
    this.#listedAt = now
  }

  /** Marks of threads come last, the newest first: what people write directly is read before. */
  async #readCursors(): Promise<ReadonlyArray<Omit<Cursor, 'channel'>>> {
    const cursors = await this.#options.readCursors()
    this.#since = cursors.find(({ name }) => name === ALIVE_CURSOR)?.value ?? null
    const threads = cursors.filter(({ name }) => (parseAddress(name)?.thread ?? null) !== null)
    for (const { name, value } of threads) this.#threads.note(name, value)
    return [
      ...cursors.filter((cursor) => !threads.includes(cursor)),
      ...threads.toSorted((a, b) => compareTs(b.value, a.value)),
    ]
  }

  #context(): MappingContext {
    return { ...this.#options.context(), takesPart: (address) => this.#threads.has(address) }
  }

  #now(): string {
    const { client, clock } = this.#options
    return tsOf(client.serverTime(clock.now()))
  }

  #once(key: string, work: () => Promise<void>): Promise<void> {
    const known = this.#underway.get(key)
    if (known) return known
    const promise = work().finally(() => this.#underway.delete(key))
    this.#underway.set(key, promise)
    return promise
  }

  /** Repeats what the store or the platform fails at. @throws the signal's reason; anything else that is thrown */
  #untilDone(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    const { clock, log, random } = this.#options
    const onFailure = (error: unknown, attempt: number) => {
      if (!isStoreTrouble(error) && !(error instanceof SlackFailure)) throw error
      log.debug({ channel: 'slack', attempt }, messageOf(error))
    }
    return retryUntilStopped(work, { clock, random, signal, onFailure })
  }
}

const MICROSECOND = 1_000_000n

function justBefore(ts: string): string {
  const [seconds = '0', fraction = ''] = ts.split('.')
  const micros = BigInt(seconds) * MICROSECOND + BigInt(fraction.padEnd(6, '0').slice(0, 6)) - 1n
  return `${micros / MICROSECOND}.${String(micros % MICROSECOND).padStart(6, '0')}`
}
