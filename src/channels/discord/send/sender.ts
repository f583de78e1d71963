import { createHash } from 'node:crypto'
import { Undeliverable, type SendOptions } from '../../../inbox/delivery/send-channel.ts'
import { remember } from '../../../support/remember.ts'
import { sendErrorOf, type SendMeaning } from '../../kit/failure.ts'
import { MessageEditor } from '../../kit/send/message-editor.ts'
import type { DiscordClient } from '../api/client.ts'
import { DiscordFailure, UNKNOWN_CHANNEL, type FailureKind } from '../api/failure.ts'
import { isSnowflake } from '../api/snowflake.ts'
import { firstForDiscord } from './format.ts'

/** Persons whose private chat is remembered by their own id. */
const REMEMBERED_CHATS = 500
/** The most that Discord takes. */
const NONCE_LENGTH = 25

/** Model output must never trigger a mention: neither of everyone, nor of a role, nor of the person who is replied to. */
const NO_MENTIONS = { parse: [], replied_user: false }
/** No previews of links: the model may have been made to write them, and a preview asks their server. */
const SUPPRESS_EMBEDS = 1 << 2

const MEANING: SendMeaning<FailureKind> = {
  forbidden: 'undeliverable',
  gone: 'undeliverable',
  rejected: 'undeliverable',
  token: { operator: 'token' },
}

/** Sends and edits messages. Failures are those of `SendChannel`. */
export class Sender {
  readonly #client: DiscordClient
  readonly #editor = new MessageEditor()
  /** Private chats, by the person's id. */
  readonly #chats = new Map<string, string>()

  constructor(client: DiscordClient) {
    this.#client = client
  }

  /** @returns the id of the new message, or of the one that an earlier try with this key made; see `SendChannel.send` */
  async send(address: string, part: string, options: SendOptions): Promise<string> {
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
    if (options.isDraft) this.#editor.sent(`${address} ${message.id}`, part)
    return message.id
  }

  /** See `SendChannel.edit`. */
  async edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void> {
    const { final, signal } = options
    const text = final ? part : firstForDiscord(part)
    const body = { content: text, allowed_mentions: NO_MENTIONS, flags: SUPPRESS_EMBEDS }
    await this.#editor.edit(`${address} ${platformId}`, text, {
      final,
      signal,
      mayDraft: () => this.#client.mayWrite(this.#chats.get(address) ?? address),
      show: (until) =>
        this.#inChannel(address, until, (channelId) =>
          this.#client.editMessage(channelId, platformId, body, until),
        ),
    })
  }

  /**
   * An address is a channel. Where an operator's private chat is meant and was never seen, it is the
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
        remember(this.#chats, address, channelId, REMEMBERED_CHATS)
        return await call(channelId)
      }
    } catch (error) {
      throw error instanceof DiscordFailure ? sendErrorOf(error, MEANING) : error
    }
  }
}

/** The same for each try of the same part: Discord answers a repeat within some minutes with the first message. */
function nonceOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url').slice(0, NONCE_LENGTH)
}
