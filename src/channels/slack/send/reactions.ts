import type {
  Reaction,
  ReactionChange,
  ReactionOutcome,
  Reactions,
} from '../../../inbox/delivery/send-channel.ts'
import type { Log } from '../../../support/log.ts'
import { attemptReaction } from '../../kit/reactions/attempt-reaction.ts'
import { parseAddress } from '../address.ts'
import type { SlackClient } from '../api/client.ts'
import type { SlackFailure } from '../api/failure.ts'
import type { Pacing } from '../api/pacing.ts'

/** 👀 and ⏳ by their names in Slack. */
const NAMES: Readonly<Record<Reaction, string>> = { taken: 'eyes', held: 'hourglass_flowing_sand' }

/** @see https://docs.slack.dev/reference/methods/reactions.add */
export class SlackReactions implements Reactions {
  readonly single = false
  readonly #client: SlackClient
  readonly #pacing: Pacing
  readonly #log: Log

  constructor(client: SlackClient, pacing: Pacing, log: Log) {
    this.#client = client
    this.#pacing = pacing
    this.#log = log
  }

  async set(
    { address, platformId }: { readonly address: string; readonly platformId: string },
    { reaction, shown }: ReactionChange,
    signal: AbortSignal,
  ): Promise<ReactionOutcome> {
    const channel = parseAddress(address)?.channel
    if (channel === undefined) return 'done'
    if (!this.#pacing.tryReaction(channel)) return 'no-room'
    const name = NAMES[reaction]
    return attemptReaction(
      () => this.#client.setReaction({ channel, timestamp: platformId, name }, shown, signal),
      closedBy,
      { log: this.#log, channel: 'slack' },
    )
  }
}

function closedBy({ kind, code }: SlackFailure): 'done' | 'closed-chat' | 'closed' {
  if (code === 'missing_scope') return 'closed'
  if (kind === 'scope') return 'closed-chat'
  return kind === 'gone' && code !== 'message_not_found' ? 'closed-chat' : 'done'
}
