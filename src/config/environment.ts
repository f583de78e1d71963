import type { Secret } from '../support/secret.ts'

/**
 * What the process environment and the home's `.env` say, typed, with secrets
 * wrapped. null = not set; an empty variable counts as not set.
 */
export interface Environment {
  readonly anthropic: {
    /** May hold an OAuth token: many set it so. */
    readonly apiKey: Secret | null
    readonly authToken: Secret | null
    readonly token: Secret | null
    readonly claudeCodeOauthToken: Secret | null
    readonly baseUrl: string | null
  }
  readonly claudeConfigDir: string | null
  readonly network: NetworkEnvironment
  readonly telegram: {
    readonly botToken: Secret | null
    /** Numeric ids, or `*`. */
    readonly allowedUsers: readonly string[] | null
    readonly groupAllowedChats: readonly string[] | null
    readonly homeChannel: string | null
    readonly requireMention: boolean | null
  }
  readonly discord: {
    readonly botToken: Secret | null
    readonly allowedUsers: readonly string[] | null
    readonly homeChannel: string | null
  }
  readonly slack: {
    readonly botToken: Secret | null
    readonly appToken: Secret | null
    readonly allowedUsers: readonly string[] | null
    readonly homeChannel: string | null
  }
  readonly matrix: {
    readonly homeserver: string | null
    readonly accessToken: Secret | null
    readonly allowedUsers: readonly string[] | null
  }
  readonly email: {
    readonly address: string | null
    readonly password: Secret | null
    readonly imapHost: string | null
    readonly smtpHost: string | null
    readonly allowedUsers: readonly string[] | null
  }
  readonly gateway: {
    readonly allowedUsers: readonly string[] | null
    readonly allowAllUsers: boolean
  }
  /** Which of the two places each variable that is set was taken from. */
  readonly origins: ReadonlyMap<EnvironmentKey, EnvironmentOrigin>
}

export interface NetworkEnvironment {
  /** May hold a password. */
  readonly httpsProxy: Secret | null
  readonly noProxy: string | null
  /** Path of a PEM file with further certificate authorities. */
  readonly extraCaCerts: string | null
}

export type EnvironmentOrigin = 'process environment' | '.env'

/** A variable whose value cannot be used; it counts as not set. `message` never holds the value. */
export interface EnvironmentProblem {
  readonly key: EnvironmentKey
  readonly message: string
}

export const ENVIRONMENT_KEYS = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'ANTHROPIC_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'ANTHROPIC_BASE_URL',
  'CLAUDE_CONFIG_DIR',
  'HTTPS_PROXY',
  'NO_PROXY',
  'NODE_EXTRA_CA_CERTS',
  'TELEGRAM_BOT_TOKEN',
  'TELEGRAM_ALLOWED_USERS',
  'TELEGRAM_GROUP_ALLOWED_CHATS',
  'TELEGRAM_HOME_CHANNEL',
  'TELEGRAM_REQUIRE_MENTION',
  'DISCORD_BOT_TOKEN',
  'DISCORD_ALLOWED_USERS',
  'DISCORD_HOME_CHANNEL',
  'SLACK_BOT_TOKEN',
  'SLACK_APP_TOKEN',
  'SLACK_ALLOWED_USERS',
  'SLACK_HOME_CHANNEL',
  'MATRIX_HOMESERVER',
  'MATRIX_ACCESS_TOKEN',
  'MATRIX_ALLOWED_USERS',
  'EMAIL_ADDRESS',
  'EMAIL_PASSWORD',
  'EMAIL_IMAP_HOST',
  'EMAIL_SMTP_HOST',
  'EMAIL_ALLOWED_USERS',
  'GATEWAY_ALLOWED_USERS',
  'GATEWAY_ALLOW_ALL_USERS',
] as const

export type EnvironmentKey = (typeof ENVIRONMENT_KEYS)[number]
