import type { Config } from './config.ts'
import type { Environment } from './environment/environment.ts'
import { mailServer } from './mail-server.ts'
import type { PlatformName } from './person-ids.ts'

type Resolved = ReturnType<typeof resolveChannels>

/** Every channel's effective settings; `enabled` is false where a token is missing, too. */
export type ChannelSettings = { readonly [Name in keyof Resolved]: Readonly<Resolved[Name]> }

/** Who has access on a channel. */
interface People {
  /** Ids with access, those of GATEWAY_ALLOWED_USERS included. Empty: only paired people. */
  readonly allowedUsers: readonly string[]
  /** GATEWAY_ALLOW_ALL_USERS, or `*` in the list. */
  readonly allowAllUsers: boolean
  /** Where alerts go; null = none. */
  readonly homeChannel: string | null
}

/**
 * The effective channel settings: the file's keys, overridden by the environment. Rooms
 * open to everybody are `groupAllowedChats` on each of them.
 */
export function resolveChannels({ channels, gateway: { operators } }: Config, environment: Environment) {
  const { web, openai } = channels
  const { telegram, discord, slack, matrix, email, gateway } = environment
  const imap = mailServer('imap', email.imapHost, channels.email.imap)
  const smtp = mailServer('smtp', email.smtpHost, channels.email.smtp)
  const homeserver = channels.matrix.apiRoot ?? matrix.homeserver

  const people = (allowedUsers: readonly string[], homeChannel: string | null): People => {
    const listed = [...allowedUsers, ...(gateway.allowedUsers ?? [])]
    return {
      allowedUsers: [...new Set(listed.filter((user) => user !== ANYBODY))],
      allowAllUsers: gateway.allowAllUsers || listed.includes(ANYBODY),
      homeChannel,
    }
  }

  return {
    web,
    openai,
    telegram: {
      ...channels.telegram,
      ...people(
        telegram.allowedUsers ?? channels.telegram.allowedUsers,
        telegram.homeChannel ?? channels.telegram.homeChannel,
      ),
      enabled: channels.telegram.enabled && telegram.botToken !== null,
      botToken: telegram.botToken,
      groupAllowedChats: telegram.groupAllowedChats ?? channels.telegram.groupAllowedChats,
      requireMention: telegram.requireMention ?? channels.telegram.requireMention,
    },
    discord: {
      ...channels.discord,
      ...people(
        discord.allowedUsers ?? channels.discord.allowedUsers,
        discord.homeChannel ?? channels.discord.homeChannel,
      ),
      enabled: channels.discord.enabled && discord.botToken !== null,
      botToken: discord.botToken,
      groupAllowedChats: channels.discord.allowedChannels,
    },
    slack: {
      ...channels.slack,
      ...people(
        slack.allowedUsers ?? channels.slack.allowedUsers,
        slack.homeChannel ?? channels.slack.homeChannel,
      ),
      enabled: channels.slack.enabled && slack.botToken !== null && slack.appToken !== null,
      botToken: slack.botToken,
      appToken: slack.appToken,
      groupAllowedChats: channels.slack.allowedChannels,
    },
    matrix: {
      ...channels.matrix,
      ...people(matrix.allowedUsers ?? channels.matrix.allowedUsers, channels.matrix.homeChannel),
      apiRoot: homeserver,
      enabled: channels.matrix.enabled && matrix.accessToken !== null && homeserver !== null,
      accessToken: matrix.accessToken,
      groupAllowedChats: channels.matrix.allowedRooms,
      /** They may invite the bot, like those with access. */
      operators: operators.flatMap(({ channel, user }) => (channel === 'matrix' ? [user] : [])),
    },
    email: {
      ...channels.email,
      ...lowerCase(people(email.allowedUsers ?? channels.email.allowedUsers, null)),
      enabled:
        channels.email.enabled &&
        [email.address, email.password, imap, smtp].every((value) => value !== null),
      address: email.address,
      password: email.password,
      username: channels.email.username ?? email.address,
      imap,
      smtp,
    },
  } satisfies Readonly<Record<PlatformName | 'web' | 'openai', object>>
}

/** The operator's chats: every `*_HOME_CHANNEL`. */
export function homeChannels(channels: ChannelSettings): Array<{ channel: string; address: string }> {
  return Object.entries(channels).flatMap(([channel, settings]) => {
    const address: unknown = 'homeChannel' in settings ? settings.homeChannel : null
    return typeof address === 'string' ? [{ channel, address }] : []
  })
}

/** How many lines of a group a mention brings along, by the name of the channel. */
export function groupContexts(channels: ChannelSettings): ReadonlyMap<string, number> {
  const limits = Object.entries(channels).flatMap(([channel, settings]) =>
    'groupContext' in settings ? ([[channel, settings.groupContext]] as const) : [],
  )
  return new Map(limits)
}

/** No common mail server distinguishes `Anna@` from `anna@`, and people write both. */
function lowerCase(people: People): People {
  return { ...people, allowedUsers: people.allowedUsers.map((user) => user.toLowerCase()) }
}

/** As in Hermes Agent: in a list of allowed users it gives everybody access. */
const ANYBODY = '*'
