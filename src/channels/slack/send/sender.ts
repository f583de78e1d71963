import { Undeliverable, type SendOptions } from '../../../inbox/delivery/send-channel.ts'
import { SECOND, type Clock } from '../../../support/clock.ts'
import { MessageEditor } from '../../kit/send/message-editor.ts'
import { msOf, parseAddress, tsOf, type Target } from '../address.ts'
import { messageKeyOf, type Page, type PageRequest, type SlackClient } from '../api/client.ts'
import { asSendError, SlackFailure } from '../api/failure.ts'
import type { Pacing } from '../api/pacing.ts'
import type { SendLog } from './send-log.ts'
import { draftOf, wordingOf } from './wording.ts'

/** For clock differences and slow deliveries. */
const SEARCH_MARGIN_MS = 60 * SECOND
const SEARCH_PAGE = 100
const SEARCH_PAGES = 5

export interface SenderOptions {
  readonly client: SlackClient
  readonly pacing: Pacing
  readonly log: SendLog
  readonly clock: Clock
  /** The bot takes part in the thread of this address. */
  readonly join: (address: string, ts: string) => Promise<void>
}

/** Posts and edits messages. Failures are those of `SendChannel`. */
export class Sender {
  readonly #options: SenderOptions
  readonly #editor = new MessageEditor()

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** @returns the time stamp of the new message; see `SendChannel.send` */
  async send(address: string, part: string, options: Omit<SendOptions, 'replyTo'>): Promise<string> {
    const { client, pacing, log, clock, join } = this.#options
    const { key, signal } = options
    const target = targetOf(address)
    const since = await log.uncertainSince(key)
    const before = since === null ? null : await this.#find(target, key, since, signal)
    if (before !== null) {
      log.resolved(key)
      return before
    }
    await pacing.turn(target.channel, signal)
    // A thread that the bot speaks in is read after a downtime, also when it is killed right here.
    if (target.thread !== null) await join(address, target.thread)
    const now = tsOf(client.serverTime(clock.now()))
    await log.sending(key, now)
    const message = { channel: target.channel, thread: target.thread, text: wordingOf(part), key }
    const ts = await client.post(message, signal).catch((error: unknown) => {
      if (isAmbiguous(error)) log.uncertain(key, now)
      throw this.#translated(error, target.channel)
    })
    log.resolved(key)
    if (options.isDraft) this.#editor.sent(`${address} ${ts}`, part)
    return ts
  }

  /** See `SendChannel.edit`. A draft that would come too early is left out: a later one shows more. */
  async edit(
    address: string,
    ts: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { client, pacing } = this.#options
    const { final, signal } = options
    const { channel } = targetOf(address)
    const text = final ? part : draftOf(part)
    await this.#editor.edit(`${address} ${ts}`, text, {
      final,
      signal,
      mayDraft: () => pacing.tryDraft(),
      turn: () => pacing.turn(null, signal),
      show: (until) =>
        client.update({ channel, ts, text: wordingOf(text) }, until).catch((error: unknown) => {
          throw this.#translated(error, null)
        }),
    })
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
        const found = messages.find((message) => messageKeyOf(message) === key)
        if (found) return found.ts
        if (next === null) return null
        cursor = next
      }
      return null
    } catch (error) {
      // What cannot be looked through may show the message twice, which is better than never.
      if (error instanceof SlackFailure && LASTING.has(error.kind)) return null
      throw asSendError(error)
    }
  }

  #translated(error: unknown, channel: string | null): unknown {
    if (error instanceof SlackFailure && error.kind === 'rate-limited')
      this.#options.pacing.block(channel, error.retryAfterMs ?? 0)
    return asSendError(error)
  }
}

const LASTING: ReadonlySet<string> = new Set(['gone', 'scope', 'rejected'])

/** Slack may have done what it did not answer. */
function isAmbiguous(error: unknown): boolean {
  return !(error instanceof SlackFailure) || error.kind === 'network' || error.kind === 'server'
}

/** @throws Undeliverable for what is no address of this channel */
function targetOf(address: string): Target {
  const target = parseAddress(address)
  if (!target) throw new Undeliverable('not an address of Slack')
  return target
}
