import type { Secret } from '../../support/secret.ts'

/** The decisions, from prompts or from flags. Nothing is written yet. */
export interface Answers {
  readonly signIn: SignInChoice
  /** A new bot token; null = unchanged. */
  readonly telegramToken: Secret | null
  readonly telegramApiRoot: string | null
  /** A new Discord bot token; null = unchanged. */
  readonly discordToken: Secret | null
  /** New tokens of a Slack app; null = unchanged. */
  readonly slackTokens: { readonly bot: Secret; readonly app: Secret } | null
  /** Numeric IDs of Telegram users to add to the allowlist. */
  readonly allowedUsers: readonly string[]
  /** `telegram:12345` */
  readonly operators: readonly string[]
  readonly alerts: readonly AlertChoice[]
  readonly baseUrl: string | null
  /** A simulated provider to use instead of the real one, sign-in pages included. */
  readonly sandboxUrl: string | null
}

export type SignInChoice =
  /** Unchanged. */
  | { readonly kind: 'keep' }
  | { readonly kind: 'api-key'; readonly key: Secret }
  /** In the browser, after everything else has been written. */
  | { readonly kind: 'account' }
  | { readonly kind: 'claude-code' }

export type AlertChoice =
  | { readonly type: 'telegram'; readonly chat: string }
  | { readonly type: 'email'; readonly to: string }
  | { readonly type: 'webhook'; readonly url: string; readonly secret: Secret | null }
  | { readonly type: 'ntfy'; readonly url: string; readonly token: Secret }
  | { readonly type: 'command'; readonly run: readonly string[] }

export const NO_ANSWERS: Answers = {
  signIn: { kind: 'keep' },
  telegramToken: null,
  telegramApiRoot: null,
  discordToken: null,
  slackTokens: null,
  allowedUsers: [],
  operators: [],
  alerts: [],
  baseUrl: null,
  sandboxUrl: null,
}
