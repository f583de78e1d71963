import type { Tool, TurnLimits } from '../agent/tool.ts'
import type { ModelConfig } from '../config/config.ts'
import type { Texts } from '../config/texts.ts'
import type { HoldLimits } from '../inbox/arrival.ts'
import { Delivery, type DeliveryOptions } from '../inbox/delivery/delivery.ts'
import { Drafts } from '../inbox/delivery/drafts.ts'
import type { SendChannel } from '../inbox/delivery/send-channel.ts'
import { Dispatcher } from '../inbox/dispatch/dispatcher.ts'
import type { MessageObserver } from '../inbox/figures/observer.ts'
import { ConversationEvents } from '../inbox/fleet/conversation-events.ts'
import { fleetOfOne, type Fleet, type FleetNews } from '../inbox/fleet/fleet.ts'
import { LiveRelay } from '../inbox/fleet/live-relay.ts'
import type { Gate } from '../inbox/gate/gate.ts'
import { OutageWatch } from '../inbox/gate/outage-watch.ts'
import { StoreHealth } from '../inbox/gate/store-health.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { ConversationId } from '../inbox/message.ts'
import type { Outbox } from '../inbox/outbox.ts'
import { SECOND, type Clock, type Timer } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import { newId } from '../support/ids.ts'
import type { Log } from '../support/log.ts'
import type { BudgetKeeper } from '../usage/budget-keeper.ts'
import type { Ledger } from '../usage/ledger.ts'
import { PriceTable } from '../usage/price-table.ts'
import { type AccessPolicy, PersonRate } from './access/access.ts'
import type { Pairings } from './access/pairing.ts'
import { Strangers } from './access/strangers.ts'
import { createCommands, type Command } from './commands.ts'
import { Compactions } from './compactions.ts'
import { historyLimitFor } from './context/history.ts'
import type { Conversations } from './conversations.ts'
import { MessageReceiver, type MessageReceiverOptions } from './message-receiver.ts'
import { modelCommands } from './model-commands.ts'
import type { ModelSettings } from './model-settings.ts'
import type { Model } from './model.ts'
import type { Receiver } from './receiver.ts'
import { createTurn } from './turn.ts'

/** The parts of a storage that messages need. */
interface MessageStorage {
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly conversations: Conversations
  readonly pairings: Pairings
  readonly ledger: Ledger
  readonly freeBytes: () => Promise<number | null>
  readonly probe: () => Promise<void>
}

export interface MessagingOptions {
  readonly storage: MessageStorage
  readonly model: Model
  readonly gate: Gate
  /** Every channel's sending side; those that do not push are skipped. */
  readonly sendChannels: readonly SendChannel[]
  /** See `DeliveryOptions`. */
  readonly onDelivered?: NonNullable<DeliveryOptions['onDelivered']>
  readonly access: AccessPolicy
  readonly texts: Texts
  readonly clock: Clock
  readonly log: Log
  readonly settings: ModelSettings
  /** `model.cache` of the configuration. */
  readonly cache: ModelConfig['cache']
  /** The system prompt; null = none. */
  readonly system: () => Promise<string | null>
  /** What the model may call, in the order in which it is offered; left out: nothing. */
  readonly tools?: readonly Tool[]
  /** How much one turn may do with them. */
  readonly limits: TurnLimits
  /** What models cost; left out: what is known of them without a configuration. */
  readonly prices?: PriceTable
  /** Left out: nothing is limited. */
  readonly budgets?: BudgetKeeper | null
  readonly hold: HoldLimits & {
    /** Observed outage time in milliseconds. */
    readonly maxAge: number
    readonly merge: boolean
  }
  /** How long after a piece the next one is waited for, in milliseconds; left out: pieces are not waited for. */
  readonly mergeWindow?: number
  /** Conversations answered at the same time. */
  readonly concurrency: number
  /** Turns a second to begin with after an outage. */
  readonly drainRate: number
  /** Messages a minute from one person. */
  readonly ratePerPerson: number
  /** Lines of a group that a message to the bot brings along, by the name of the channel; left out: none. */
  readonly groupContext?: ReadonlyMap<string, number>
  /** The IANA name of the zone in which the model is given times; left out: it is given none. */
  readonly zone?: () => string
  /** Further commands, or replacements (`login`). */
  readonly commands?: ReadonlyMap<string, Command>
  /** Sign-in from a chat; left out: there is none. */
  readonly signIn?: NonNullable<MessageReceiverOptions['signIn']>
  /** Free bytes below which nothing is accepted. */
  readonly reserveBytes?: number
  readonly random?: () => number
  /** The gateways on the same store; left out: there are no others. */
  readonly fleet?: Fleet
}

/** Polling in case a notification of another process is lost: an answer is sent at most this late. */
const OUTBOX_CHECK_MS = 5 * SECOND
/** A gate that reopens for less than this counts as shut throughout. */
const OUTAGE_OVER_AFTER_MS = SECOND
/** How long after a start it takes to know whether messages can be answered. */
const GATE_KNOWS_AFTER_MS = 10 * SECOND
/** The share of the shutdown time for turns; the rest is for the outbox. */
const DELIVERY_SHARE = 0.25
/** The minimum for a part being sent. */
const DELIVERY_AT_LEAST_MS = SECOND

/** Composes everything between the channels and the model. */
export class Messaging {
  readonly receiver: Receiver
  readonly dispatcher: Dispatcher
  readonly delivery: Delivery
  readonly events: ConversationEvents
  readonly observer: MessageObserver
  readonly store: StoreHealth
  readonly #newOutageWatch: () => OutageWatch
  readonly #gate: Gate
  readonly #fleet: Fleet
  readonly #relay: LiveRelay | null
  readonly #compactions: Compactions
  readonly #log: Log
  #outages: OutageWatch | null = null
  #leads = false
  #started = false
  #stopped = false
  #subscriptions: Disposable[] = []
  #resumeTimer: Timer | null = null
  #overTimer: Timer | null = null
  readonly #clock: Clock

  constructor(options: MessagingOptions) {
    const { storage, clock, log, texts, gate, hold, settings } = options
    const { inbox, outbox, conversations, pairings } = storage
    const random = options.random ?? Math.random
    const onProblem = (err: unknown) => log.error({ err }, 'a listener failed')
    const events = (this.events = new ConversationEvents(onProblem))
    const sendChannels = new Map(
      options.sendChannels.map((sendChannel) => [sendChannel.channel, sendChannel]),
    )
    this.#clock = clock
    this.#log = log
    this.#gate = gate
    const fleet = (this.#fleet = options.fleet ?? fleetOfOne(newId(clock.now())))
    const isAlone = fleet.work === null
    this.#leads = options.fleet === undefined
    if (!isAlone) events.onChanged = (id) => fleet.notify({ kind: 'changed', id })
    this.#relay = isAlone ? null : new LiveRelay({ events, fleet, clock })
    const observer: MessageObserver = (this.observer = new Emitter(onProblem))
    const store = (this.store = new StoreHealth({
      clock,
      observer,
      freeBytes: storage.freeBytes,
      probe: storage.probe,
      random,
      onProblem,
      ...(options.reserveBytes === undefined ? {} : { reserveBytes: options.reserveBytes }),
    }))
    const onStoreError = (error: unknown) => store.failed(error)
    const delivery = (this.delivery = new Delivery({
      outbox,
      inbox,
      sendChannels,
      observer,
      clock,
      log,
      fleet,
      onStoreError,
      random,
      ...(options.onDelivered ? { onDelivered: options.onDelivered } : {}),
    }))
    const drafts = new Drafts({ delivery, inbox, sendChannels, clock, log })
    const { prices = new PriceTable() } = options
    const compactions = new Compactions({ ...options, prices, observer, inbox })
    this.#compactions = compactions
    const dispatcher = (this.dispatcher = new Dispatcher({
      inbox,
      gate,
      answer: createTurn({
        ...options,
        tools: options.tools ?? [],
        prices,
        inbox,
        drafts,
        events,
        observer,
        onStoreError,
        compactions,
      }),
      onAnswerStored: (lease) => compactions.begin(lease),
      store,
      events,
      observer,
      texts,
      clock,
      log,
      fleet,
      drafts,
      delivery,
      concurrency: options.concurrency,
      drainRate: options.drainRate,
      historyLimit: () => historyLimitFor(settings.longestContext()),
      merge: hold.merge,
      random,
    }))
    this.#newOutageWatch = () =>
      new OutageWatch({
        gate,
        inbox,
        clock,
        texts,
        maxAge: hold.maxAge,
        log,
        onNotices: (ids) => this.#onNotices(ids),
        onStoreError,
      })
    const commands = new Map([
      ...createCommands({
        conversations,
        ledger: storage.ledger,
        texts,
        settings,
        gate: () => gate.current(),
      }),
      ...modelCommands({ settings, texts }),
      ...(options.commands ?? []),
    ])
    this.receiver = new MessageReceiver({
      conversations,
      strangers: new Strangers({ pairings, texts, clock }),
      access: options.access,
      commands,
      rate: new PersonRate(options.ratePerPerson),
      groupContext: options.groupContext ?? new Map(),
      zone: options.zone ?? null,
      gate,
      store,
      limits: hold,
      ...(options.mergeWindow === undefined ? {} : { mergeWindow: options.mergeWindow }),
      texts,
      clock,
      events,
      observer,
      log,
      dispatcher,
      delivery,
      ...(options.signIn ? { signIn: options.signIn } : {}),
    })
  }

  /** Messages are accepted but not answered, for no known reason. */
  get stalled(): boolean {
    return this.dispatcher.stalled || this.#fleet.hasNoWorkers
  }

  /** Messages that wait because the gate suspects the provider, while all others are answered. */
  get suspected(): number {
    return this.dispatcher.suspected
  }

  /** Takes over unfinished work of the previous process. Channels may be started afterwards. */
  async start(): Promise<void> {
    await this.store.start()
    this.#subscriptions.push(this.#fleet.listen((news) => this.#onNews(news)))
    await this.delivery.resume()
    if (this.#fleet.role !== 'ingress') await this.dispatcher.start()
    // An ingress-only process also releases what it has held.
    else this.#subscriptions.push(this.#gate.subscribe(({ open }) => open && this.#reopen()))
    if (this.#fleet.work) this.#resumeLater()
    this.#relay?.start()
    this.#started = true
    if (this.#leads) this.#watchOutages()
  }

  /**
   * Makes this process do what one process does for all: notify people of held messages, and
   * expire those held too long.
   *
   * @returns stops it
   */
  lead(): () => Promise<void> {
    this.#leads = true
    if (this.#started) this.#watchOutages()
    const watch = this.#gate.subscribe(({ open }) => this.#announceEnd(open, OUTAGE_OVER_AFTER_MS))
    // An outage may have ended before there was a leader; by then the gate knows.
    this.#announceEnd(true, GATE_KNOWS_AFTER_MS)
    return async () => {
      this.#leads = false
      watch[Symbol.dispose]()
      this.#overTimer?.cancel()
      const outages = this.#outages
      this.#outages = null
      await outages?.stop()
    }
  }

  /** Sends what is pending in the outbox: this process now holds a channel, or may have missed a notification. */
  async resumeOutbox(): Promise<void> {
    await this.delivery.resume().catch((error: unknown) => this.store.failed(error))
  }

  /** Stop the channels' receiving first. Resolves within `ms` milliseconds; nothing accepted is lost. */
  async stop(ms: number): Promise<void> {
    const began = this.#clock.monotonic()
    this.#stopped = true
    this.store.stop()
    this.#resumeTimer?.cancel()
    this.#relay?.stop()
    const turnsMs = ms * (1 - DELIVERY_SHARE)
    const turns = this.dispatcher.drain(turnsMs)
    await Promise.all([turns, this.#outages?.stop(), this.#compactions.stop(turnsMs)])
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]()
    const left = ms - (this.#clock.monotonic() - began)
    await this.delivery.stop(Math.max(DELIVERY_AT_LEAST_MS, left))
  }

  #announceEnd(open: boolean, afterMs: number): void {
    this.#overTimer?.cancel()
    if (!open) return
    this.#overTimer = this.#clock.setTimer(() => {
      if (this.#gate.current().open) void this.#fleet.outageOver()
    }, afterMs)
  }

  #watchOutages(): void {
    this.#outages ??= this.#newOutageWatch()
    this.#outages.start()
  }

  #onNews(news: FleetNews): void {
    switch (news.kind) {
      case 'outbox':
        return void this.delivery.wakeHere(news.id)
      case 'changed':
        return this.events.changedElsewhere(news.id)
      case 'stop':
        return this.dispatcher.stopTurnHere(news.id)
      case 'join':
        return this.dispatcher.joinTurnHere(news.id)
      case 'missed':
        this.events.missed()
        return void this.resumeOutbox()
      default:
        return
    }
  }

  #resumeLater(): void {
    this.#resumeTimer = this.#clock.setTimer(() => {
      if (this.#stopped) return
      void this.resumeOutbox().finally(() => this.#resumeLater())
    }, OUTBOX_CHECK_MS)
  }

  #reopen(): void {
    this.#fleet.work
      ?.reload()
      .catch((err: unknown) => this.#log.error({ err }, 'the queue could not be read'))
  }

  #onNotices(conversations: readonly ConversationId[]): void {
    for (const id of conversations) {
      this.delivery.wake(id)
      this.events.changed(id)
    }
  }
}
