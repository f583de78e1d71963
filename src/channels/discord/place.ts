import { isSnowflake } from './api/snowflake.ts'

/**
 * Where something is said: a private chat, a channel of a server or a thread. Threads are channels
 * with ids of their own. As text (the name of its cursor): `dm/<channel>` or `<server>/<channel>`.
 */
export interface Place {
  /** null: a private chat. */
  readonly guildId: string | null
  readonly channelId: string
}

const PRIVATE = 'dm'

export function formatPlace({ guildId, channelId }: Place): string {
  return `${guildId ?? PRIVATE}/${channelId}`
}

/** Null: not a place. */
export function parsePlace(name: string): Place | null {
  const [guild = '', channelId = '', ...rest] = name.split('/')
  if (rest.length > 0 || !isSnowflake(channelId)) return null
  if (guild === PRIVATE) return { guildId: null, channelId }
  return isSnowflake(guild) ? { guildId: guild, channelId } : null
}
