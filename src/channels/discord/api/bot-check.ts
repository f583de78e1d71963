import { messageOf } from '../../../support/errors.ts'
import { DiscordClient, type ClientOptions } from './client.ts'
import { DiscordFailure } from './failure.ts'

/** What can be said of a bot from outside, without receiving or sending anything. */
export type BotCheck =
  /** `contentIntent`: it may read the content of messages. */
  | { readonly kind: 'fine'; readonly username: string; readonly contentIntent: boolean }
  /** `words`: the platform's own. */
  | { readonly kind: 'bad-token'; readonly words: string }
  | { readonly kind: 'unreachable'; readonly words: string }

/** The Message Content Intent of a verified bot, and of one in fewer than a hundred servers. */
const MESSAGE_CONTENT = (1 << 18) | (1 << 19)

/** Asks Discord about a bot. */
export async function checkBot(options: ClientOptions, signal: AbortSignal): Promise<BotCheck> {
  const client = new DiscordClient(options)
  try {
    const [{ username }, { flags = 0 }] = await Promise.all([client.me(signal), client.application(signal)])
    return { kind: 'fine', username, contentIntent: (flags & MESSAGE_CONTENT) !== 0 }
  } catch (error) {
    const words = signal.aborted ? 'no answer in time' : messageOf(error)
    const bad = error instanceof DiscordFailure && error.kind === 'token'
    return { kind: bad ? 'bad-token' : 'unreachable', words }
  }
}
