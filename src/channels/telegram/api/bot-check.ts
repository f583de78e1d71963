import { messageOf } from '../../../support/errors.ts'
import { TelegramClient, type ClientOptions } from './client.ts'
import { TelegramFailure } from './failure.ts'

/** What can be said of a bot from outside, without receiving or sending anything. */
export type BotCheck =
  | { readonly kind: 'fine'; readonly username: string }
  /** `words`: the platform's own. */
  | { readonly kind: 'bad-token'; readonly words: string }
  | { readonly kind: 'unreachable'; readonly words: string }
  /** Telegram sends updates to `host`, so polling gets none. */
  | { readonly kind: 'webhook'; readonly username: string; readonly host: string }
  /** Another program receives with the same token. */
  | { readonly kind: 'taken'; readonly username: string; readonly words: string }

/**
 * Two that poll with one token throw each other out: who waits is thrown out by the other's next
 * poll, which comes at once with most programs. Short enough for the person who waits for the check.
 */
const LISTEN_SECONDS = 3

/**
 * Asks the platform about a bot.
 *
 * @param options.listen also finds out whether another program receives with this token: only
 *   where none of ours does. Nothing is taken away from it: an update is confirmed only by asking
 *   with an offset, and none is given.
 */
export async function checkBot(
  options: ClientOptions & { readonly listen: boolean },
  signal: AbortSignal,
): Promise<BotCheck> {
  const client = new TelegramClient(options)
  try {
    const { username } = await client.getMe(signal)
    const { url = '' } = await client.getWebhookInfo(signal)
    if (url !== '') {
      return { kind: 'webhook', username, host: URL.canParse(url) ? new URL(url).host : 'another server' }
    }
    if (!options.listen) return { kind: 'fine', username }
    const problem = await listen(client, signal)
    return problem === null ? { kind: 'fine', username } : { kind: 'taken', username, words: problem }
  } catch (error) {
    const words = signal.aborted ? 'no answer in time' : messageOf(error)
    const bad = error instanceof TelegramFailure && error.kind === 'token'
    return { kind: bad ? 'bad-token' : 'unreachable', words }
  }
}

/** null: no other program was noticed. */
async function listen(client: TelegramClient, signal: AbortSignal): Promise<string | null> {
  try {
    const request = { offset: null, waitSeconds: LISTEN_SECONDS, allowed: null, limit: 1 }
    await client.getUpdates(request, signal)
    return null
  } catch (error) {
    return error instanceof TelegramFailure && error.kind === 'conflict' ? error.message : null
  }
}
