import type { Texts } from '../config/texts.ts'
import { Delivery } from '../inbox/delivery.ts'
import { Dispatcher } from '../inbox/dispatcher.ts'
import { Drafts } from '../inbox/draft.ts'
import { ConversationEvents } from '../inbox/events.ts'
import type { Gate } from '../inbox/gate.ts'
import type { ConversationId, HoldLimits, Inbox, Lease, Outbox, TurnOutcome } from '../inbox/inbox.ts'
import { MessageObserver } from '../inbox/observer.ts'
import { OutageWatch } from '../inbox/outage-watch.ts'
import type { Outlet } from '../inbox/outlet.ts'
import { StoreHealth } from '../inbox/store-health.ts'
import { SECOND, type Clock } from '../support/clock.ts'
import { newId } from '../support/ids.ts'
import type { Log } from '../support/log.ts'
import type { AccessPolicy } from './access.ts'
import { createCommands, type Command } from './commands.ts'
import type { Conversations } from './conversations.ts'
import { historyLimitFor } from './history.ts'
import type { Model } from './model.ts'
import type { Pairings } from './pairing.ts'
import { PersonRate } from './person-rate.ts'
import { createReceiver, type ReceiverOptions } from './reception.ts'
import type { Receiver } from './receiver.ts'
import { createTurn } from './turn.ts'

/** What the messages need of a storage. */
interface MessageStorage {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly conversations: Conversations
  readonly pairings: Pairings
  readonly freeBytes: () => Promise<number | null>
  readonly probe: () => Promise<void>
}

export interface MessagingOptions {
  readonly storage: MessageStorage
  readonly model: Model
  readonly gate: Gate
  /** Every channel's sending side; those that do not push are left out by themselves. */
  readonly outlets: readonly Outlet[]
  readonly access: AccessPolicy
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  readonly defaultModel: string
  /** What everybody may choose by `/model`, beside the default. */
  readonly models: readonly string[]
  readonly maxTokens: number
  /** The system prompt; null = none. */
  readonly system: () => Promise<string | null>
  readonly hold: HoldLimits & {
    /** Observed outage time in milliseconds. */
    readonly maxAgeMs: number
    readonly merge: boolean
  }
  /** Conversations answered at the same time. */
  readonly concurrency: number
  /** Turns a second to begin with after an outage. */
  readonly drainPerSecond: number
  readonly personPerMinute: number
  /** Further commands, or others in the place of the usual ones (`login`). */
  readonly commands?: ReadonlyMap<string, Command>
  readonly onPaste?: NonNullable<ReceiverOptions['onPaste']>
  /** Free bytes below which nothing is taken in any more. */
  readonly reserveBytes?: number
  readonly random?: () => number
}

/** Of the time to shut down: first the turns, then what they left in the outbox. */
const DELIVERY_SHARE = 0.25
/** The least that a part on its way is given. */
const DELIVERY_AT_LEAST_MS = SECOND

/** Everything between a channel and the model, put together. */
export class Messaging {
  readonly receiver: Receiver
  readonly dispatcher: Dispatcher
  readonly delivery: Delivery
  readonly events = new ConversationEvents()
  readonly observer: MessageObserver
  readonly store: StoreHealth
  readonly #outages: OutageWatch
  readonly #pullChannels: ReadonlySet<string>
  readonly #clock: Clock

  constructor(options: MessagingOptions) {
    const { storage, clock, log, texts, gate, hold, model, defaultModel } = options
    const { inbox, outbox, conversations, pairings } = storage
    const random = options.random ?? Math.random
    const events = this.events
    const pushing = options.outlets.filter(({ push }) => push)
    const outlets = new Map(pushing.map((outlet) => [outlet.channel, outlet]))
    this.#clock = clock
    this.#pullChannels = new Set(options.outlets.filter(({ push }) => !push).map(({ channel }) => channel))
    const observer = (this.observer = new MessageObserver((err) => log.error({ err }, 'an observer failed')))
    const store = (this.store = new StoreHealth({
      clock,
      observer,
      freeBytes: storage.freeBytes,
      probe: storage.probe,
      random,
      ...(options.reserveBytes === undefined ? {} : { reserveBytes: options.reserveBytes }),
    }))
    const onStoreError = (error: unknown) => store.failed(error)
    const delivery = (this.delivery = new Delivery({
      outbox,
      inbox,
      outlets,
      observer,
      clock,
      log,
      onStoreError,
      random,
    }))
    const drafts = new Drafts({ delivery, inbox, outlets, clock, log })
    const dispatcher = (this.dispatcher = new Dispatcher({
      inbox,
      gate,
      answer: createTurn({ ...options, inbox, drafts, events }),
      store,
      events,
      observer,
      texts,
      clock,
      log,
      owner: newId(clock.now()),
      concurrency: options.concurrency,
      drainPerSecond: () => options.drainPerSecond,
      historyLimit: historyLimitFor(model.contextTokens(defaultModel)),
      merge: hold.merge,
      onFinished: (lease, outcome) => this.#onFinished(lease, outcome),
      random,
    }))
    this.#outages = new OutageWatch({
      gate,
      inbox,
      clock,
      texts,
      maxAgeMs: hold.maxAgeMs,
      log,
      onNotices: (ids) => this.#onNotices(ids),
      onStoreError,
    })
    const commands = new Map([
      ...createCommands({
        conversations,
        texts,
        defaultModel,
        models: options.models,
        gate: () => gate.current(),
      }),
      ...(options.commands ?? []),
    ])
    this.receiver = createReceiver({
      inbox,
      conversations,
      pairings,
      access: options.access,
      commands,
      rate: new PersonRate(options.personPerMinute),
      gate,
      store,
      limits: hold,
      texts,
      clock,
      events,
      observer,
      log,
      dispatcher,
      delivery,
      ...(options.onPaste ? { onPaste: options.onPaste } : {}),
    })
  }

  /** Takes over what the process before left. Channels may be started afterwards. */
  async start(): Promise<void> {
    await this.store.start()
    await this.delivery.start()
    await this.dispatcher.start()
    this.#outages.start()
  }

  /** Stop the channels' receiving first. Resolves within `ms` milliseconds; nothing accepted is lost. */
  async stop(ms: number): Promise<void> {
    const began = this.#clock.monotonic()
    this.store.stop()
    const turns = this.dispatcher.drain(ms * (1 - DELIVERY_SHARE))
    await Promise.all([turns, this.#outages.stop()])
    const left = ms - (this.#clock.monotonic() - began)
    await this.delivery.stop(Math.max(DELIVERY_AT_LEAST_MS, left))
  }

  #onFinished(lease: Lease, outcome: TurnOutcome): void {
    const { id, channel } = lease.conversation
    if (outcome.kind === 'answered') this.#observeAnswer(lease, outcome.modelMs)
    if (outcome.kind !== 'returned' && outcome.kind !== 'failed' && !this.#pullChannels.has(channel)) {
      this.delivery.wake(id)
    }
  }

  #observeAnswer({ conversation, messages }: Lease, modelMs: number): void {
    const { id, channel } = conversation
    const askedAt = messages.at(-1)!.at
    const pulled = this.#pullChannels.has(channel)
    if (!pulled) this.delivery.noteModelTime(id, askedAt, modelMs)
    const seconds = Math.max(0, this.#clock.now() - askedAt) / SECOND
    const overheadSeconds = Math.max(0, seconds - modelMs / SECOND)
    const times = pulled ? { seconds, overheadSeconds } : { seconds: null, overheadSeconds: null }
    this.observer.tell({ kind: 'answered', channel, messages: messages.length, ...times })
  }

  #onNotices(conversations: readonly ConversationId[]): void {
    for (const id of conversations) {
      this.delivery.wake(id)
      this.events.changed(id)
    }
  }
}
