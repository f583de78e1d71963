import { setTimeout as pause } from 'node:timers/promises'
import type { Update } from 'grammy/types'
import { MINUTE, SECOND, type Clock } from '../../../support/clock.ts'
import { ALLOWED_UPDATES } from '../intake/receive.ts'
import { TelegramClient, type ClientOptions } from './client.ts'

/** How long a code is waited for: time to find the phone and the bot. */
export const CODE_LIFETIME_MS = 10 * MINUTE

/** The server answers at once while something waits that is not ours: asked once a second then. */
const PAUSE_MS = SECOND
const LONG_POLL_SECONDS = 25
/** As many as the server gives at once; what stands behind them cannot be seen without confirming them. */
const PAGE = 100

export type OperatorSearch =
  | { readonly kind: 'found'; readonly id: string; readonly name: string }
  /** Nobody sent the code in time. */
  | { readonly kind: 'nobody' }
  /** More messages wait for the bot than can be looked through. */
  | { readonly kind: 'crowded' }

/**
 * Waits until somebody sends `code` to the bot in a private chat, and says who it was. To be
 * used only while no gateway receives with this token.
 *
 * What other people wrote in the meantime is left for the gateway: Telegram's confirmation
 * covers everything before an update, so it is given only where nothing of theirs is there.
 *
 * @throws TelegramFailure when the platform cannot be asked, or somebody else receives
 */
export async function findOperator(
  options: ClientOptions & { readonly code: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<OperatorSearch> {
  const { code, clock } = options
  const client = new TelegramClient(options)
  const until = clock.now() + CODE_LIFETIME_MS
  let waiting = 0
  while (clock.now() < until) {
    const waitSeconds = waiting > 0 ? 0 : LONG_POLL_SECONDS
    const updates = updatesIn(
      await client.getUpdates({ offset: null, waitSeconds, allowed: ALLOWED_UPDATES }, signal),
    )
    const found = updates.find((update) => carries(update, code))
    if (found?.message?.from) {
      const { id, first_name: name } = found.message.from
      const before = updates.filter((update) => update.update_id <= found.update_id)
      if (before.every((update) => update.message?.from?.id === id)) {
        await client.getUpdates(
          { offset: found.update_id + 1, waitSeconds: 0, allowed: ALLOWED_UPDATES, limit: 1 },
          signal,
        )
      }
      const text = 'Thank you, now I know you. Go on where the code was shown.'
      // Only a courtesy: who sent the code is known either way.
      await client.sendMessage({ chat_id: id, text }, signal).catch(() => {})
      return { kind: 'found', id: String(id), name }
    }
    if (updates.length >= PAGE) return { kind: 'crowded' }
    waiting = updates.length
    // Node's own timer keeps the process alive: a person is waiting.
    if (waiting > 0) await pause(PAUSE_MS, undefined, { signal })
  }
  return { kind: 'nobody' }
}

function updatesIn(answer: unknown): readonly Update[] {
  return Array.isArray(answer) ? answer.filter((update) => Number.isSafeInteger(update?.update_id)) : []
}

/** Typed by a person: spaces, lower case and `/start CODE` are fine. */
function carries({ message }: Update, code: string): boolean {
  if (message?.chat.type !== 'private' || message.from?.is_bot !== false) return false
  const text = (message.text ?? '').replace(/^\/start\b/, '')
  return text.replaceAll(/[\s-]/g, '').toUpperCase() === code
}
