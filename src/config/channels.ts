import type { Secret } from '../support/secret.ts'

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
