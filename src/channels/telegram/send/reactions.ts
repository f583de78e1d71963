import type {
  Reaction,
  ReactionChange,
  ReactionOutcome,
  Reactions,
} from '../../../inbox/delivery/send-channel.ts'
import type { Log } from '../../../support/log.ts'
import { attemptReaction } from '../../kit/reactions/attempt-reaction.ts'
import type { ReactionEmoji, TelegramClient } from '../api/client.ts'
import type { TelegramFailure } from '../api/failure.ts'
import { parseAddress } from '../intake/receive.ts'
import type { Pacing } from './sender.ts'

/**
 * Bots may use a fixed set of emoji, and an hourglass is none of them: 😴 is the nearest.
 *
 * @see https://core.telegram.org/bots/api#reactiontypeemoji
 */
const EMOJI: Readonly<Record<Reaction, ReactionEmoji>> = { taken: '👀', held: '😴' }

/** @see https://core.telegram.org/bots/api#setmessagereaction */
export class TelegramReactions implements Reactions {
  readonly single = true
  readonly #client: TelegramClient
  readonly #pacing: Pacing
  readonly #log: Log

  constructor(client: TelegramClient, pacing: Pacing, log: Log) {
    this.#client = client
    this.#pacing = pacing
    this.#log = log
  }

  async set(
    { address, platformId }: { readonly address: string; readonly platformId: string },
    { reaction, shown }: ReactionChange,
    signal: AbortSignal,
  ): Promise<ReactionOutcome> {
    const chatId = parseAddress(address)?.chatId
    const messageId = Number(platformId)
    if (chatId === undefined || !Number.isSafeInteger(messageId)) return 'done'
    if (!this.#pacing.tryReaction(chatId)) return 'no-room'
    const emoji = shown ? EMOJI[reaction] : null
    return attemptReaction(
      () => this.#client.setMessageReaction(chatId, messageId, emoji, signal),
      ({ kind }: TelegramFailure) => (kind === 'forbidden' || kind === 'unwelcome' ? 'closed-chat' : 'done'),
      { log: this.#log, channel: 'telegram' },
    )
  }
}
