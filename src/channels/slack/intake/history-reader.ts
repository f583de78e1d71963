import { backoffDelay } from '../../../support/backoff.ts'
import { sleep, type Clock } from '../../../support/clock.ts'
import type { Piece } from '../../kit/intake/watermarks.ts'
import { RETRY } from '../../kit/retry.ts'
import { compareTs, formatAddress, isPrivate, parseAddress } from '../address.ts'
import type { Page, PageRequest, SlackClient } from '../api/client.ts'
import { SlackFailure } from '../api/failure.ts'
import type { SlackMessage } from './message.ts'
import { outlineMessage, type MappingContext } from './receive.ts'
import type { Threads } from './threads.ts'

/** What Slack suggests; it gives fewer at once to some apps, and says so by the next page. */
const PAGE = 200
/** The kinds of conversation, asked for one by one: each has a scope of its own. */
const KINDS = ['im', 'mpim', 'public_channel', 'private_channel'] as const

export interface HistoryOptions {
  readonly client: Pick<SlackClient, 'history' | 'replies' | 'memberships'>
  readonly clock: Clock
  readonly random: () => number
  readonly context: () => MappingContext
  readonly threads: Threads
  /** A private chat's history shows a thread in it with something new. */
  readonly onThread: (address: string, root: string, latest: string) => void
  /** Slack does not let the app read a kind of conversation. */
  readonly onDenied: (failure: SlackFailure) => void
}

type Method = 'history' | 'replies' | 'memberships'

/** Reads what was missed from Slack's histories. */
export class HistoryReader {
  readonly #options: HistoryOptions
  /** Until when Slack asked to leave a method alone, on the monotonic clock. */
  readonly #restUntil = new Map<Method, number>()

  constructor(options: HistoryOptions) {
    this.#options = options
  }

  /**
   * Everything in a conversation or thread after `after`. Threads that rested for long are not
   * asked for. Null: closed to the bot. Slack's order of pages is not relied on, so there is only
   * ever the whole of it.
   *
   * @throws SlackFailure when Slack cannot be asked; a 429 is waited for
   */
  async read(
    place: string,
    after: string,
    signal: AbortSignal,
  ): Promise<{ readonly pieces: readonly Piece[]; readonly more: boolean } | null> {
    const { threads, clock, onDenied } = this.#options
    const target = parseAddress(place)
    if (!target || (target.thread !== null && !threads.isRecent(place, clock.now()))) return null
    try {
      const messages = await this.#all(target.channel, target.thread, after, signal)
      if (target.thread === null) this.#reportThreads(target.channel, messages, after)
      const pieces = messages.map((message) => this.#pieceOf(target.channel, message))
      // What delivers nothing is stepped over together with what comes after it.
      return {
        pieces: pieces.filter((piece, at) => piece.items.length > 0 || at === pieces.length - 1),
        more: false,
      }
    } catch (error) {
      if (!(error instanceof SlackFailure)) throw error
      if (error.kind === 'scope') onDenied(error)
      if (error.kind === 'gone' || error.kind === 'scope' || error.kind === 'rejected') return null
      throw error
    }
  }

  /** Every conversation that the bot is a member of; kinds that it may not list are left out. */
  async conversations(signal: AbortSignal): Promise<readonly string[]> {
    const found: string[] = []
    for (const kind of KINDS) {
      try {
        let cursor: string | null = null
        do {
          const from = cursor
          const page: { ids: readonly string[]; next: string | null } = await this.#patiently(
            'memberships',
            () => this.#options.client.memberships(kind, from, signal),
            signal,
          )
          found.push(...page.ids)
          cursor = page.next
        } while (cursor !== null)
      } catch (error) {
        if (!(error instanceof SlackFailure) || error.kind !== 'scope') throw error
        this.#options.onDenied(error)
      }
    }
    return found
  }

  async #all(
    channel: string,
    thread: string | null,
    oldest: string,
    signal: AbortSignal,
  ): Promise<SlackMessage[]> {
    const { client } = this.#options
    const found = new Map<string, SlackMessage>()
    let cursor: string | null = null
    do {
      const request: PageRequest = { channel, oldest, cursor, limit: PAGE }
      const page: Page = await this.#patiently(
        thread === null ? 'history' : 'replies',
        () =>
          thread === null ? client.history(request, signal) : client.replies({ ...request, thread }, signal),
        signal,
      )
      // A thread's page begins with the message that it hangs on, however old.
      for (const message of page.messages)
        if (compareTs(message.ts, oldest) > 0) found.set(message.ts, message)
      cursor = page.next
    } while (cursor !== null)
    return [...found.values()].toSorted((a, b) => compareTs(a.ts, b.ts))
  }

  /** What is said in a thread of a private chat is for the bot, too. */
  #reportThreads(channel: string, messages: readonly SlackMessage[], after: string): void {
    if (!isPrivate(channel)) return
    for (const { ts, latest_reply: latest } of messages) {
      if (latest === undefined || compareTs(latest, after) <= 0) continue
      this.#options.onThread(formatAddress(channel, ts), ts, latest)
    }
  }

  #pieceOf(channel: string, message: SlackMessage): Piece {
    const item = outlineMessage(channel, message, this.#options.context())
    return { id: message.ts, items: item === null ? [] : [item] }
  }

  /** Waits as long as Slack asks, however often, for all callers of the method. */
  async #patiently<T>(method: Method, call: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, random } = this.#options
    for (let attempt = 1; ; attempt++) {
      const restMs = (this.#restUntil.get(method) ?? 0) - clock.monotonic()
      if (restMs > 0) await sleep(clock, restMs, signal)
      try {
        return await call()
      } catch (error) {
        if (!(error instanceof SlackFailure) || error.kind !== 'rate-limited') throw error
        const waitMs = error.retryAfterMs ?? backoffDelay(attempt, RETRY, random())
        this.#restUntil.set(method, clock.monotonic() + waitMs)
      }
    }
  }
}
