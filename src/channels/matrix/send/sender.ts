import { createHash } from 'node:crypto'
import { Undeliverable, type SendOptions } from '../../../inbox/delivery/send-channel.ts'
import { remember } from '../../../support/remember.ts'
import { sendErrorOf, type SendMeaning } from '../../kit/failure.ts'
import { MessageEditor } from '../../kit/send/message-editor.ts'
import { isUserId, parseAddress, type Target } from '../address.ts'
import type { MatrixClient } from '../api/client.ts'
import { recordOf } from '../api/events.ts'
import { MatrixFailure, type FailureKind } from '../api/failure.ts'
import { contentOf, editOf, firstPart } from './format.ts'
import type { Pacing } from './pacing.ts'

/** Own messages of which it is remembered whether they still exist. */
const REMEMBERED = 1_000

const MEANING: SendMeaning<FailureKind> = {
  forbidden: 'undeliverable',
  gone: 'undeliverable',
  'too-large': 'undeliverable',
  rejected: 'undeliverable',
  token: { operator: 'token' },
  account: { operator: 'account' },
}

export interface SenderOptions {
  readonly client: MatrixClient
  readonly pacing: Pacing
  /** The private room of a person. @throws MatrixFailure where there is none and none can be created */
  readonly privateRoomOf: (userId: string, signal: AbortSignal) => Promise<string>
  /** Marks the transactions of drafts as this process's own. */
  readonly processId: string
}

/** Sends and edits messages. Failures are those of `SendChannel`. */
export class Sender {
  readonly #options: SenderOptions
  /** Ids of this process's own messages; false = somebody deleted it. */
  readonly #own = new Map<string, boolean>()
  /** Knows edits alone: before its first final edit a message is checked for having been deleted. */
  readonly #editor = new MessageEditor()
  #draftCount = 0

  constructor(options: SenderOptions) {
    this.#options = options
  }

  /** @returns the id of the new message; see `SendChannel.send` */
  async send(address: string, part: string, options: SendOptions): Promise<string> {
    const { signal, replyTo, key } = options
    const { client, pacing } = this.#options
    await pacing.turn(signal)
    return this.#translated(async () => {
      const target = await this.#targetOf(address, signal)
      const content = { ...contentOf(part), ...relationOf(target, replyTo) }
      // The same for each try of the same part, also after a restart: the server drops the repeat.
      const id = await client.send(target.roomId, transaction('s', address, key), content, signal)
      remember(this.#own, id, true, REMEMBERED)
      return id
    })
  }

  /** See `SendChannel.edit`. A draft that would come too early is left out: a later one shows more. */
  async edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { final, signal } = options
    const { pacing, processId } = this.#options
    const text = final ? part : firstPart(part)
    await this.#editor.edit(platformId, text, {
      final,
      signal,
      mayDraft: () => this.#own.get(platformId) !== false && pacing.tryDraft(),
      turn: () => pacing.turn(signal),
      show: (until) =>
        this.#translated(async () => {
          const { roomId } = await this.#targetOf(address, until)
          if (final) await this.#mustExist(roomId, platformId, until)
          const txnId = final ? transaction('e', platformId, text) : `d${processId}${++this.#draftCount}`
          await this.#options.client.send(roomId, txnId, editOf(platformId, text), until)
        }),
    })
  }

  /** Forgets everything: another process may have sent and edited in the meantime. */
  clear(): void {
    this.#own.clear()
    this.#editor.clear()
  }

  /** A message was deleted; if it was ours, its text must be sent again. */
  deleted(eventId: string): void {
    if (this.#own.has(eventId)) this.#own.set(eventId, false)
  }

  /**
   * Servers accept edits of deleted messages, and the answer would stay unseen. A message that this
   * process has not sent itself is therefore fetched first.
   */
  async #mustExist(roomId: string, eventId: string, signal: AbortSignal): Promise<void> {
    let exists = this.#own.get(eventId)
    if (exists === undefined) {
      const event = await this.#options.client.event(roomId, eventId, signal)
      exists = !('redacted_because' in recordOf(event.unsigned)) && 'body' in event.content
      remember(this.#own, eventId, exists, REMEMBERED)
    }
    if (!exists) throw new Undeliverable('the message was deleted')
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
    if (error.kind === 'rate-limited') this.#options.pacing.block(error.retryAfterMs ?? 0)
    return sendErrorOf(error, MEANING)
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
