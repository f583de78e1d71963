import { Undeliverable } from '../../../inbox/delivery/outlet.ts'
import { SECOND, type Clock } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { msOf, parseAddress, tsOf, type Target } from '../address.ts'
import { keyOf, type Page, type PageRequest, type SlackClient } from '../api/client.ts'
import { asOutletError, SlackFailure } from '../api/failure.ts'
import type { Pacing } from '../api/pacing.ts'
import type { SendLog } from './send-log.ts'
import { draftOf, wordingOf } from './wording.ts'

/** Messages whose shown text is remembered, so that a draft that has not changed costs no request. */
const REMEMBERED_TEXTS = 500
/** A finished text waits for a draft on its way, so that must not take long. */
const DRAFT_TIMEOUT_MS = 5 * SECOND
/** Clocks that differ, and a message that Slack was slow to take. */
const SEARCH_MARGIN_MS = 60 * SECOND
const SEARCH_PAGE = 100
const SEARCH_PAGES = 5

const NEVER = new AbortController().signal

export interface SenderOptions {
  readonly client: SlackClient
  readonly pacing: Pacing
  readonly log: SendLog
  readonly clock: Clock
  /** The bot takes a part in the thread of this address. */
  readonly join: (address: string, ts: string) => Promise<void>
}

/** Posts and edits messages. Failures are those of `Outlet`. */
export class Sender {
  readonly #options: SenderOptions
  /** What a message reads, by address and id. */
  readonly #shown = new Map<string, string>()
  /** Drafts on their way, by address and id. */
  readonly #drafts = new Map<string, Promise<void>>()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** @returns the time stamp of the new message; see `Outlet.send` */
  async send(
    address: string,
    part: string,
    options: { readonly key: string; readonly signal: AbortSignal },
  ): Promise<string> {
    const { client, pacing, log, clock, join } = this.#options
    const { key, signal } = options
    const target = targetOf(address)
    const since = await log.since(key)
    const before = since === null ? null : await this.#find(target, key, since, signal)
    if (before !== null) {
      log.settle(key)
      return before
    }
    await pacing.turn(target.channel, signal)
    // A thread that the bot speaks in is read after a downtime, also when it is killed right here.
    if (target.thread !== null) await join(address, target.thread)
    const now = tsOf(client.serverTime(clock.now()))
    await log.leaving(key, now)
    const message = { channel: target.channel, thread: target.thread, text: wordingOf(part), key }
    const ts = await client.post(message, signal).catch((error: unknown) => {
      if (isAmbiguous(error)) log.doubt(key, now)
      throw this.#translated(error, target.channel)
    })
    log.settle(key)
    this.#remember(`${address} ${ts}`, part)
    return ts
  }

  /** See `Outlet.edit`. A draft that would come too early is left out: a later one shows more. */
  async edit(
    address: string,
    ts: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { pacing } = this.#options
    const { final, signal } = options
    const { channel } = targetOf(address)
    const key = `${address} ${ts}`
    const text = final ? part : draftOf(part)
    // Slack may do two requests in either order: the finished text must be the last one.
    await this.#drafts.get(key)
    if (this.#shown.get(key) === text) return
    if (final) {
      await pacing.turn(null, signal)
      return this.#show(channel, key, ts, text, signal)
    }
    if (!pacing.tryDraft()) return
    const showing = this.#show(channel, key, ts, text, NEVER, DRAFT_TIMEOUT_MS)
    const done = showing.then(ignore, ignore).finally(() => this.#drafts.delete(key))
    this.#drafts.set(key, done)
    await untilAborted(showing, signal).catch((error: unknown) => {
      // Edits are left alone for as long as Slack asked; the draft was only a courtesy.
      if (!(error instanceof TransientError) || error.reason !== 'rate-limited') throw error
    })
  }

  async #show(
    channel: string,
    key: string,
    ts: string,
    text: string,
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<void> {
    // Until the answer comes nobody knows what the message reads.
    this.#shown.delete(key)
    await this.#options.client
      .update({ channel, ts, text: wordingOf(text) }, signal, timeoutMs)
      .catch((error: unknown) => {
        throw this.#translated(error, null)
      })
    this.#remember(key, text)
  }

  /** A message of ours that may have arrived after all; null: it did not. */
  async #find(target: Target, key: string, since: string, signal: AbortSignal): Promise<string | null> {
    const { client } = this.#options
    const oldest = tsOf(Math.max(0, msOf(since) - SEARCH_MARGIN_MS))
    try {
      let cursor: string | null = null
      for (let page = 0; page < SEARCH_PAGES; page++) {
        const request: PageRequest = {
          channel: target.channel,
          oldest,
          cursor,
          limit: SEARCH_PAGE,
          metadata: true,
        }
        const { messages, next }: Page =
          target.thread === null
            ? await client.history(request, signal)
            : await client.replies({ ...request, thread: target.thread }, signal)
        const found = messages.find((message) => keyOf(message) === key)
        if (found) return found.ts
        if (next === null) return null
        cursor = next
      }
      return null
    } catch (error) {
      // What cannot be looked through may show the message twice, which is better than never.
      if (error instanceof SlackFailure && LASTING.has(error.kind)) return null
      throw asOutletError(error)
    }
  }

  #translated(error: unknown, channel: string | null): unknown {
    if (error instanceof SlackFailure && error.kind === 'rate-limited')
      this.#options.pacing.block(channel, error.retryAfterMs ?? 0)
    return asOutletError(error)
  }

  #remember(key: string, text: string): void {
    this.#shown.set(key, text)
    if (this.#shown.size > REMEMBERED_TEXTS) this.#shown.delete(this.#shown.keys().next().value!)
  }
}

const LASTING: ReadonlySet<string> = new Set(['gone', 'scope', 'rejected'])

/** Slack may have done what it did not answer. */
function isAmbiguous(error: unknown): boolean {
  return !(error instanceof SlackFailure) || error.kind === 'network' || error.kind === 'server'
}

function ignore(): void {}

/** `promise`, or the signal's reason as soon as it is aborted; what was begun goes on. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

/** @throws Undeliverable for what is no address of this channel */
function targetOf(address: string): Target {
  const target = parseAddress(address)
  if (!target) throw new Undeliverable('not an address of Slack')
  return target
}
