import type { Secret } from '../support/secret.ts'
import type { Config } from './config.ts'
import type { Environment } from './environment.ts'

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
  readonly telegram: PlatformSettings & {
    readonly apiRoot: string
    readonly botToken: Secret | null
    readonly groupAllowedChats: readonly string[]
    readonly requireMention: boolean
  }
  readonly discord: PlatformSettings & { readonly apiRoot: string | null; readonly botToken: Secret | null }
  readonly slack: PlatformSettings & {
    readonly apiRoot: string | null
    readonly botToken: Secret | null
    readonly appToken: Secret | null
  }
  readonly matrix: PlatformSettings & { readonly apiRoot: string | null; readonly accessToken: Secret | null }
  readonly email: PlatformSettings & {
    readonly address: string | null
    readonly password: Secret | null
    readonly imapHost: string | null
    readonly smtpHost: string | null
  }
}

/** The channels as they are to run: the file's keys under the environment's. */
export function resolveChannels(config: Config, environment: Environment): ChannelSettings {
  const { channels } = config
  const { telegram, discord, slack, matrix, email, gateway } = environment

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
      ...people(discord.allowedUsers, discord.homeChannel),
      enabled: channels.discord.enabled && discord.botToken !== null,
      apiRoot: channels.discord.apiRoot,
      botToken: discord.botToken,
    },
    slack: {
      ...people(slack.allowedUsers, slack.homeChannel),
      enabled: channels.slack.enabled && slack.botToken !== null && slack.appToken !== null,
      apiRoot: channels.slack.apiRoot,
      botToken: slack.botToken,
      appToken: slack.appToken,
    },
    matrix: {
      ...people(matrix.allowedUsers, null),
      apiRoot: channels.matrix.apiRoot ?? matrix.homeserver,
      enabled:
        channels.matrix.enabled &&
        matrix.accessToken !== null &&
        (channels.matrix.apiRoot ?? matrix.homeserver) !== null,
      accessToken: matrix.accessToken,
    },
    email: {
      ...people(email.allowedUsers, null),
      enabled:
        channels.email.enabled &&
        [email.address, email.password, email.imapHost, email.smtpHost].every((value) => value !== null),
      address: email.address,
      password: email.password,
      imapHost: email.imapHost,
      smtpHost: email.smtpHost,
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

/** As in Hermes Agent: in a list of allowed users it lets everybody in. */
const ANYBODY = '*'
