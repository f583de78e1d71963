import type { Clock } from '../../support/clock.ts'
import type { Inbox } from '../inbox.ts'
import type { LeaseRequest } from '../lease.ts'
import type { ConversationId } from '../message.ts'
import { WorkQueue } from './work-queue.ts'

/** What `Inbox.lease` is asked for in every turn. */
export type LeaseTerms = Pick<LeaseRequest, 'historyLimit' | 'merge'>

/**
 * Decides which conversation is next. A single gateway keeps the list in memory; several on one store fetch
 * conversations from a shared queue.
 *
 * Only the store is authoritative: `Inbox.lease` may return nothing for a conversation that was handed out,
 * and that is no error.
 */
export interface WorkSource {
  /** Conversations that `next` would return now. */
  readonly ready: number
  /** Conversations known to this process to wait, now or later. */
  readonly waiting: number
  /** A search for more work is running; `pump` will be called when it ends. */
  readonly searching: boolean
  /**
   * Takes over the work of dead processes, and starts.
   *
   * @param pump called whenever `next` may have something new
   * @param terms of the turns that begin without being asked for, read for each
   */
  start(pump: () => void, terms: () => LeaseTerms): Promise<void>
  /** A message of this conversation was stored by this process. */
  arrived(id: ConversationId): void
  /** The conversation was changed by hand: what was known of it is no longer valid. */
  wake(id: ConversationId): void
  /**
   * The messages that waited there were withdrawn, more belong to its turn, or its history has changed: a lease that was
   * granted and not handed out yet is asked for again.
   */
  outdated(id: ConversationId): void
  /** The gate is open again: reloads waiting conversations from the store. @returns how many wait */
  reload(): Promise<number>
  /**
   * No new turn is started for now: conversations that were fetched and not started are returned to the
   * shared queue.
   */
  pause(): void
  /**
   * The next conversation, which counts as being answered until `done` or `empty`.
   *
   * @param room how many more turns could start now, this one included
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
  /** When the next known pause ends; null = nothing is paused. */
  nextAt(): number | null
  /** Resolves when everything was returned to the shared queue. Do not call `next` afterwards. */
  stop(): Promise<void>
}

export interface NextConversation {
  readonly id: ConversationId
  /** Pass it to `empty`, so that a message that arrived since is not missed. */
  readonly arrivals: number
}

/** The work of a single gateway, all of it known in memory. */
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

  outdated(): void {
    // Nothing is leased before its turn.
  }

  pause(): void {
    // No other process shares this work: it stays in the queue.
  }

  async stop(): Promise<void> {
    // The next process reads the store.
  }
}
