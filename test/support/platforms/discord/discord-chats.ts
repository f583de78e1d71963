/** The channels, threads and private chats of the simulator, with all that was ever written there. */

export const BOT = {
  id: '900000000000000001',
  username: 'hermes_test',
  global_name: null,
  bot: true,
} as const
export const APPLICATION_ID = '900000000000000002'

export interface StoredMessage {
  readonly id: string
  readonly channel_id: string
  readonly author: { readonly id: string; readonly [key: string]: unknown }
  content: string
  edited_timestamp: string | null
  readonly type: number
  readonly nonce?: string
  readonly [key: string]: unknown
}

interface StoredChannel {
  readonly id: string
  readonly type: number
  /** null: a private chat. */
  readonly guildId: string | null
  readonly parentId: string | null
  readonly overwrites: readonly object[]
  /** A thread that was put away. */
  archived?: boolean
  readonly messages: StoredMessage[]
}

interface StoredGuild {
  readonly id: string
  readonly roles: object[]
  /** Roles of people, by their id. */
  readonly members: Map<string, string[]>
}

export interface SayOptions {
  readonly author?: { readonly id: string; readonly bot?: boolean }
  /** Fields of the message in addition to the usual ones. */
  readonly message?: Readonly<Record<string, unknown>>
  readonly replyTo?: string
}

const PRIVATE = 1
/** View Channel, Send Messages, Read Message History. */
const EVERYDAY = String((1 << 10) | (1 << 11) | (1 << 16))
export const PERSON = '500000000000000001'

export class DiscordChats {
  readonly channels = new Map<string, StoredChannel>()
  readonly guilds = new Map<string, StoredGuild>()
  /** Private chats whose person has shut the bot out. */
  readonly blocked = new Set<string>()
  /** Channels in which the bot lacks the permission Add Reactions. */
  readonly withoutReactions = new Set<string>()
  readonly #reactions = new Map<string, Set<string>>()
  #lastId = 1_100_000_000_000_000_000n

  nextId(): string {
    return String((this.#lastId += 1_000n))
  }

  openPrivate(userId: string): string {
    const known = [...this.channels.values()].find(
      (channel) => channel.type === PRIVATE && channel.parentId === userId,
    )
    if (known) return known.id
    // The person stands where a thread has its channel.
    return this.#open({ id: this.nextId(), type: PRIVATE, guildId: null, parentId: userId })
  }

  addGuild(): string {
    const id = this.nextId()
    const everyone = { id, name: '@everyone', permissions: EVERYDAY }
    const own = { id: this.nextId(), name: 'hermes', permissions: '0', tags: { bot_id: BOT.id } }
    this.guilds.set(id, { id, roles: [everyone, own], members: new Map([[BOT.id, []]]) })
    return id
  }

  botRoleOf(guildId: string): string {
    return (this.guilds.get(guildId)!.roles[1] as { id: string }).id
  }

  addChannel(
    guildId: string,
    options: { readonly type?: number; readonly overwrites?: readonly object[] } = {},
  ) {
    return this.#open({ id: this.nextId(), type: 0, guildId, parentId: null, ...options })
  }

  addThread(parentId: string): string {
    const { guildId } = this.channels.get(parentId)!
    return this.#open({ id: this.nextId(), type: 11, guildId, parentId })
  }

  #open(
    channel: Omit<StoredChannel, 'messages' | 'overwrites'> & { overwrites?: readonly object[] },
  ): string {
    this.channels.set(channel.id, { overwrites: [], ...channel, messages: [] })
    return channel.id
  }

  /** As the API shows a channel. */
  shown(id: string): object {
    const { type, guildId, parentId, overwrites, messages } = this.channels.get(id)!
    return {
      id,
      type,
      ...(guildId === null ? {} : { name: 'Team', guild_id: guildId, permission_overwrites: overwrites }),
      ...(type === 11 ? { parent_id: parentId, thread_metadata: { archived: false } } : {}),
      last_message_id: messages.at(-1)?.id ?? null,
    }
  }

  /** As GUILD_CREATE tells a server. */
  told(guildId: string): object {
    const guild = this.guilds.get(guildId)!
    const of = [...this.channels.values()].filter(
      (channel) => channel.guildId === guildId && !channel.archived,
    )
    return {
      id: guildId,
      name: 'A server',
      owner_id: '1',
      roles: guild.roles,
      channels: of.filter(({ type }) => type !== 11).map(({ id }) => this.shown(id)),
      threads: of.filter(({ type }) => type === 11).map(({ id }) => this.shown(id)),
      members: [{ user: BOT, roles: guild.members.get(BOT.id) ?? [] }],
    }
  }

  write(channelId: string, content: string, options: SayOptions = {}): StoredMessage {
    const channel = this.channels.get(channelId)!
    const author = options.author ?? { id: channel.guildId === null ? channel.parentId! : PERSON }
    const replied = channel.messages.find(({ id }) => id === options.replyTo)
    const message: StoredMessage = {
      id: this.nextId(),
      channel_id: channelId,
      author: { username: `user${author.id}`, global_name: 'Ada', ...author },
      content,
      timestamp: new Date().toISOString(),
      edited_timestamp: null,
      tts: false,
      mention_everyone: false,
      mentions: [...content.matchAll(/<@!?(\d+)>/g)].map(([, id]) => ({ id, username: 'somebody' })),
      mention_roles: [...content.matchAll(/<@&(\d+)>/g)].map(([, id]) => id),
      attachments: [],
      embeds: [],
      pinned: false,
      type: options.replyTo === undefined ? 0 : 19,
      ...(replied ? { referenced_message: replied } : {}),
      ...options.message,
    }
    channel.messages.push(message)
    return message
  }

  /** What a gateway event contains in addition to the message. */
  asEvent(message: StoredMessage): object {
    const { guildId } = this.channels.get(message.channel_id)!
    if (guildId === null) return message
    const roles = this.guilds.get(guildId)!.members.get(message.author.id) ?? []
    return { ...message, guild_id: guildId, member: { roles, nick: null } }
  }

  /** The bot's own reactions to a message, in their order. */
  reactionsTo(messageId: string): Set<string> {
    const known = this.#reactions.get(messageId) ?? new Set()
    this.#reactions.set(messageId, known)
    return known
  }

  sentTo(channelId: string): readonly StoredMessage[] {
    return this.channels.get(channelId)!.messages.filter(({ author }) => author.id === BOT.id)
  }
}
