import type {
  APIChannel,
  APIInteraction,
  GatewayMessageDeleteBulkDispatchData,
  GatewayMessageDeleteDispatchData,
  GatewayReadyDispatchData,
  GatewayThreadListSync,
} from 'discord-api-types/v10'
import { StrangerRate } from '../../../conversation/access/strangers.ts'
import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Cursor } from '../../../inbox/arrival.ts'
import type { ParkedInput } from '../../../inbox/parked-inputs.ts'
import { DAY, MINUTE, type Clock } from '../../../support/clock.ts'
import { messageOf, TransientError } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { Watermarks, type Piece } from '../../kit/intake/watermarks.ts'
import { retryUntilStopped } from '../../kit/retry.ts'
import { PAGE, type DiscordClient } from '../api/client.ts'
import { DiscordFailure } from '../api/failure.ts'
import { compareSnowflakes, earlierBy, isSnowflake, justBefore, laterOf } from '../api/snowflake.ts'
import type { InteractionResponder } from '../commands/interaction-responder.ts'
import { usedCommand } from '../commands/slash-commands.ts'
import { formatPlace, parsePlace, type Place } from '../place.ts'
import type { Dispatch } from '../socket/connection.ts'
import type { FileLoader } from './media.ts'
import { MemberRoles } from './member-roles.ts'
import { authorOf, isAddressed, outlineMessage, type BotIdentity, type SeenMessage } from './receive.ts'
import { holdsMessages, Servers, type Readable, type AnnouncedServer } from './servers.ts'

/** A failure in one place mostly means a failure in all. */
const WARN_EVERY_MS = MINUTE

/** How long a silent thread stays active; only active threads are announced. */
const THREAD_LIFE_MS = 7 * DAY

/** Who has access in servers, as far as it decides what must be fetched. */
export interface IntakeRules {
  readonly requireMention: boolean
  /** Roles whose members have access: then the history's authors must be looked up. */
  readonly allowedRoles: readonly string[]
  /** Is what people say to each other handed over, too? It is for the next message to the bot. */
  readonly overhears: boolean
}

export interface IntakeOptions {
  readonly client: DiscordClient
  readonly receiver: Receiver
  readonly responder: InteractionResponder
  readonly load: FileLoader
  readonly rules: IntakeRules
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly readCursors: () => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  readonly onBot: (bot: BotIdentity) => void
  readonly signal: AbortSignal
}

/** Receives Discord's events in order and without gaps. */
export class Intake {
  readonly #options: IntakeOptions
  readonly #marks: Watermarks
  readonly #servers = new Servers()
  readonly #roles: MemberRoles
  readonly #rate: StrangerRate
  /** The newest thing that was stored in a server before this start: what is later there is unseen. */
  readonly #seenIn = new Map<string, string>()
  #bot: BotIdentity | null = null
  #warnedAt = -Infinity

  constructor(options: IntakeOptions) {
    this.#options = options
    this.#rate = new StrangerRate(options.clock)
    this.#roles = new MemberRoles(options.client, options.clock)
    this.#marks = new Watermarks({
      channel: 'discord',
      receiver: options.receiver,
      clock: options.clock,
      random: options.random,
      readCursors: () => this.#readCursors(),
      isPlace: (name) => parsePlace(name) !== null,
      compare: compareSnowflakes,
      fetch: (place, after, signal) => this.#history(parsePlace(place)!, after, signal),
      before: justBefore,
      onParked: (place, id, error) =>
        this.#options.log.error(
          { channel: 'discord', place, id },
          `what arrived could not be stored or handled and was parked: ${messageOf(error)}`,
        ),
      onTrouble: (place, error) => this.#reportTrouble(place, error),
    })
  }

  /** Reads what was stored. Must be done before the first event. Rejects only when stopped. */
  async load(): Promise<void> {
    await this.#untilStored('the stored places', () => this.#marks.load())
  }

  /** What a parked message delivers now; null: it is not there any more. @throws while Discord cannot be asked */
  async reread(input: ParkedInput, signal: AbortSignal): Promise<readonly InboundEvent[] | null> {
    // Without the bot's identity nothing could be read of it.
    if (!this.#bot) throw new TransientError('the session with Discord has not begun yet')
    return this.#marks.reread(input, signal)
  }

  /** Handles one event; slow work continues in the background, in order within each place. */
  handle({ t, d }: Dispatch): void {
    try {
      this.#handle(t, d)
    } catch (error) {
      this.#options.log.warn(
        { channel: 'discord', event: t },
        `an event of an unknown shape was passed over: ${messageOf(error)}`,
      )
    }
  }

  #handle(type: string, data: unknown): void {
    switch (type) {
      case 'READY':
        return this.#begin(data as GatewayReadyDispatchData)
      case 'GUILD_CREATE':
        return this.#server(data as AnnouncedServer)
      case 'CHANNEL_CREATE':
      case 'THREAD_CREATE':
        return this.#newChannel(data as APIChannel & { guild_id?: string; newly_created?: boolean })
      case 'THREAD_UPDATE':
        return void this.#servers.addThread(data as APIChannel)
      case 'THREAD_DELETE':
        return this.#servers.removeThread((data as APIChannel).id)
      case 'THREAD_LIST_SYNC':
        for (const thread of (data as GatewayThreadListSync).threads) this.#servers.addThread(thread)
        return
      case 'MESSAGE_CREATE':
        return this.#live(data as SeenMessage & { guild_id?: string }, false)
      case 'MESSAGE_UPDATE':
        return this.#live(data as SeenMessage & { guild_id?: string }, true)
      case 'MESSAGE_DELETE': {
        const gone = data as GatewayMessageDeleteDispatchData
        return this.#deleted(gone.guild_id, gone.channel_id, [gone.id])
      }
      case 'MESSAGE_DELETE_BULK': {
        const gone = data as GatewayMessageDeleteBulkDispatchData
        return this.#deleted(gone.guild_id, gone.channel_id, gone.ids)
      }
      case 'INTERACTION_CREATE':
        return this.#interaction(data as APIInteraction)
    }
  }

  /** A new session: whatever happened before it may have been missed. */
  #begin(ready: GatewayReadyDispatchData): void {
    const { signal, onBot, responder, log } = this.#options
    const { user, application } = ready
    const first = this.#bot === null
    this.#bot = { id: user.id, applicationId: application.id, name: user.username }
    onBot(this.#bot)
    this.#servers.clear()
    this.#marks.lost()
    // Private chats are not announced, so the known ones are read. Servers follow one by one.
    void this.#marks.catchUp(signal, (place) => parsePlace(place)?.guildId === null)
    if (first) void responder.register(application.id, signal)
    log.debug({ channel: 'discord', servers: ready.guilds.length }, 'a session with Discord has begun')
  }

  #server(server: AnnouncedServer): void {
    if (!this.#bot || server.unavailable) return
    if (!isSnowflake(server.id)) throw new TypeError('a server has no id')
    const places = this.#servers.add(server, this.#bot.id)
    void this.#readServer(server.id, places).catch(ignore)
  }

  async #readServer(guildId: string, places: readonly Readable[]): Promise<void> {
    const open = new Set<string>()
    for (const { channelId, newest: named } of places) {
      const newest = named !== null && isSnowflake(named) ? named : null
      const place = formatPlace({ guildId, channelId })
      open.add(place)
      if (!this.#marks.has(place)) {
        const from = this.#beginning(guildId, channelId, newest)
        await this.#untilStored('where a channel begins', () => this.#marks.begin(place, from))
      }
      this.#marks.newest(place, newest ?? channelId)
    }
    const seen = this.#seenIn.get(guildId)
    const newest = places.map((place) => place.newest ?? place.channelId)
    if (seen === undefined && newest.length > 0) this.#seenIn.set(guildId, newest.reduce(laterOf))
    // A thread that was archived since then is not announced, but may have received messages before.
    const since = seen === undefined ? null : earlierBy(THREAD_LIFE_MS, seen)
    const mayHaveGone = (place: string) =>
      since !== null &&
      parsePlace(place)?.guildId === guildId &&
      compareSnowflakes(this.#marks.mark(place) ?? '0', since) > 0
    await this.#marks.catchUp(this.#options.signal, (place) => open.has(place) || mayHaveGone(place))
  }

  /**
   * Where a place begins that was never seen: in a server that is new to the bot, with what comes now.
   * Where the bot has been before, a thread or channel that was made while it was away counts from its own
   * id (a forum's first post has the id of its thread), and one that was shown to it since, from when
   * it last stored anything there.
   */
  #beginning(guildId: string, channelId: string, newest: string | null): string {
    const seen = this.#seenIn.get(guildId)
    return seen === undefined ? (newest ?? channelId) : laterOf(justBefore(channelId), seen)
  }

  #newChannel(channel: APIChannel & { guild_id?: string; newly_created?: boolean }): void {
    const { guild_id: guildId, id: channelId } = channel
    if (!guildId) return
    const thread = this.#servers.addThread(channel)
    if (!thread && !holdsMessages(channel)) return
    const { last_message_id: newest } = channel as { last_message_id?: string | null }
    // The bot was let into a thread that others had before: what they said there was not for it.
    const old = thread && !channel.newly_created
    const from = old ? (newest ?? channelId) : justBefore(channelId)
    const place = formatPlace({ guildId, channelId })
    if (!parsePlace(place) || !isSnowflake(from)) throw new TypeError('a channel has no id')
    void this.#untilStored('where a channel begins', () => this.#marks.begin(place, from)).catch(ignore)
  }

  #live(message: SeenMessage & { guild_id?: string }, changed: boolean): void {
    const { signal } = this.#options
    if (!isSnowflake(message.id)) throw new TypeError('a message has no id')
    const where = { guildId: message.guild_id ?? null, channelId: message.channel_id }
    const place = formatPlace(where)
    if (!parsePlace(place)) throw new TypeError('a message stands nowhere')
    // A change in an unknown place concerns a message that was never received.
    if (changed && !this.#marks.has(place)) return
    const isQuiet = !this.#concerns(message, where)
    const item = !isQuiet || this.#options.rules.overhears ? this.#outline(message, where, changed) : null
    if (changed && !item) return
    const piece: Piece = { id: message.id, items: item ? [item] : [], isNew: !changed, isQuiet }
    void this.#marks.live(place, piece, signal).catch((error: unknown) => this.#reportTrouble(place, error))
  }

  #deleted(guildId: string | undefined, channelId: string, ids: readonly string[]): void {
    const place = formatPlace({ guildId: guildId ?? null, channelId })
    if (!this.#marks.has(place)) return
    // The mark of its place would be no id, and nothing would ever come after it.
    if (!ids.every(isSnowflake)) throw new TypeError('a deletion names no message')
    for (const id of ids) {
      const item: InboundEvent = { kind: 'deletion', address: channelId, platformMessageId: id }
      void this.#marks
        .live(place, { id, items: [item] }, this.#options.signal)
        .catch((error: unknown) => this.#reportTrouble(place, error))
    }
  }

  #interaction(interaction: APIInteraction): void {
    const { responder, receiver, signal } = this.#options
    if (!this.#bot) return
    const channelId = interaction.channel?.id
    if (!interaction.guild_id && channelId && isSnowflake(channelId) && isSnowflake(interaction.id)) {
      // From now on this private chat is known, and is looked into after a downtime.
      const place = formatPlace({ guildId: null, channelId })
      void this.#untilStored('where a chat begins', () => this.#marks.begin(place, interaction.id)).catch(
        ignore,
      )
    }
    const used = usedCommand(interaction)
    if (used) void responder.respond(used, this.#bot.applicationId, receiver, signal)
  }

  async #history(
    where: Place,
    after: string,
    signal: AbortSignal,
  ): Promise<{ readonly pieces: readonly Piece[]; readonly more: boolean } | null> {
    try {
      const { client } = this.#options
      const messages = await client.messagesAfter(where.channelId, after, signal)
      // Access to a channel is access to its threads: it must be known which channel a thread belongs to.
      if (messages.length > 0 && where.guildId !== null && !this.#servers.knows(where.channelId))
        this.#servers.addThread(await client.channel(where.channelId, signal))
      const pieces: Piece[] = []
      for (const message of messages.filter(({ id }) => isSnowflake(id))) {
        const isQuiet = !this.#concerns(message, where)
        const wanted = !isQuiet || this.#options.rules.overhears
        const groups = isQuiet ? undefined : await this.#groupsOf(message, where, signal)
        const item = wanted ? this.#outline(message, where, false, groups) : null
        pieces.push({ id: message.id, items: item ? [item] : [], isQuiet })
      }
      return { pieces, more: messages.length >= PAGE && pieces.length > 0 }
    } catch (error) {
      if (error instanceof DiscordFailure && (error.kind === 'forbidden' || error.kind === 'gone'))
        return null
      throw error
    }
  }

  async #groupsOf(
    message: SeenMessage,
    where: Place,
    signal: AbortSignal,
  ): Promise<readonly string[] | undefined> {
    const author = authorOf(message)
    if (!author || where.guildId === null || this.#options.rules.allowedRoles.length === 0) return undefined
    return this.#roles.of(where.guildId, author.id, signal)
  }

  #outline(
    message: SeenMessage,
    where: Place,
    isEdit: boolean,
    groups?: readonly string[] | undefined,
  ): InboundEvent | null {
    if (!this.#bot) return null
    return outlineMessage(message, this.#contextOf(where), { load: this.#options.load, groups }, isEdit)
  }

  /** Messages between others in a server are stored nowhere, unless one that is checked contains a secret. */
  #concerns(message: SeenMessage, where: Place): boolean {
    if (!this.#bot || where.guildId === null || !this.#options.rules.requireMention) return true
    if (isAddressed(message, this.#contextOf(where))) return true
    const author = authorOf(message)
    return (
      author !== null &&
      this.#rate.admit('discord', author.id) &&
      this.#rate.holdsSecret(message.content ?? '')
    )
  }

  #contextOf({ guildId, channelId }: Place) {
    return {
      guildId,
      parentId: this.#servers.parentOf(channelId),
      botRoleId: this.#servers.botRoleIn(guildId),
      name: this.#servers.nameOf(channelId),
      bot: this.#bot!,
    }
  }

  async #readCursors(): Promise<ReadonlyArray<Omit<Cursor, 'channel'>>> {
    const cursors = await this.#options.readCursors()
    for (const { name, value } of cursors) {
      const guildId = parsePlace(name)?.guildId
      if (guildId) this.#seenIn.set(guildId, laterOf(this.#seenIn.get(guildId) ?? value, value))
    }
    return cursors
  }

  #untilStored(what: string, work: () => Promise<void>): Promise<void> {
    const onFailure = (error: unknown) => this.#reportTrouble(what, error)
    return retryUntilStopped(work, { ...this.#options, onFailure })
  }

  #reportTrouble(what: string, error: unknown): void {
    const { clock, log, signal } = this.#options
    if (signal.aborted) return
    const text = `${what} could not be read or stored, and is tried again: ${messageOf(error)}`
    const now = clock.monotonic()
    if (now - this.#warnedAt < WARN_EVERY_MS) return log.debug({ channel: 'discord' }, text)
    this.#warnedAt = now
    log.warn({ channel: 'discord' }, text)
  }
}

function ignore(): void {}
