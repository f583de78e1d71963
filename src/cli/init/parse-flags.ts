import type { Secret } from '../../support/secret.ts'
import type { AlertChoice } from './answers.ts'

/** The options of `hermes init` on the command line. */
export interface InitFlags {
  readonly yes?: boolean
  readonly apiKeyStdin?: boolean
  readonly adoptClaudeCode?: boolean
  readonly telegramTokenStdin?: boolean
  readonly allowedUser?: readonly string[]
  readonly operator?: readonly string[]
  readonly alert?: readonly string[]
  readonly alertTokenStdin?: boolean
  readonly baseUrl?: string
  readonly sandboxUrl?: string
  readonly telegramApiRoot?: string
  /** Undefined: offer it, or skip it with `--yes`. */
  readonly service?: boolean
}

/** An invalid flag; the message is a sentence. */
export class BadFlag extends Error {}

export const NUMERIC_ID = /^\d+$/

/** `telegram:12345`, `ntfy:https://…`, `webhook:https://…`, `email:…`, `command:/path`. @throws BadFlag */
export function parseAlert(text: string, token: Secret | null): AlertChoice {
  const at = text.indexOf(':')
  const type = text.slice(0, at)
  const rest = text.slice(at + 1)
  if (at === -1 || rest === '')
    throw new BadFlag(`--alert ${text}: expected a value such as telegram:12345 or ntfy:https://…`)
  switch (type) {
    case 'telegram':
      if (!/^-?\d+$/.test(rest)) throw new BadFlag(`--alert ${text}: expected the numeric ID of a chat`)
      return { type, chat: rest }
    case 'email':
      return { type, to: rest }
    case 'webhook':
      return { type, url: rest, secret: token }
    case 'ntfy':
      if (token === null)
        throw new BadFlag('--alert ntfy needs --alert-token-stdin: anybody can read an open topic')
      return { type, url: rest, token }
    case 'command':
      return { type, run: [rest] }
    default:
      throw new BadFlag(
        `--alert ${text}: expected telegram, ntfy, webhook, email or command before the colon`,
      )
  }
}
