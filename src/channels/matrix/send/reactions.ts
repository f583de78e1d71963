import type {
  Reaction,
  ReactionChange,
  ReactionOutcome,
  Reactions,
} from '../../../inbox/delivery/send-channel.ts'
import type { Log } from '../../../support/log.ts'
import { remember } from '../../../support/remember.ts'
import { attemptReaction } from '../../kit/reactions/attempt-reaction.ts'
import { parseAddress } from '../address.ts'
import type { MatrixClient } from '../api/client.ts'
import type { MatrixFailure } from '../api/failure.ts'
import type { Pacing } from './pacing.ts'

const KEYS: Readonly<Record<Reaction, string>> = { taken: '👀', held: '⏳' }
/** Reactions of this process whose events are known, so that nobody has to be asked for them. */
const REMEMBERED = 5_000

export interface MatrixReactionOptions {
  readonly client: MatrixClient
  readonly pacing: Pacing
  readonly log: Log
  /** The bot's own id; null = not known yet. */
  readonly userId: () => string | null
  /** Marks the transactions as this process's own. */
  readonly processId: string
}

/**
 * A reaction is an event of its own, and is removed by redacting that.
 *
 * @see https://spec.matrix.org/latest/client-server-api/#event-annotations-and-reactions
 */
export class MatrixReactions implements Reactions {
  readonly single = false
  readonly #options: MatrixReactionOptions
  /** The events of reactions, by message and key. */
  readonly #events = new Map<string, string>()
  #count = 0

  constructor(options: MatrixReactionOptions) {
    this.#options = options
  }

  async set(
    { address, platformId }: { readonly address: string; readonly platformId: string },
    { reaction, shown }: ReactionChange,
    signal: AbortSignal,
  ): Promise<ReactionOutcome> {
    const { pacing, log } = this.#options
    const roomId = parseAddress(address)?.roomId
    // What was not said by an event of its own carries nothing.
    if (roomId === undefined || !platformId.startsWith('$')) return 'done'
    if (!pacing.tryReaction(shown)) return 'no-room'
    const key = KEYS[reaction]
    return attemptReaction(
      () =>
        shown ? this.#add(roomId, platformId, key, signal) : this.#remove(roomId, platformId, key, signal),
      ({ kind }: MatrixFailure) => (kind === 'forbidden' ? 'closed-chat' : 'done'),
      { log, channel: 'matrix' },
    )
  }

  async #add(roomId: string, eventId: string, key: string, signal: AbortSignal): Promise<void> {
    const id = await this.#options.client.react(roomId, this.#transaction(), { eventId, key }, signal)
    remember(this.#events, `${eventId} ${key}`, id, REMEMBERED)
  }

  async #remove(roomId: string, eventId: string, key: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#options
    const name = `${eventId} ${key}`
    const known = this.#events.get(name)
    const ids = known === undefined ? await this.#find(roomId, eventId, key, signal) : [known]
    for (const id of ids) await client.redact(roomId, id, this.#transaction(), signal)
    this.#events.delete(name)
  }

  /** Reactions of a former process. */
  async #find(roomId: string, eventId: string, key: string, signal: AbortSignal): Promise<readonly string[]> {
    const { client, userId } = this.#options
    const sender = userId()
    return sender === null ? [] : await client.reactionsOf(roomId, { eventId, key, sender }, signal)
  }

  /** The same reaction may be shown again after it was removed, which is another event. */
  #transaction(): string {
    return `q${this.#options.processId}${++this.#count}`
  }
}
