import type { Secret } from '../../support/secret.ts'

/** What was decided, by whichever way it was asked. Nothing of it is written yet. */
export interface Answers {
  readonly signIn: SignInChoice
  /** A new bot token; null = as it was. */
  readonly telegramToken: Secret | null
  readonly telegramApiRoot: string | null
  /** A new bot token of Discord; null = as it was. */
  readonly discordToken: Secret | null
  /** New tokens of a Slack app; null = as they were. */
  readonly slackTokens: { readonly bot: Secret; readonly app: Secret } | null
  /** Numeric Telegram users who may talk from now on. */
  readonly allowedUsers: readonly string[]
  /** `telegram:12345` */
  readonly operators: readonly string[]
  readonly alerts: readonly AlertChoice[]
  readonly baseUrl: string | null
  /** A simulated provider that stands for the real one, its sign-in pages included. */
  readonly sandboxUrl: string | null
}

export type SignInChoice =
  /** As it is. */
  | { readonly kind: 'keep' }
  | { readonly kind: 'api-key'; readonly key: Secret }
  /** In the browser, after everything else is written. */
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
