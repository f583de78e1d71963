import { rm } from 'node:fs/promises'
import { pino } from 'pino'
import { DEFAULT_TEXTS } from '../../src/config/texts.ts'
import { Messaging, type MessagingOptions } from '../../src/conversation/messaging.ts'
import { ModelSettings } from '../../src/conversation/model-settings.ts'
import type { Model, ModelAnswer, ModelRequest, StopReason } from '../../src/conversation/model.ts'
import type { InboundEvent } from '../../src/conversation/receiver.ts'
import type { SendChannel } from '../../src/inbox/delivery/send-channel.ts'
import { type ProviderGate, ProviderGate as Gate } from '../../src/inbox/gate/provider-gate.ts'
import type { Inbox } from '../../src/inbox/inbox.ts'
import type { StoredMessage } from '../../src/inbox/message.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { systemClock, type Clock } from '../../src/support/clock.ts'
import { Refused, TransientError, UsageLimited, ConfigurationError } from '../../src/support/errors.ts'
import { FakeClock } from './fake-clock.ts'
import { modelInfo } from './provider/model-info.ts'
import { plainAnswer } from './provider/plain-answer.ts'
import { rethrow } from './rethrow.ts'
import { DEFAULT_LIMITS } from './steps/test-tool.ts'
import { openFixtureStorage, type FixtureStorageOptions } from './stores/fixture-storage.ts'
import { pause } from './until.ts'

export const silent = pino({ level: 'silent' })

type Reply = string | ModelAnswer

const HOLD = { maxAge: 7 * 24 * 3_600_000, maxPerConversation: 50, maxTotal: 10_000, merge: true }
/** Each message has an answer of its own. */
export const UNMERGED = { hold: { ...HOLD, merge: false } } satisfies Partial<MessagingOptions>

/** The model of the tests: answers by `reply`, and remembers what it was asked. */
export class FakeModel implements Model {
  readonly requests: ModelRequest[] = []
  /** May throw, or wait for the signal. A text is the whole answer. */
  reply: (...asked: Parameters<Model['answer']>) => Reply | Promise<Reply> = (request) =>
    `answer to ${lastText(request)}`
  stopReason: StopReason = 'end_turn'
  /** Left out: it compacts nothing. */
  compact?: NonNullable<Model['compact']>
  context = 200_000
  /** Tokens of an answer, where the model allows fewer or more than any other. */
  maxTokens: number | null = null
  /** Gets every outcome, as from the real client. */
  gate: ProviderGate | null = null
  /** Its failures may be those of the requests that met them. */
  suspected = false

  async answer(...[request, context]: Parameters<Model['answer']>): Promise<ModelAnswer> {
    this.requests.push(request)
    try {
      const reply = await this.reply(request, context)
      const answer =
        typeof reply === 'string' ? plainAnswer(reply, request.model, { stopReason: this.stopReason }) : reply
      context.onText(answer.text)
      this.gate?.succeeded()
      return answer
    } catch (error) {
      if (error instanceof UsageLimited) this.gate?.usageLimited(error.resumeAt)
      else if (error instanceof TransientError && error.reason !== 'credential') {
        this.gate?.unavailable(error.retryAfterMs, error.reason, this.suspected)
      } else if (error instanceof ConfigurationError) this.gate?.misconfigured(error.message)
      else if (error instanceof Refused) this.gate?.succeeded()
      throw error
    }
  }

  /** The questions so far, the newest words of each request. */
  get asked(): string[] {
    return this.requests.map(lastText)
  }
}

export function lastText(request: ModelRequest): string {
  return request.messages.at(-1)!.text
}

/** A chat platform in memory: what a reader would see, in order. */
export class MemoryChannel implements SendChannel {
  readonly channel: string
  readonly push: boolean = true
  draftIntervalMs: number | null
  /** By platform id, in the order of sending. */
  readonly shown = new Map<string, { address: string; text: string; replyTo: string | null }>()
  readonly edits: Array<{ id: string; text: string; final: boolean }> = []
  readonly typed: string[] = []
  /** Throws to make a sending fail. */
  onSend: (address: string, part: string, key: string) => void | Promise<void> = () => {}
  onEdit: (id: string, part: string, final: boolean) => void | Promise<void> = () => {}
  maxPart = 4_096
  #next = 1

  constructor(channel = 'chat', draftIntervalMs: number | null = null) {
    this.channel = channel
    this.draftIntervalMs = draftIntervalMs
  }

  split(text: string): readonly string[] {
    const parts: string[] = []
    for (let at = 0; at < text.length; at += this.maxPart) parts.push(text.slice(at, at + this.maxPart))
    return parts
  }

  async send(
    address: string,
    part: string,
    { replyTo, key }: { readonly replyTo: string | null; readonly key: string },
  ): Promise<string> {
    await this.onSend(address, part, key)
    const id = `out-${this.#next++}`
    this.shown.set(id, { address, text: part, replyTo })
    return id
  }

  async edit(
    _address: string,
    id: string,
    part: string,
    { final }: { readonly final: boolean },
  ): Promise<void> {
    await this.onEdit(id, part, final)
    this.edits.push({ id, text: part, final })
    const message = this.shown.get(id)
    if (message) message.text = part
  }

  typing(address: string): void {
    this.typed.push(address)
  }

  /** The texts of a chat, top to bottom. */
  texts(address: string): string[] {
    return [...this.shown.values()].filter((shown) => shown.address === address).map(({ text }) => text)
  }
}

/** Two models of which the fake one is both; tests change its context window as they go. */
function modelSettings(model: FakeModel): ModelSettings {
  const infoOf = (id: string) =>
    modelInfo(id, {
      contextTokens: model.context,
      maxTokens: model.maxTokens,
      efforts: ['low', 'medium', 'high'],
      compaction: true,
    })
  const ids = ['claude-test', 'claude-other']
  return new ModelSettings({
    config: { default: 'claude-test', maxTokens: 4_096, contextLength: 'auto', effort: 'auto' },
    overrides: {},
    models: {
      current: () => ({ source: 'provider', fetchedAt: 0, models: ids.map(infoOf) }),
      find: (id) => (ids.includes(id) ? infoOf(id) : null),
    },
    warn() {},
  })
}

/** Over all rigs: a home that is opened again has seen the ids before. */
let nextId = 1

/** Ways to the store and back without any sign of life: longer than any chain of steps of ours. */
const QUIET_ROUNDS = 10

export interface MessageFixtureOptions extends FixtureStorageOptions {
  readonly clock?: Clock
  readonly sendChannels?: readonly SendChannel[]
  readonly messaging?: Partial<MessagingOptions>
  /** Puts something between the core and the store. */
  readonly wrapInbox?: (inbox: Inbox) => Inbox
  readonly wrapStorage?: (storage: Storage) => Storage
}

/** The core of messages over a real store, a fake model and platforms in memory. */
export class MessageFixture implements AsyncDisposable {
  readonly storage: Storage
  readonly messaging: Messaging
  readonly gate: Gate
  readonly model: FakeModel
  readonly sendChannel: MemoryChannel
  readonly clock: Clock
  readonly path: string
  readonly #folder: string | null
  readonly #calls: { readonly open: number }
  readonly #life: { over: boolean }
  #closed = false

  private constructor(parts: {
    storage: Storage
    messaging: Messaging
    gate: Gate
    model: FakeModel
    sendChannel: MemoryChannel
    clock: Clock
    path: string
    folder: string | null
    calls: { readonly open: number }
    life: { over: boolean }
  }) {
    this.storage = parts.storage
    this.messaging = parts.messaging
    this.gate = parts.gate
    this.model = parts.model
    this.sendChannel = parts.sendChannel
    this.clock = parts.clock
    this.path = parts.path
    this.#folder = parts.folder
    this.#calls = parts.calls
    this.#life = parts.life
  }

  static async open(options: MessageFixtureOptions = {}): Promise<MessageFixture> {
    const clock = options.clock ?? systemClock
    const { opened, path, folder } = await openFixtureStorage(options)
    const calls = { open: 0 }
    const watched = countCalls(opened, calls)
    const storage = options.wrapStorage ? options.wrapStorage(watched) : watched
    const inbox = options.wrapInbox ? options.wrapInbox(storage.inbox) : storage.inbox
    const sendChannels = options.sendChannels ?? [new MemoryChannel()]
    const model = new FakeModel()
    const gate = new Gate({ clock, texts: DEFAULT_TEXTS, random: () => 0.5, onProblem: rethrow })
    model.gate = gate
    const everybody = {
      allowAll: true,
      allowedUsers: new Set<string>(),
      allowedGroups: new Set<string>(),
      allowedChats: new Set<string>(),
      requireMention: true,
      trusted: false,
    }
    const life = { over: false }
    const messaging = new Messaging({
      storage: { ...storage, inbox },
      model,
      gate,
      sendChannels: sendChannels.map((channel) => whileAlive(channel, life)),
      access: {
        operators: new Set(['chat:operator']),
        channels: new Map(sendChannels.map(({ channel }) => [channel, everybody])),
      },
      texts: DEFAULT_TEXTS,
      clock,
      log: silent,
      settings: modelSettings(model),
      cache: 'auto',
      system: async () => null,
      hold: HOLD,
      concurrency: 50,
      drainRate: 20,
      ratePerPerson: 10_000,
      reserveBytes: 0,
      limits: DEFAULT_LIMITS,
      random: () => 0.5,
      ...options.messaging,
    })
    const sendChannel = sendChannels[0] as MemoryChannel
    const parts = { storage, messaging, gate, model, sendChannel, clock, path, folder, calls, life }
    return new MessageFixture(parts)
  }

  /** Opened and started. */
  static async start(options: MessageFixtureOptions = {}): Promise<MessageFixture> {
    const fixture = await MessageFixture.open(options)
    await fixture.messaging.start()
    return fixture
  }

  message(text: string, more: Partial<Extract<InboundEvent, { kind: 'message' }>> = {}): InboundEvent {
    return {
      kind: 'message',
      address: 'a',
      platformMessageId: `in-${nextId++}`,
      person: { id: 'person', name: 'A Person' },
      chat: { id: 'a', kind: 'private', addressed: true },
      text,
      attachments: [],
      unsupported: null,
      ...more,
    }
  }

  /** Delivers texts, one platform message each, in one batch. */
  say(address: string, ...texts: string[]) {
    const items = texts.map((text) =>
      this.message(text, { address, chat: { id: address, kind: 'private', addressed: true } }),
    )
    return this.messaging.receiver.receive(this.sendChannel.channel, items, [])
  }

  async rows(address: string): Promise<readonly StoredMessage[]> {
    const conversation = await this.storage.conversations.find(this.sendChannel.channel, address)
    if (!conversation) return []
    return this.storage.conversations.messages(conversation.id, { limit: 1_000, beforeSeq: null })
  }

  /** Lets the store and all promises come to rest. Timers are the clock's. */
  async rest(): Promise<void> {
    const signs = () => [
      this.model.requests.length,
      this.sendChannel instanceof MemoryChannel ? this.sendChannel.shown.size : 0,
      this.messaging.dispatcher.answering,
    ]
    let before = ''
    for (let quiet = 0; quiet < QUIET_ROUNDS; quiet++) {
      const now = signs().join()
      // What is under way to the store has its consequences yet.
      if (now !== before || this.#calls.open > 0) quiet = 0
      before = now
      await this.storage.facts.get('rest')
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** Lets `ms` of a fake clock pass in steps, each with everything that follows from it. */
  async pass(ms: number, step = Math.min(ms, 60_000)): Promise<void> {
    if (!(this.clock instanceof FakeClock)) throw new Error('only a fake clock can be moved')
    for (let left = ms; left > 0; left -= step) {
      await this.clock.advance(Math.min(step, left))
      await this.rest()
    }
  }

  /** The process is gone: nothing is finished, nothing is handed back. The store is closed. */
  async crash(): Promise<void> {
    this.#closed = true
    this.#life.over = true
    await this.storage.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) {
      this.gate.stop()
      await Promise.race([this.messaging.stop(1_000), this.rest()])
      await this.storage.close()
    }
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true })
  }
}

/** The same channel, on which a process that has crashed sends nothing more: its calls never return. */
function whileAlive<Channel extends object>(channel: Channel, life: { readonly over: boolean }): Channel {
  return new Proxy(channel, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown =>
        life.over ? new Promise(() => {}) : Reflect.apply(member, target, args)
    },
  })
}

/** The same storage, with every call of its parts counted while it is under way. */
function countCalls(storage: Storage, calls: { open: number }): Storage {
  const counted = <Part extends object>(part: Part): Part =>
    new Proxy(part, {
      get(target, name, receiver) {
        const member: unknown = Reflect.get(target, name, receiver)
        if (typeof member !== 'function') return member
        return async (...args: unknown[]) => {
          calls.open++
          try {
            return await (Reflect.apply(member, target, args) as unknown)
          } finally {
            calls.open--
          }
        }
      },
    })
  const { inbox, outbox, conversations, pairings, incidents, budgets, freeBytes, probe } = storage
  const looks = counted({ freeBytes, probe })
  return {
    ...storage,
    freeBytes: looks.freeBytes,
    probe: looks.probe,
    inbox: counted(inbox),
    outbox: counted(outbox),
    conversations: counted(conversations),
    pairings: counted(pairings),
    incidents: counted(incidents),
    budgets: counted(budgets),
  }
}

/** Waits in real time until `condition` holds. */
export async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error('it did not come to pass in time')
    await pause(2)
  }
}
