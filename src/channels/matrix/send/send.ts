import { createHash } from 'node:crypto'
import { Undeliverable } from '../../../inbox/delivery/outlet.ts'
import { MINUTE, SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { isUserId, parseAddress, type Target } from '../address.ts'
import type { MatrixClient } from '../api/client.ts'
import { recordOf } from '../api/events.ts'
import { MatrixFailure } from '../api/failure.ts'
import { contentOf, editOf, firstPart } from './format.ts'
import type { Pacing } from './pacing.ts'

/** A token or an account that is not taken is mended by the operator, not by asking often. */
const ACCOUNT_RETRY_MS = MINUTE
/** A finished text waits for a draft on its way, so that must not take long. */
const DRAFT_TIMEOUT_MS = 5 * SECOND
/** Messages of ours that are remembered as still standing. */
const REMEMBERED = 1_000

const NEVER = new AbortController().signal

export interface SenderOptions {
  readonly client: MatrixClient
  readonly pacing: Pacing
  /** The private room of a person. @throws MatrixFailure where there is none and none can be made */
  readonly privateRoomOf: (userId: string, signal: AbortSignal) => Promise<string>
  /** Marks the transactions of drafts as this process's own. */
  readonly processId: string
}

/** Sends and edits messages. Failures are those of `Outlet`. */
export class Sender {
  readonly #options: SenderOptions
  /** Ids of this process's own messages; false = somebody deleted it. */
  readonly #own = new Map<string, boolean>()
  /** What edits have made of a message, by its id. */
  readonly #shown = new Map<string, string>()
  /** Drafts on their way, by message. */
  readonly #drafts = new Map<string, Promise<void>>()
  #draftCount = 0

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** @returns the id of the new message; see `Outlet.send` */
  async send(
    address: string,
    part: string,
    options: { readonly replyTo: string | null; readonly key: string; readonly signal: AbortSignal },
  ): Promise<string> {
    const { signal, replyTo, key } = options
    const { client, pacing } = this.#options
    await pacing.turn(signal)
    return this.#translated(async () => {
      const target = await this.#targetOf(address, signal)
      const content = { ...contentOf(part), ...relationOf(target, replyTo) }
      // The same for each try of the same part, also after a restart: the server drops the repeat.
      const id = await client.send(target.roomId, transaction('s', address, key), content, signal)
      remember(this.#own, id, true)
      return id
    })
  }

  /** See `Outlet.edit`. A draft that would come too early is left out: a later one shows more. */
  async edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { final, signal } = options
    const { pacing } = this.#options
    const text = final ? part : firstPart(part)
    // The server may take two requests in either order: the finished text must be the last one.
    await this.#drafts.get(platformId)
    if (this.#shown.get(platformId) === text) return
    const target = await this.#translated(() => this.#targetOf(address, signal))
    if (final) {
      await pacing.turn(signal)
      return this.#translated(async () => {
        await this.#mustStand(target.roomId, platformId, signal)
        await this.#show(target.roomId, platformId, text, transaction('e', platformId, text), signal)
      })
    }
    if (this.#own.get(platformId) === false || !pacing.tryDraft()) return
    const txnId = `d${this.#options.processId}${++this.#draftCount}`
    const showing = this.#translated(() =>
      this.#show(target.roomId, platformId, text, txnId, NEVER, DRAFT_TIMEOUT_MS),
    )
    const done = showing.then(ignore, ignore).finally(() => this.#drafts.delete(platformId))
    this.#drafts.set(platformId, done)
    await untilAborted(showing, signal).catch((error: unknown) => {
      // The server is left alone for as long as it asked; the draft was only a courtesy.
      if (!(error instanceof TransientError) || error.reason !== 'rate-limited') throw error
    })
  }

  /** Nobody has looked for a while: another process may have written and edited since. */
  clear(): void {
    this.#own.clear()
    this.#shown.clear()
  }

  /** Somebody deleted a message; if it was ours, what it should say is owed anew. */
  deleted(eventId: string): void {
    if (this.#own.has(eventId)) this.#own.set(eventId, false)
  }

  async #show(
    roomId: string,
    eventId: string,
    text: string,
    txnId: string,
    signal: AbortSignal,
    timeoutMs?: number,
  ): Promise<void> {
    // Until the answer comes nobody knows what the message reads.
    this.#shown.delete(eventId)
    await this.#options.client.send(roomId, txnId, editOf(eventId, text), signal, timeoutMs)
    remember(this.#shown, eventId, text)
  }

  /**
   * Servers take edits of messages that were deleted, and nobody would see the answer. What this
   * process has not sent itself is therefore looked at.
   */
  async #mustStand(roomId: string, eventId: string, signal: AbortSignal): Promise<void> {
    let stands = this.#own.get(eventId)
    if (stands === undefined) {
      const event = await this.#options.client.event(roomId, eventId, signal)
      stands = !('redacted_because' in recordOf(event.unsigned)) && 'body' in event.content
      remember(this.#own, eventId, stands)
    }
    if (!stands) throw new Undeliverable('the message was deleted')
  }

  /** @throws Undeliverable for what is no address of this channel */
  async #targetOf(address: string, signal: AbortSignal): Promise<Target> {
    const target = parseAddress(address)
    if (target) return target
    if (!isUserId(address)) throw new Undeliverable('not an address of Matrix')
    return { roomId: await this.#options.privateRoomOf(address, signal), threadRoot: null }
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw this.#translate(error)
    }
  }

  #translate(error: unknown): unknown {
    if (!(error instanceof MatrixFailure)) return error
    switch (error.kind) {
      case 'forbidden':
      case 'gone':
      case 'too-large':
      case 'rejected':
        return new Undeliverable(error.message)
      case 'rate-limited':
        this.#options.pacing.block(error.retryAfterMs ?? 0)
        return new TransientError(error.message, error.retryAfterMs, 'rate-limited')
      case 'token':
      case 'account':
        return new TransientError(error.message, ACCOUNT_RETRY_MS, error.kind)
      default:
        return new TransientError(error.message, null, 'network')
    }
  }
}

/** @see https://spec.matrix.org/latest/client-server-api/#threading */
function relationOf({ threadRoot }: Target, replyTo: string | null): object {
  // What was not said by an event of its own has nothing to reply to.
  const reply = replyTo?.startsWith('$') ? { 'm.in_reply_to': { event_id: replyTo } } : null
  if (threadRoot === null) return reply ? { 'm.relates_to': reply } : {}
  const fallback = reply ?? { 'm.in_reply_to': { event_id: threadRoot } }
  return {
    'm.relates_to': {
      rel_type: 'm.thread',
      event_id: threadRoot,
      is_falling_back: reply === null,
      ...fallback,
    },
  }
}

/** An id that is the same for the same thing in every process; servers know it by account and device. */
function transaction(kind: string, ...parts: readonly string[]): string {
  return kind + createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, TRANSACTION_DIGITS)
}

/** Two different sends never share one. */
const TRANSACTION_DIGITS = 32

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > REMEMBERED) map.delete(map.keys().next().value!)
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
