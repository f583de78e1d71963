import { fillText, type Texts } from '../config/texts.ts'
import { saysSomething } from '../inbox/about.ts'
import { type Accepted, type Arrival, type HoldLimits, NOT_STORED } from '../inbox/arrival.ts'
import type { Delivery } from '../inbox/delivery/delivery.ts'
import { ownId } from '../inbox/delivery/send-channel.ts'
import type { Dispatcher } from '../inbox/dispatch/dispatcher.ts'
import type { MessageObserver } from '../inbox/figures/observer.ts'
import type { ConversationEvents } from '../inbox/fleet/conversation-events.ts'
import { outageOf, type Gate } from '../inbox/gate/gate.ts'
import type { StoreHealth } from '../inbox/gate/store-health.ts'
import { parkedCursor } from '../inbox/parked-inputs.ts'
import type { Clock } from '../support/clock.ts'
import { messageOf, Refused, StoreError, TransientError } from '../support/errors.ts'
import { newId } from '../support/ids.ts'
import type { Log } from '../support/log.ts'
import { isBlank } from '../support/text/printable.ts'
import { looksLikeSignInPaste } from '../support/text/token-shape.ts'
import {
  decideAccess,
  needsPairing,
  type Access,
  type AccessPolicy,
  type PersonRate,
} from './access/access.ts'
import type { Strangers } from './access/strangers.ts'
import { type Commands, readRequest, type Request, storedText, unknownCommand } from './commands.ts'
import type { Conversations } from './conversations.ts'
import { GroupLines, type TakenLines } from './group-lines.ts'
import { allWordsOf, heardLine, incomingMessage, type Brought } from './incoming-message.ts'
import { loadAttachments } from './load-attachments.ts'
import { PastedSecrets, type SignInReplies } from './login/pasted-secrets.ts'
import type { Chat, InboundEvent, Person, Receiver, Unread } from './receiver.ts'

/** What a person may send as one message, in bytes of UTF-8. */
const MAX_TEXT_BYTES = 64 * 1024

/** For a program; people are told how to sign in instead. */
const SECRET_SENT = 'This holds something shaped like a sign-in code or a token, so it was not kept.'

export interface MessageReceiverOptions {
  readonly conversations: Pick<Conversations, 'find'>
  readonly strangers: Strangers
  readonly access: AccessPolicy
  readonly commands: Commands
  readonly rate: PersonRate
  readonly gate: Gate
  readonly store: StoreHealth
  readonly limits: HoldLimits
  /** See `AcceptRequest.mergeWindow`. */
  readonly mergeWindow?: number
  readonly texts: Texts
  readonly clock: Clock
  readonly events: ConversationEvents
  readonly observer: MessageObserver
  readonly log: Log
  readonly dispatcher: Pick<Dispatcher, 'accept' | 'arrived' | 'joinTurn' | 'stopTurn'>
  readonly delivery: Pick<Delivery, 'wake'>
  readonly signIn?: SignInReplies
  /** Lines of a group that a message to the bot brings along, by the name of the channel. */
  readonly groupContext: ReadonlyMap<string, number>
  /** See `Brought`. */
  readonly zone: (() => string) | null
}

/** What the arrivals of one call have taken, to be given back if they are not stored. */
interface Batch {
  readonly counted: Person[]
  readonly taken: Map<Arrival, TakenLines>
}

const NOTHING_BROUGHT: Brought = { attachments: [], heard: [], zone: null }

type Message = Extract<InboundEvent, { kind: 'message' }>
type Edit = Extract<InboundEvent, { kind: 'edit' }>

/** Receives every inbound message. See `Receiver`. */
export class MessageReceiver implements Receiver {
  readonly #options: MessageReceiverOptions
  readonly #secrets: PastedSecrets
  readonly #lines: GroupLines

  constructor(options: MessageReceiverOptions) {
    this.#options = options
    this.#secrets = new PastedSecrets(options)
    this.#lines = new GroupLines(options.groupContext)
  }

  async receive(
    channel: string,
    items: readonly InboundEvent[],
    cursors: Parameters<Receiver['receive']>[2],
    fence: Parameters<Receiver['receive']>[3] = null,
  ): Promise<readonly Accepted[]> {
    const { dispatcher, gate, store, limits, mergeWindow, texts, clock } = this.#options
    // Current answers need the remaining space; the platform keeps what is not acknowledged.
    if (store.full) throw new StoreError(store.problem ?? 'the store is full')
    const batch: Batch = { counted: [], taken: new Map() }
    const perItem: Arrival[][] = []
    try {
      for (const item of items) perItem.push(await this.#arrivals(channel, item, batch))
      const arrivals = perItem.flat()
      const parked = items.filter((item) => item.kind === 'parked').map(({ input }) => input)
      if (arrivals.length === 0 && cursors.length === 0 && parked.length === 0)
        return items.map(() => NOT_STORED)
      const now = clock.now()
      const state = gate.current()
      const accepted = await dispatcher.accept({
        arrivals,
        cursors: [...cursors.map((cursor) => ({ channel, ...cursor })), ...parked.map(parkedCursor)],
        now,
        // While a probe is allowed, this message may be the probe.
        outage: !state.open && state.probing ? null : outageOf(state, now),
        limits,
        holdFullNotice: texts.hold_full,
        ...(fence ? { fence } : {}),
        ...(mergeWindow === undefined ? {} : { mergeWindow }),
      })
      store.worked()
      arrivals.forEach((arrival, index) => {
        const { duplicate, holdFull } = accepted[index]!
        if (duplicate || holdFull) batch.taken.get(arrival)?.giveBack()
        this.#announce(channel, arrival, accepted[index]!)
      })
      for (const _ of parked) this.#options.observer.emit({ kind: 'parked', channel })
      let next = 0
      return perItem.map((own) => {
        const results = accepted.slice(next, (next += own.length))
        // Of a command and its question, what became of the question.
        return (
          results[
            Math.max(
              0,
              own.findIndex(({ kind }) => kind === 'message'),
            )
          ] ?? NOT_STORED
        )
      })
    } catch (error) {
      for (const person of batch.counted) this.#options.rate.refund(`${channel}:${person.id}`)
      for (const { giveBack } of batch.taken.values()) giveBack()
      if (error instanceof StoreError) store.failed(error)
      throw error
    }
  }

  /** @param approved the person is known to be: the store is not asked again */
  async #arrivals(channel: string, item: InboundEvent, batch: Batch, approved = false): Promise<Arrival[]> {
    switch (item.kind) {
      case 'message':
        return this.#message(channel, item, batch, approved)
      case 'edit':
        return this.#edit(channel, item, approved)
      case 'unread':
        return this.#unread(channel, item, batch)
      case 'deletion': {
        const { address, platformMessageId, place = address } = item
        this.#lines.remove(channel, place, platformMessageId)
        return [{ kind: 'deletion', channel, address, platformMessageId }]
      }
      case 'moved':
        return [{ ...item, channel }]
      case 'parked':
        return []
    }
  }

  /** Access is decided before anything is read. */
  async #unread(channel: string, item: Unread, batch: Batch): Promise<Arrival[]> {
    const chat = { ...item.chat, addressed: true }
    const approved = await this.#isApproved(channel, item.person, chat)
    if (this.#decide(channel, item.person, chat, approved).kind !== 'granted')
      return this.#fromStranger(channel, item, item.raw, !item.isEdit)
    let event: InboundEvent | null
    try {
      event = await item.read()
    } catch (error) {
      if (error instanceof TransientError) throw error
      // One malformed event must not block all others.
      this.#options.log.warn(
        { channel, message: item.platformMessageId },
        `a message of an unknown shape was passed over: ${messageOf(error)}`,
      )
      return []
    }
    return event === null ? [] : this.#arrivals(channel, event, batch, approved)
  }

  async mayTalk(channel: string, person: Person, chat: Pick<Chat, 'id' | 'kind'>): Promise<boolean> {
    const access = await this.#access(channel, person, { ...chat, addressed: true })
    return access.kind === 'granted'
  }

  /** Of what somebody without access has written, no more is checked than whether it is a secret. */
  async #fromStranger(
    channel: string,
    item: Pick<Unread, 'address' | 'platformMessageId' | 'person' | 'chat'>,
    raw: () => string,
    mayAsk: boolean,
  ): Promise<Arrival[]> {
    const { strangers } = this.#options
    const { person, chat } = item
    if (!strangers.rate.admit(channel, person.id)) return []
    const text = raw()
    const isPrivate = chat.kind === 'private'
    if (strangers.rate.holdsSecret(text)) {
      const paste = { ...item, text, chat: { ...chat, addressed: isPrivate } }
      const reply = await this.#secrets.use(channel, paste, { kind: 'stranger' })
      return reply === null ? [] : [turnedAway(channel, item, reply)]
    }
    if (!isPrivate || !mayAsk) return []
    const reply = await strangers.pairingReply(channel, person)
    return reply === null ? [] : [turnedAway(channel, item, reply)]
  }

  async #message(channel: string, item: Message, batch: Batch, approved: boolean): Promise<Arrival[]> {
    const { texts, rate, clock, commands } = this.#options
    const isProgram = item.vouched || item.context !== undefined
    const reject = (reply: string | null): Arrival[] => {
      // A program gets this in its response; nothing is stored.
      if (isProgram && reply !== null) throw new Refused(reply)
      // Without a reply a second delivery repeats nothing: not even the id is stored.
      return reply === null ? [] : [turnedAway(channel, item, reply)]
    }
    const person = `${channel}:${item.person.id}`
    const access: Access = item.vouched
      ? { kind: 'granted', role: 'user' }
      : await this.#access(channel, item.person, item.chat, approved)
    if (access.kind === 'stranger') return this.#fromStranger(channel, item, () => item.text, true)
    const said = { ...item, text: allWordsOf(item) }
    const tooLarge = !item.context && Buffer.byteLength(said.text) > MAX_TEXT_BYTES
    const request = this.#requestOf(item)
    const { question } = request
    const onlyCommand = question === null ? request.command : null
    // No sign-in through a program.
    const isReply = !isProgram && (await this.#belongsToSignIn(channel, said, access, onlyCommand))
    if (isReply || (!tooLarge && textsOf(said).some(looksLikeSignInPaste)))
      return reject(isProgram ? SECRET_SENT : await this.#secrets.use(channel, said, access))
    if (access.kind === 'ignored') {
      await this.#hear(channel, item, approved)
      return []
    }
    if (!item.vouched && !this.#options.access.channels.get(channel)?.trusted) {
      const decision = rate.consume(person, clock.monotonic())
      if (decision !== 'pass') return reject(decision === 'refuse' ? texts.rate_limited : null)
      batch.counted.push(item.person)
    }
    if (item.unsupported !== null) return reject(item.unsupported)
    if (tooLarge) return reject(texts.refused_too_large)
    if (question === null) return this.#command(channel, item, access.role, request, item.platformMessageId)
    // In a group it may be meant for another bot; what a program or a third person wrote is data.
    const mayCommand = item.chat.kind === 'private' && !item.forwarded && !isProgram
    const name = mayCommand ? unknownCommand(item.text, commands) : null
    if (name !== null) {
      const reply = fillText(texts, 'unknown_command', { name })
      const message = incomingMessage(channel, item, NOTHING_BROUGHT)
      return [{ kind: 'command', message, effect: null, reply }]
    }
    const attachments = await loadAttachments(item.attachments, this.#options)
    if (typeof attachments === 'string') return reject(attachments)
    const isEmpty = isBlank(question) && attachments.length === 0
    if (isEmpty && !saysSomething(item.about ?? {})) return reject(texts.unsupported)
    // The message keeps its id, for it is what is answered and may be edited.
    const first = await this.#command(
      channel,
      item,
      access.role,
      request,
      `command ${item.platformMessageId}`,
    )
    const taken = this.#lines.take(channel, placeOf(item))
    const brought = { attachments, heard: taken.lines, zone: this.#options.zone?.() ?? null }
    const message = incomingMessage(channel, { ...item, text: question }, brought)
    const arrival = { kind: 'message', message } as const
    batch.taken.set(arrival, taken)
    return [...first, arrival]
  }

  /** A line between others is kept for the next message to the bot, of people who might have called it here. */
  async #hear(channel: string, item: Message, approved: boolean): Promise<void> {
    const { person, chat, platformMessageId } = item
    const line = heardLine(item)
    if (line === null || chat.addressed || !this.#lines.keeps(channel)) return
    const access = await this.#access(channel, person, { ...chat, addressed: true }, approved)
    if (access.kind === 'granted') this.#lines.hear(channel, placeOf(item), platformMessageId, line)
  }

  async #edit(channel: string, item: Edit, approved: boolean): Promise<Arrival[]> {
    const { address, platformMessageId, text, links = [] } = item
    const access = await this.#access(channel, item.person, item.chat, approved)
    if (access.kind === 'stranger') return this.#fromStranger(channel, item, () => text, false)
    this.#lines.edit(channel, placeOf(item), platformMessageId, text)
    const said = { ...item, text: allWordsOf({ text, about: { links } }) }
    const isSecret = looksLikeSignInPaste(said.text)
    const isReply = await this.#belongsToSignIn(channel, said, access, null)
    if (isSecret || isReply) {
      const reply = await this.#secrets.use(channel, said, access)
      // A waiting version that became a secret is withdrawn: the unedited text is not wanted either.
      const withdrawn: Arrival[] = isSecret ? [{ kind: 'deletion', channel, address, platformMessageId }] : []
      // What it was before may have been answered under its id: a paste that is put right by editing it.
      const id = isReply ? ownId(`edit ${platformMessageId} ${newId(this.#options.clock.now())}`) : null
      const named = id === null ? item : { ...item, platformMessageId: id }
      return reply === null ? withdrawn : [...withdrawn, turnedAway(channel, named, reply)]
    }
    const fits = text.trim() !== '' && Buffer.byteLength(text) <= MAX_TEXT_BYTES
    if (access.kind !== 'granted' || !fits) return []
    return [{ kind: 'edit', channel, address, platformMessageId, text, links }]
  }

  /** @param command set where the message is a command and nothing else */
  async #belongsToSignIn(
    channel: string,
    { person, chat, text }: Message | Edit,
    access: Access,
    command: Request['command'],
  ): Promise<boolean> {
    const { signIn } = this.#options
    if (!signIn || access.kind !== 'granted') return false
    return signIn.expects({ channel, person, chat, role: access.role, text, command })
  }

  #requestOf({ text, chat, forwarded }: Message): Request {
    return chat.addressed && !forwarded
      ? readRequest(text, this.#options.commands)
      : { command: null, question: text }
  }

  async #access(channel: string, person: Person, chat: Chat, approved = false): Promise<Access> {
    return this.#decide(channel, person, chat, approved || (await this.#isApproved(channel, person, chat)))
  }

  #decide(channel: string, person: Person, chat: Chat, approved: boolean): Access {
    return decideAccess(this.#options.access, channel, person, chat, approved)
  }

  async #isApproved(channel: string, person: Person, chat: Chat): Promise<boolean> {
    const { access, strangers } = this.#options
    return needsPairing(access, channel, person, chat) && (await strangers.isApproved(channel, person.id))
  }

  async #command(
    channel: string,
    item: Message,
    role: 'user' | 'operator',
    { command: called }: Request,
    platformMessageId: string,
  ): Promise<Arrival[]> {
    const { commands, conversations, clock } = this.#options
    const command = called && commands.get(called.name)
    if (!command) return []
    const { address, person, chat } = item
    const conversation = await conversations.find(channel, address)
    const now = clock.now()
    const result = await command({ ...called, channel, address, person, chat, role, conversation, now })
    // What was said before it is not part of what it begins.
    if (result.effect?.clearHistory) this.#lines.clear(channel, placeOf(item))
    const text = storedText(item.text, called.name)
    const message = incomingMessage(channel, { ...item, platformMessageId, text }, NOTHING_BROUGHT)
    return [{ kind: 'command', message, ...result }]
  }

  /** Everything is durable now: notify the listeners. */
  #announce(channel: string, arrival: Arrival, accepted: Accepted): void {
    const { dispatcher, delivery, events, observer } = this.#options
    const id = accepted.conversationId
    if (id === null) return
    const effect = arrival.kind === 'command' && !accepted.duplicate ? arrival.effect : null
    if (effect?.stopTurn || accepted.stopped) dispatcher.stopTurn(id)
    // As a message, also a command that asks the model.
    if ('message' in arrival && !accepted.duplicate && accepted.state !== 'answered') {
      if (accepted.holdFull) observer.emit({ kind: 'refused', channel })
      else {
        observer.emit({ kind: 'accepted', channel })
        if (accepted.joins) dispatcher.joinTurn(id)
        dispatcher.arrived(id)
      }
    }
    if (accepted.outbox) delivery.wake(id)
    if (!accepted.duplicate) events.changed(id)
  }
}

/** Everything of a message that the model would read. */
function textsOf({ text, context }: Message): readonly string[] {
  if (!context) return [text]
  // A refused paste comes back in the history that the client keeps.
  const turns = context.turns.filter(({ role }) => role === 'user')
  return [text, context.system ?? '', ...turns.map((turn) => turn.text)]
}

function placeOf({ chat, address }: Pick<Message, 'chat' | 'address'>): string {
  return chat.place ?? address
}

function turnedAway(
  channel: string,
  { address, platformMessageId }: Pick<Edit, 'address' | 'platformMessageId'>,
  reply: string,
): Arrival {
  return { kind: 'turned-away', channel, address, platformMessageId, reply }
}
