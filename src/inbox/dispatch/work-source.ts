import type { Clock } from '../../support/clock.ts'
import type { Inbox } from '../inbox.ts'
import type { ConversationId } from '../message.ts'
import { WorkQueue } from './work-queue.ts'

/**
 * Says which conversation is next. One gateway on a store of its own keeps the list in memory;
 * several on one store take conversations from a queue that they share.
 *
 * The store alone knows what there is to do: `Inbox.lease` may have nothing for a conversation
 * that was handed over, and that is no mistake.
 */
export interface WorkSource {
  /** Conversations that `next` would give now. */
  readonly ready: number
  /** Conversations that are known here to wait, now or later. */
  readonly waiting: number
  /** More is being looked for, and `pump` will be called when something was found. */
  readonly searching: boolean
  /**
   * Takes over what a process that is gone has left, and begins.
   *
   * @param pump called whenever `next` may have something that it had not before
   */
  start(pump: () => void): Promise<void>
  /** A message of this conversation was stored by this process. */
  arrived(id: ConversationId): void
  /** Something about the conversation was changed by hand: whatever was known of it is not known any more. */
  wake(id: ConversationId): void
  /** The gate is open again: the store says what waits. @returns how many conversations do */
  reload(): Promise<number>
  /** Nothing more is begun for now: what was taken from others and not begun goes back to them. */
  pause(): void
  /**
   * The next conversation, which counts as being answered until `done` or `empty`.
   *
   * @param room how many more could be begun now, this one included
   */
  next(now: number, room: number): NextConversation | null
  /**
   * A turn is over.
   *
   * @param answered messages that no longer wait
   * @param retryAt when the conversation may be tried again; null = now
   */
  done(id: ConversationId, answered: number, retryAt: number | null): void
  /** The store had nothing for it, as of the moment of `next`. */
  empty(id: ConversationId, arrivals: number): void
  /** When something that is known here may be begun; null = nothing waits for a moment. */
  nextAt(): number | null
  /** Resolves when nothing is owed to the others any more. Nothing may be taken afterwards. */
  stop(): Promise<void>
}

export interface NextConversation {
  readonly id: ConversationId
  /** To be given back to `empty`, so that a message that came meanwhile is not overlooked. */
  readonly arrivals: number
}

/** The work of one gateway that has its store for itself: all of it is known in memory. */
export class LocalWork extends WorkQueue implements WorkSource {
  readonly searching = false
  readonly #inbox: Pick<Inbox, 'recover' | 'waiting'>
  readonly #clock: Clock
  readonly #owner: string

  constructor(inbox: Pick<Inbox, 'recover' | 'waiting'>, clock: Clock, owner: string) {
    super()
    this.#inbox = inbox
    this.#clock = clock
    this.#owner = owner
  }

  async start(): Promise<void> {
    await this.#inbox.recover(this.#owner, this.#clock.now())
    await this.reload()
  }

  async reload(): Promise<number> {
    this.load(await this.#inbox.waiting(this.#clock.now()), this.#clock.now())
    return this.ready
  }

  pause(): void {
    // It is nobody else's: it stays where it is.
  }

  async stop(): Promise<void> {
    // The next process reads the store.
  }
}
