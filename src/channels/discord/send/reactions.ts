import type {
  Reaction,
  ReactionChange,
  ReactionOutcome,
  Reactions,
} from '../../../inbox/delivery/send-channel.ts'
import type { Log } from '../../../support/log.ts'
import { attemptReaction } from '../../kit/reactions/attempt-reaction.ts'
import type { DiscordClient } from '../api/client.ts'
import { type DiscordFailure, REACTION_BLOCKED } from '../api/failure.ts'
import { isSnowflake } from '../api/snowflake.ts'

const EMOJI: Readonly<Record<Reaction, string>> = { taken: '👀', held: '⏳' }

/** @see https://discord.com/developers/docs/resources/message#create-reaction */
export class DiscordReactions implements Reactions {
  readonly single = false
  readonly #client: DiscordClient
  readonly #log: Log

  constructor(client: DiscordClient, log: Log) {
    this.#client = client
    this.#log = log
  }

  async set(
    { address, platformId }: { readonly address: string; readonly platformId: string },
    { reaction, shown }: ReactionChange,
    signal: AbortSignal,
  ): Promise<ReactionOutcome> {
    if (!isSnowflake(address) || !isSnowflake(platformId)) return 'done'
    if (!this.#client.mayReact(address)) return 'no-room'
    return attemptReaction(
      () => this.#client.setReaction(address, platformId, EMOJI[reaction], shown, signal),
      // A person who has blocked the bot has closed nobody else's messages to it.
      ({ kind, code }: DiscordFailure) =>
        kind === 'forbidden' && code !== REACTION_BLOCKED ? 'closed-chat' : 'done',
      { log: this.#log, channel: 'discord' },
    )
  }
}
