import type { Secret } from '../support/secret.ts'
import type { MailServerConfig } from './mail-server.ts'
import type { Texts } from './texts.ts'

/**
 * The configuration as the program uses it: checked, complete, with durations in
 * milliseconds and secrets wrapped. `config.yaml` has the same shape in snake_case.
 */
export interface Config {
  readonly model: ModelConfig
  readonly auth: AuthConfig
  readonly gateway: GatewayConfig
  readonly storage: StorageConfig
  /** In order of trial. Empty: every home channel, then the operators' private chats. */
  readonly alerts: readonly AlertRouteConfig[]
  readonly webhooks: readonly WebhookConfig[]
  readonly channels: ChannelsConfig
}

export interface ModelConfig {
  readonly provider: 'anthropic'
  /** The model's id. */
  readonly default: string
  /** Without a trailing slash and without `/v1`. */
  readonly baseUrl: string
  /** Tokens of one answer at most. */
  readonly maxTokens: number
  /** Tokens of the model's context window, to which the history is trimmed. */
  readonly contextLength: number
}

export interface AuthConfig {
  /** `auto`: only beside a configured OAuth token that has no refresh source. */
  readonly adoptClaudeCode: 'auto' | boolean
  readonly fallbackApiKey: boolean
  /** The argv of a program that prints a token; null = none. */
  readonly refreshCommand: readonly string[] | null
  readonly oauth: OAuthConfig
}

export interface OAuthConfig {
  readonly authorizeUrl: string
  /** In order of trial; at least one. */
  readonly tokenUrls: readonly string[]
  readonly clientId: string
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly userAgent: string
  /** Further headers of requests to the token endpoint. */
  readonly headers: Readonly<Record<string, string>>
}

export interface GatewayConfig {
  readonly host: string
  readonly port: number
  /** Origins (`https://host[:port]`, no path) by which people reach the gateway. */
  readonly publicUrls: readonly string[]
  readonly operators: readonly Operator[]
  readonly hold: HoldConfig
  readonly retention: RetentionConfig
  /** Every sentence that people read, the operator's replacements included. */
  readonly texts: Texts
  /** Conversations answered at the same time. */
  readonly concurrency: number
  /** Messages a minute that one person may send. */
  readonly personRate: number
  /** Held turns begun a second after an outage. */
  readonly drainRate: number
  readonly logLevel: LogLevel
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error'

/** Who may run /login and operator commands, written `telegram:12345`. */
export interface Operator {
  readonly channel: string
  readonly user: string
}

export interface HoldConfig {
  /** Milliseconds of observed outage after which a held message is given up. */
  readonly maxAgeMs: number
  readonly maxPerConversation: number
  readonly maxTotal: number
  /** Messages of one person held together become one turn. */
  readonly merge: boolean
}

export interface RetentionConfig {
  readonly messagesMs: number
  readonly attachmentsMs: number
  readonly figuresMs: number
}

export type StorageConfig =
  | { readonly kind: 'sqlite' }
  /** `url` may hold a password. */
  | {
      readonly kind: 'postgres'
      readonly url: Secret
      /** Holds the key that the sign-in in the database is encrypted with; null = `HERMES_SECRET_KEY` does. */
      readonly secretKeyFile: string | null
    }

export type AlertRouteConfig =
  | { readonly type: 'telegram'; readonly chat: string }
  /** `smtp`: `smtps://user:password@host:465`; null = the EMAIL_* variables. */
  | {
      readonly type: 'email'
      readonly to: string
      readonly from: string | null
      readonly smtp: Secret | null
    }
  | { readonly type: 'webhook'; readonly url: Secret; readonly secret: Secret | null }
  | { readonly type: 'ntfy'; readonly url: Secret; readonly token: Secret | null }
  | { readonly type: 'command'; readonly run: readonly string[] }

/** A way in for other programs: `POST /hooks/<name>`. */
export interface WebhookConfig {
  /** Unique. */
  readonly name: string
  /** `whsec_…` or any text. */
  readonly secret: Secret
  /** The chat that gets the answer, in its channel's own notation. */
  readonly deliverTo: { readonly channel: string; readonly address: string }
  /** With `{{body}}` in it; null = the usual one. */
  readonly prompt: string | null
}

export interface ChannelsConfig {
  readonly web: { readonly enabled: boolean }
  readonly openai: { readonly enabled: boolean }
  readonly telegram: TelegramConfig
  readonly discord: DiscordConfig
  readonly slack: SlackConfig
  readonly matrix: MatrixConfig
  readonly email: EmailConfig
}

export interface PlatformConfig {
  /** false keeps the channel closed although its token is there. */
  readonly enabled: boolean
  /** null = the platform's own address. Without a trailing slash. */
  readonly apiRoot: string | null
}

export interface SlackConfig extends PlatformConfig {
  /** Member IDs; the variables of the environment win over these. */
  readonly allowedUsers: readonly string[]
  /** Channels in which anybody may talk. */
  readonly allowedChannels: readonly string[]
  readonly homeChannel: string | null
  /** In a channel, answer only when mentioned, or in a thread that it has a part in. */
  readonly requireMention: boolean
}

export interface TelegramConfig {
  readonly enabled: boolean
  readonly apiRoot: string
  /** Numeric ids; the variables of the environment win over these. */
  readonly allowedUsers: readonly string[]
  readonly groupAllowedChats: readonly string[]
  readonly homeChannel: string | null
  /** In a group, answer only when mentioned or replied to. */
  readonly requireMention: boolean
}

export interface MatrixConfig extends PlatformConfig {
  /** User ids; the variable of the environment wins over these. */
  readonly allowedUsers: readonly string[]
  /** Rooms in which everybody may talk. */
  readonly allowedRooms: readonly string[]
  readonly homeChannel: string | null
  /** In a room of several people, answer only when mentioned or replied to. */
  readonly requireMention: boolean
}

export interface EmailConfig {
  /** false keeps the channel closed although its password is there. */
  readonly enabled: boolean
  /** Mail addresses; the variable of the environment wins over these. */
  readonly allowedUsers: readonly string[]
  /** Whose verdict on senders is believed; null = nobody's, so that nobody's mail is taken. */
  readonly authservId: string | null
  /** null = the mail address. */
  readonly username: string | null
  readonly mailbox: string
  /** Mails of one person that are answered within an hour. */
  readonly mailsPerHour: number
  readonly imap: MailServerConfig
  readonly smtp: MailServerConfig
}

export interface DiscordConfig extends PlatformConfig {
  /** Numeric ids; the variables of the environment win over this and the home channel. */
  readonly allowedUsers: readonly string[]
  /** Roles whose members may talk in servers. */
  readonly allowedRoles: readonly string[]
  /** Channels of servers in which everybody may talk. */
  readonly allowedChannels: readonly string[]
  readonly homeChannel: string | null
  /** In a server, answer only when mentioned or replied to. */
  readonly requireMention: boolean
}
