import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import type { Secret } from '../../../support/secret.ts'
import { SlackClient } from './client.ts'
import { BOT_SCOPES, REACTIONS_SCOPE, troubleOf, type TokenOf } from './trouble.ts'

/** What can be said of an app from outside, without receiving or sending anything. */
export type AppCheck =
  | { readonly kind: 'fine'; readonly name: string; readonly team: string }
  /** `words` hold the platform's own. */
  | { readonly kind: 'bad-token'; readonly token: TokenOf; readonly words: string }
  | { readonly kind: 'unreachable'; readonly words: string }
  /** The bot is there and may not do everything that the channel does. */
  | { readonly kind: 'scopes'; readonly name: string; readonly missing: readonly string[] }

/** Checks both tokens of an app. No socket is opened, so no existing connection is disturbed. */
export async function checkApp(
  options: {
    readonly botToken: Secret
    readonly appToken: Secret
    readonly apiRoot: string | null
    /** Are messages to be marked? Then a scope more is needed. */
    readonly reactions: boolean
    readonly log: Log
  },
  signal: AbortSignal,
): Promise<AppCheck> {
  const { botToken, appToken, apiRoot, reactions, log } = options
  const common = { apiRoot, log }
  let token: TokenOf = 'bot'
  try {
    const { name, team, scopes } = await new SlackClient({ ...common, token: botToken }).authTest(signal)
    token = 'app'
    await new SlackClient({ ...common, token: appToken }).openConnection(signal)
    const wanted = Object.keys(BOT_SCOPES).filter((scope) => reactions || scope !== REACTIONS_SCOPE)
    const missing = scopes === null ? [] : wanted.filter((scope) => !scopes.includes(scope))
    return missing.length > 0 ? { kind: 'scopes', name, missing } : { kind: 'fine', name, team }
  } catch (error) {
    if (signal.aborted) return { kind: 'unreachable', words: 'no answer in time' }
    const trouble = troubleOf(error, token)
    return trouble?.state === 'failed'
      ? { kind: 'bad-token', token, words: trouble.problem }
      : { kind: 'unreachable', words: messageOf(error) }
  }
}
