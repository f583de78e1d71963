import type { APIChannel, APIGuildMember, APIOverwrite, APIRole } from 'discord-api-types/v10'
import { isSnowflake } from '../api/snowflake.ts'
import { mayRead, type Rights } from './permissions.ts'

/** A server as announced when a session begins; only the fields used here. */
export interface AnnouncedServer {
  readonly id: string
  readonly unavailable?: boolean
  readonly owner_id: string
  readonly roles: readonly APIRole[]
  readonly channels: readonly APIChannel[]
  readonly threads: readonly APIChannel[]
  readonly members: readonly APIGuildMember[]
}

/** Channels in which something is said: text, voice, announcements, stages. Forums only hold threads. */
const MESSAGE_CHANNELS: ReadonlySet<number> = new Set([0, 2, 5, 13])
const THREADS: ReadonlySet<number> = new Set([10, 11, 12])

/** A channel or thread that the bot may read. */
export interface Readable {
  readonly channelId: string
  readonly thread: boolean
  /** The newest message that was ever written there; null = none. */
  readonly newest: string | null
}

/** What is remembered of servers: the bot's own role there, and where each thread belongs. Little, whatever their size. */
export class Servers {
  readonly #botRoles = new Map<string, string>()
  /** The channel of a thread, by the thread's id. */
  readonly #parents = new Map<string, string>()
  /** What channels and threads are called, by their ids. */
  readonly #names = new Map<string, string>()
  /** Channels that are no threads. */
  readonly #plain = new Set<string>()

  clear(): void {
    this.#plain.clear()
    this.#botRoles.clear()
    this.#parents.clear()
    this.#names.clear()
  }

  botRoleIn(guildId: string | null): string | null {
    return guildId === null ? null : (this.#botRoles.get(guildId) ?? null)
  }

  nameOf(channelId: string): string | null {
    return this.#names.get(channelId) ?? null
  }

  parentOf(channelId: string): string | null {
    return this.#parents.get(channelId) ?? null
  }

  /** Is it known whether this is a thread? Archived threads are not announced. */
  knows(channelId: string): boolean {
    return this.#plain.has(channelId) || this.#parents.has(channelId)
  }

  /** @returns false: not a thread */
  addThread(channel: APIChannel): boolean {
    if (typeof channel.name === 'string') this.#names.set(channel.id, channel.name)
    if (!isThread(channel)) {
      this.#plain.add(channel.id)
      return false
    }
    const { parent_id: parentId } = channel as { parent_id?: string | null }
    if (parentId) this.#parents.set(channel.id, parentId)
    return true
  }

  removeThread(id: string): void {
    this.#parents.delete(id)
    this.#names.delete(id)
  }

  /** Adds a server. @returns the channels and threads in it that the bot may read */
  add(server: AnnouncedServer, botId: string): readonly Readable[] {
    const channels = server.channels.filter(isNamed)
    const threads = server.threads.filter(isNamed)
    const own = server.roles.find(({ tags }) => tags?.bot_id === botId)
    if (own) this.#botRoles.set(server.id, own.id)
    const rights: Rights = {
      guildId: server.id,
      ownerId: server.owner_id,
      botId,
      roles: server.roles,
      member: server.members.find(({ user }) => user?.id === botId) ?? null,
    }
    const open = channels.filter((channel) => mayRead(rights, overwritesOf(channel)))
    const openIds = new Set(open.map(({ id }) => id))
    for (const channel of [...channels, ...threads]) this.addThread(channel)
    return [
      ...open.filter((channel) => holdsMessages(channel)).map(readable),
      // Only threads that the bot may see are announced; read access is that of their channel.
      ...threads
        .filter((thread) => isThread(thread) && openIds.has(this.parentOf(thread.id) ?? ''))
        .map(readable),
    ]
  }
}

/** One that is none costs the others nothing. */
function isNamed(channel: APIChannel | null): channel is APIChannel {
  return isSnowflake(channel?.id ?? '')
}

export function isThread({ type }: APIChannel): boolean {
  return THREADS.has(type)
}

export function holdsMessages({ type }: APIChannel): boolean {
  return MESSAGE_CHANNELS.has(type)
}

export function readable(channel: APIChannel): Readable {
  const { last_message_id: newest } = channel as { last_message_id?: string | null }
  return { channelId: channel.id, thread: isThread(channel), newest: newest ?? null }
}

function overwritesOf(channel: APIChannel): readonly APIOverwrite[] {
  return 'permission_overwrites' in channel ? (channel.permission_overwrites ?? []) : []
}
