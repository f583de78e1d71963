import { createHash } from 'node:crypto'
import { Undeliverable } from '../../../inbox/delivery/outlet.ts'
import { MINUTE, SECOND } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import { within } from '../../kit/deadline.ts'
import type { DiscordClient } from '../api/client.ts'
import { DiscordFailure, UNKNOWN_CHANNEL } from '../api/failure.ts'
import { isSnowflake } from '../api/snowflake.ts'
import { firstForDiscord } from './format.ts'

/** A wrong token is mended by the operator, not by asking often. */
const TOKEN_RETRY_MS = MINUTE
/** Messages whose shown text is remembered, so that a draft that has not changed costs no request. */
const REMEMBERED_TEXTS = 500
/** A finished text waits for a draft on its way, so that must not take long. */
const DRAFT_TIMEOUT_MS = 5 * SECOND
/** Persons whose private chat is remembered by their own id. */
const REMEMBERED_CHATS = 500
/** The most that Discord takes. */
const NONCE_LENGTH = 25

const NEVER = new AbortController().signal

/** What the model writes must ring nobody: neither everyone, nor a role, nor whoever is replied to. */
const NO_MENTIONS = { parse: [], replied_user: false }
/** No previews of links: the model may have been made to write them, and a preview asks their server. */
const SUPPRESS_EMBEDS = 1 << 2

/** Sends and edits messages. Failures are those of `Outlet`. */
export class Sender {
  readonly #client: DiscordClient
  /** What a message reads, by address and id. */
  readonly #shown = new Map<string, string>()
  /** Drafts on their way, by address and id. */
  readonly #drafts = new Map<string, Promise<void>>()
  /** Private chats, by the person's id. */
  readonly #chats = new Map<string, string>()

  constructor(client: DiscordClient) {
    this.#client = client
  }

  /** @returns the id of the new message, or of the one that an earlier try with this key made; see `Outlet.send` */
  async send(
    address: string,
    part: string,
    options: { readonly replyTo: string | null; readonly key: string; readonly signal: AbortSignal },
  ): Promise<string> {
    const { replyTo, key, signal } = options
    const body = {
      content: part,
      allowed_mentions: NO_MENTIONS,
      flags: SUPPRESS_EMBEDS,
      nonce: nonceOf(key),
      enforce_nonce: true,
      ...(replyTo !== null && isSnowflake(replyTo)
        ? { message_reference: { message_id: replyTo, fail_if_not_exists: false } }
        : {}),
    }
    const message = await this.#inChannel(address, signal, (channelId) =>
      this.#client.createMessage(channelId, body as never, signal),
    )
    this.#remember(`${address} ${message.id}`, part)
    return message.id
  }

  /** See `Outlet.edit`. */
  async edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { final, signal } = options
    const key = `${address} ${platformId}`
    const text = final ? part : firstForDiscord(part)
    // Two requests may be done in either order: the finished text must be the last one.
    await this.#drafts.get(key)
    if (this.#shown.get(key) === text) return
    if (final) return this.#show(address, platformId, text, signal)
    if (!this.#client.mayWrite(this.#chats.get(address) ?? address)) return
    const showing = within(DRAFT_TIMEOUT_MS, NEVER, (deadline) =>
      this.#show(address, platformId, text, deadline),
    )
    const done = showing.then(ignore, ignore).finally(() => this.#drafts.delete(key))
    this.#drafts.set(key, done)
    await untilAborted(showing, signal)
  }

  async #show(address: string, platformId: string, text: string, signal: AbortSignal): Promise<void> {
    const key = `${address} ${platformId}`
    const body = { content: text, allowed_mentions: NO_MENTIONS, flags: SUPPRESS_EMBEDS }
    // Until the answer comes nobody knows what the message reads.
    this.#shown.delete(key)
    await this.#inChannel(address, signal, (channelId) =>
      this.#client.editMessage(channelId, platformId, body, signal),
    )
    this.#remember(key, text)
  }

  /**
   * An address is a channel. Where an operator's private chat is meant and was never heard of, it is the
   * person's id, under which there is no channel: the private chat is opened then.
   */
  async #inChannel<T>(
    address: string,
    signal: AbortSignal,
    call: (channelId: string) => Promise<T>,
  ): Promise<T> {
    if (!isSnowflake(address)) throw new Undeliverable('not an address of Discord')
    try {
      const known = this.#chats.get(address)
      if (known !== undefined) return await call(known)
      try {
        return await call(address)
      } catch (error) {
        if (!(error instanceof DiscordFailure) || error.code !== UNKNOWN_CHANNEL) throw error
        const channelId = await this.#client.openPrivateChat(address, signal)
        this.#chats.set(address, channelId)
        if (this.#chats.size > REMEMBERED_CHATS) this.#chats.delete(this.#chats.keys().next().value!)
        return await call(channelId)
      }
    } catch (error) {
      throw translated(error)
    }
  }

  #remember(key: string, text: string): void {
    this.#shown.set(key, text)
    if (this.#shown.size > REMEMBERED_TEXTS) this.#shown.delete(this.#shown.keys().next().value!)
  }
}

/** The same for each try of the same part: Discord answers a repeat within some minutes with the first message. */
function nonceOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, NONCE_LENGTH)
}

function translated(error: unknown): unknown {
  if (!(error instanceof DiscordFailure)) {
    // A draft's own deadline, not the asker's.
    return error instanceof Error && error.name === 'AbortError'
      ? new TransientError('no answer in time')
      : error
  }
  switch (error.kind) {
    case 'forbidden':
    case 'gone':
    case 'rejected':
      return new Undeliverable(error.message)
    case 'rate-limited':
      return new TransientError(error.message, error.retryAfterMs, 'rate-limited')
    case 'token':
      return new TransientError(error.message, TOKEN_RETRY_MS, 'token')
    default:
      return new TransientError(error.message, error.retryAfterMs, 'network')
  }
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
