import type { Secret } from '../support/secret.ts'
import type { Config } from './config.ts'
import type { Environment } from './environment/environment.ts'
import { mailServer, type MailServer } from './mail-server.ts'

/** One channel as it is to run. `enabled` is false where a token is missing, too. */
interface PlatformSettings {
  readonly enabled: boolean
  /** Ids that may talk, those of GATEWAY_ALLOWED_USERS included. Empty: nobody but the paired. */
  readonly allowedUsers: readonly string[]
  /** GATEWAY_ALLOW_ALL_USERS, or `*` in the list. */
  readonly allowAllUsers: boolean
  /** Where alerts go; null = none. */
  readonly homeChannel: string | null
}

export interface ChannelSettings {
  readonly web: { readonly enabled: boolean }
  readonly openai: { readonly enabled: boolean }
  readonly telegram: PlatformSettings & {
    readonly apiRoot: string
    readonly botToken: Secret | null
    readonly groupAllowedChats: readonly string[]
    readonly requireMention: boolean
  }
  readonly discord: PlatformSettings & {
    readonly apiRoot: string | null
    readonly botToken: Secret | null
    /** Roles whose members may talk. */
    readonly allowedRoles: readonly string[]
    /** Channels of servers in which everybody may talk. */
    readonly groupAllowedChats: readonly string[]
    readonly requireMention: boolean
  }
  readonly slack: PlatformSettings & {
    readonly apiRoot: string | null
    readonly botToken: Secret | null
    readonly appToken: Secret | null
    readonly groupAllowedChats: readonly string[]
    readonly requireMention: boolean
  }
  readonly matrix: PlatformSettings & {
    readonly apiRoot: string | null
    readonly accessToken: Secret | null
    /** Rooms in which everybody may talk. */
    readonly groupAllowedChats: readonly string[]
    readonly requireMention: boolean
    /** The operators among its users, who may bring the bot into rooms like those who may talk. */
    readonly operators: readonly string[]
  }
  readonly email: PlatformSettings & {
    readonly address: string | null
    readonly password: Secret | null
    /** The account's name at both servers; null where no address is known. */
    readonly username: string | null
    readonly imap: MailServer | null
    readonly smtp: MailServer | null
    readonly mailbox: string
    /** Mails of one person that are answered within an hour. */
    readonly mailsPerHour: number
    /** Whose verdict on senders is believed; null = nobody's, so that nobody's mail is taken. */
    readonly authservId: string | null
  }
}

/** The channels as they are to run: the file's keys under the environment's. */
export function resolveChannels(config: Config, environment: Environment): ChannelSettings {
  const { channels } = config
  const { telegram, discord, slack, matrix, email, gateway } = environment

  const imap = mailServer('imap', email.imapHost, channels.email.imap)
  const smtp = mailServer('smtp', email.smtpHost, channels.email.smtp)

  const people = (own: readonly string[] | null, homeChannel: string | null) => {
    const listed = [...(own ?? []), ...(gateway.allowedUsers ?? [])]
    return {
      allowedUsers: [...new Set(listed.filter((user) => user !== ANYBODY))],
      allowAllUsers: gateway.allowAllUsers || listed.includes(ANYBODY),
      homeChannel,
    }
  }

  return {
    web: { enabled: channels.web.enabled },
    openai: { enabled: channels.openai.enabled },
    telegram: {
      ...people(
        telegram.allowedUsers ?? channels.telegram.allowedUsers,
        telegram.homeChannel ?? channels.telegram.homeChannel,
      ),
      enabled: channels.telegram.enabled && telegram.botToken !== null,
      apiRoot: channels.telegram.apiRoot,
      botToken: telegram.botToken,
      groupAllowedChats: telegram.groupAllowedChats ?? channels.telegram.groupAllowedChats,
      requireMention: telegram.requireMention ?? channels.telegram.requireMention,
    },
    discord: {
      ...people(
        discord.allowedUsers ?? channels.discord.allowedUsers,
        discord.homeChannel ?? channels.discord.homeChannel,
      ),
      enabled: channels.discord.enabled && discord.botToken !== null,
      apiRoot: channels.discord.apiRoot,
      botToken: discord.botToken,
      allowedRoles: channels.discord.allowedRoles,
      groupAllowedChats: channels.discord.allowedChannels,
      requireMention: channels.discord.requireMention,
    },
    slack: {
      ...people(
        slack.allowedUsers ?? channels.slack.allowedUsers,
        slack.homeChannel ?? channels.slack.homeChannel,
      ),
      enabled: channels.slack.enabled && slack.botToken !== null && slack.appToken !== null,
      apiRoot: channels.slack.apiRoot,
      botToken: slack.botToken,
      appToken: slack.appToken,
      groupAllowedChats: channels.slack.allowedChannels,
      requireMention: channels.slack.requireMention,
    },
    matrix: {
      ...people(matrix.allowedUsers ?? channels.matrix.allowedUsers, channels.matrix.homeChannel),
      apiRoot: channels.matrix.apiRoot ?? matrix.homeserver,
      enabled:
        channels.matrix.enabled &&
        matrix.accessToken !== null &&
        (channels.matrix.apiRoot ?? matrix.homeserver) !== null,
      accessToken: matrix.accessToken,
      groupAllowedChats: channels.matrix.allowedRooms,
      requireMention: channels.matrix.requireMention,
      operators: config.gateway.operators.flatMap(({ channel, user }) =>
        channel === 'matrix' ? [user] : [],
      ),
    },
    email: {
      ...lowerCase(people(email.allowedUsers ?? channels.email.allowedUsers, null)),
      enabled:
        channels.email.enabled &&
        [email.address, email.password, imap, smtp].every((value) => value !== null),
      address: email.address,
      password: email.password,
      username: channels.email.username ?? email.address,
      imap,
      smtp,
      mailbox: channels.email.mailbox,
      mailsPerHour: channels.email.mailsPerHour,
      authservId: channels.email.authservId,
    },
  }
}

/** The chats that are meant for the operator: every `*_HOME_CHANNEL`. */
export function homeChannels(channels: ChannelSettings): Array<{ channel: string; address: string }> {
  return Object.entries(channels).flatMap(([channel, settings]) => {
    const address: unknown = 'homeChannel' in settings ? settings.homeChannel : null
    return typeof address === 'string' ? [{ channel, address }] : []
  })
}

/** No mail server that matters tells `Anna@` from `anna@`, and people write both. */
function lowerCase<People extends { readonly allowedUsers: readonly string[] }>(people: People): People {
  return { ...people, allowedUsers: people.allowedUsers.map((user) => user.toLowerCase()) }
}

/** As in Hermes Agent: in a list of allowed users it lets everybody in. */
const ANYBODY = '*'
