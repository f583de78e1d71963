import type { Reaction, ReactionOutcome, Reactions } from '../../../inbox/delivery/send-channel.ts'
import { SECOND, type Clock, type Timer } from '../../../support/clock.ts'
import { messageOf } from '../../../support/errors.ts'
import type { Log } from '../../../support/log.ts'
import { remember } from '../../../support/remember.ts'
import { LONGEST_BLOCK_MS } from '../send/pacer.ts'
import { afterChange, nextChange } from './decide-reaction.ts'

/** Where messages take all the room, it is looked for again after this time. */
const NO_ROOM_MS = SECOND
/** Messages tried in a row without finding room, before that pause: other chats may have some. */
const TRIES_A_ROUND = 50
/** After a refusal that asks to wait, a request is made once more; then it is given up. */
const MAX_TRIES = 2
/** More that wait to be shown would come too late to say anything. */
const MAX_ADDITIONS = 500
/** Chats in which the bot may not react. */
const REMEMBERED_CHATS = 1_000

/** A message and its reactions. */
export interface ReactedMessage {
  readonly address: string
  readonly platformId: string
  shown: ReadonlySet<Reaction>
  wanted: Reaction | null
  /** Requests for the next change that were told to wait. */
  tries: number
}

export interface ReactionQueueOptions {
  readonly channel: string
  readonly reactions: Reactions
  readonly clock: Clock
  readonly log: Log
}

/**
 * Brings the reactions of one channel to what is wanted: one request at a time, each made once, removals
 * first. What is not wanted any more before it was asked for is never asked for.
 */
export class ReactionQueue {
  readonly #options: ReactionQueueOptions
  readonly #removals = new Set<ReactedMessage>()
  readonly #additions = new Set<ReactedMessage>()
  readonly #closedChats = new Map<string, true>()
  readonly #stop = new AbortController()
  #closed = false
  #busy = false
  #withoutRoom = 0
  #timer: Timer | null = null
  #idle: (() => void) | null = null

  constructor(options: ReactionQueueOptions) {
    this.#options = options
  }

  /** The message should show this from now on; null = nothing. */
  want(message: ReactedMessage, wanted: Reaction | null): void {
    if (wanted !== message.wanted) message.tries = 0
    message.wanted = wanted
    this.#sort(message)
    this.#pump()
  }

  /** Forgets everything that is waiting: the channel is another process's, or its messages are read again. */
  clear(): void {
    this.#removals.clear()
    this.#additions.clear()
  }

  /** Shows nothing new, and removes what is to be removed. Resolves within `ms` milliseconds. */
  async stop(ms: number): Promise<void> {
    this.#additions.clear()
    if (this.#busy || this.#removals.size > 0) {
      const idle = new Promise<void>((resolve) => (this.#idle = resolve))
      let giveUp: Timer | null = null
      const over = new Promise<void>((resolve) => {
        giveUp = this.#options.clock.setTimer(resolve, ms)
      })
      await Promise.race([idle, over])
      giveUp!.cancel()
    }
    this.clear()
    this.#closed = true
    this.#timer?.cancel()
    this.#stop.abort(new Error('shutting down'))
  }

  #sort(message: ReactedMessage): void {
    this.#removals.delete(message)
    this.#additions.delete(message)
    if (this.#closed || this.#closedChats.has(message.address)) return
    const change = this.#changeOf(message)
    if (change?.shown === false) this.#removals.add(message)
    if (change?.shown !== true || this.#idle !== null) return
    this.#additions.add(message)
    const [oldest] = this.#additions
    if (this.#additions.size > MAX_ADDITIONS) this.#additions.delete(oldest!)
  }

  #changeOf({ shown, wanted }: ReactedMessage) {
    return nextChange(shown, wanted, this.#options.reactions.single)
  }

  #pump(): void {
    if (this.#busy || this.#timer !== null) return
    // Removals for which there is no room do not keep others from being shown.
    const hasRemoval = this.#removals.size > this.#withoutRoom || this.#additions.size === 0
    const [message] = hasRemoval ? this.#removals : this.#additions
    if (message) void this.#request(message)
    else this.#idle?.()
  }

  /** One request. Never rejects. */
  async #request(message: ReactedMessage): Promise<void> {
    const { channel, reactions, log } = this.#options
    const change = this.#changeOf(message)!
    this.#busy = true
    const outcome = await reactions.set(message, change, this.#stop.signal).catch((error: unknown) => {
      // A fault in a platform's part: nobody's process ends for a decoration.
      log.debug({ channel }, messageOf(error))
      return 'done' as const
    })
    this.#busy = false
    if (outcome !== 'no-room') this.#withoutRoom = 0
    if (outcome === 'done' || this.#isGivenUp(message, outcome)) {
      message.shown = afterChange(message.shown, change, reactions.single)
      message.tries = 0
    }
    if (outcome === 'closed' || outcome === 'closed-chat') this.#close(message.address, outcome)
    // Also moves it behind the others of its kind.
    this.#sort(message)
    if (typeof outcome === 'object') this.#pause(Math.min(outcome.retryAfterMs, LONGEST_BLOCK_MS))
    const waiting = this.#removals.size + this.#additions.size
    if (outcome === 'no-room' && ++this.#withoutRoom >= Math.min(waiting, TRIES_A_ROUND)) {
      this.#withoutRoom = 0
      this.#pause(NO_ROOM_MS)
    }
    this.#pump()
  }

  #isGivenUp(message: ReactedMessage, outcome: ReactionOutcome): boolean {
    return typeof outcome === 'object' && ++message.tries >= MAX_TRIES
  }

  #close(address: string, outcome: 'closed' | 'closed-chat'): void {
    const { channel, log } = this.#options
    if (outcome === 'closed-chat') {
      remember(this.#closedChats, address, true, REMEMBERED_CHATS)
      for (const queue of [this.#removals, this.#additions])
        for (const message of queue) if (message.address === address) queue.delete(message)
      log.debug({ channel, address }, 'the bot may not react in this chat, and does not try again')
      return
    }
    this.#closed = true
    this.clear()
    log.debug({ channel }, 'the bot may not react, and does not try again')
  }

  #pause(ms: number): void {
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimer(
      () => {
        this.#timer = null
        this.#pump()
      },
      Math.max(1, ms),
    )
  }
}
