import type { APIGuildMember, APIOverwrite, APIRole } from 'discord-api-types/v10'

const ADMINISTRATOR = 1n << 3n
const VIEW_CHANNEL = 1n << 10n
const READ_MESSAGE_HISTORY = 1n << 16n
const READ = VIEW_CHANNEL | READ_MESSAGE_HISTORY

/** What decides who may read in a server. */
export interface Rights {
  readonly guildId: string
  readonly ownerId: string
  readonly botId: string
  readonly roles: ReadonlyArray<Pick<APIRole, 'id' | 'permissions'>>
  /** The bot itself there; null = not told: it may try everywhere, and is refused where it may not. */
  readonly member: Pick<APIGuildMember, 'roles'> | null
}

/**
 * May the bot see a channel and read what was said there? Pure.
 *
 * @see https://discord.com/developers/docs/topics/permissions#permission-overwrites
 */
export function mayRead(rights: Rights, overwrites: readonly APIOverwrite[]): boolean {
  const { guildId, ownerId, botId, roles, member } = rights
  if (member === null || ownerId === botId) return true
  const own = new Set([guildId, ...member.roles])
  let permissions = 0n
  for (const role of roles) if (own.has(role.id)) permissions |= BigInt(role.permissions)
  if (permissions & ADMINISTRATOR) return true
  const apply = (matching: readonly APIOverwrite[]) => {
    for (const { deny } of matching) permissions &= ~BigInt(deny)
    for (const { allow } of matching) permissions |= BigInt(allow)
  }
  apply(overwrites.filter(({ id }) => id === guildId))
  apply(overwrites.filter(({ id }) => id !== guildId && own.has(id)))
  apply(overwrites.filter(({ id }) => id === botId))
  return (permissions & READ) === READ
}
