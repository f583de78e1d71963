import { CannotParse, parseTelegramHtml, type ParsedEntity } from './telegram-html.ts'

/** What a call may carry, as far as the simulator reads it. */
export interface Payload {
  readonly chat_id?: number | string
  readonly message_id?: number
  readonly text?: string
  readonly parse_mode?: string
  readonly message_thread_id?: number
  readonly reply_parameters?: { readonly message_id: number; readonly allow_sending_without_reply?: boolean }
  readonly link_preview_options?: { readonly is_disabled?: boolean }
  readonly offset?: number
  readonly timeout?: number
  readonly file_id?: string
  readonly reaction?: ReadonlyArray<{ readonly type: string; readonly emoji?: string }>
  readonly [field: string]: unknown
}

/** A message of the bot, as its reader sees it now. */
export interface BotMessage {
  readonly id: number
  readonly chatId: number
  text: string
  entities: readonly ParsedEntity[]
  /** What it showed before, oldest first. */
  readonly earlier: string[]
  readonly replyTo: number | null
  readonly threadId: number | null
}

/** What a bot may react with. @see https://core.telegram.org/bots/api#reactiontypeemoji */
const REACTIONS = new Set(
  '👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡'.split(
    ' ',
  ),
)

/** The chats of the simulated Bot API: what the bot sent, under the service's real limits. */
export class BotChats {
  readonly sent: BotMessage[] = []
  /** Chats that the bot may not write to. */
  readonly blocked = new Set<number>()
  /** Groups that became supergroups, by their former id. */
  readonly migrated = new Map<number, number>()
  /** Chats in which no reactions are allowed. */
  readonly withoutReactions = new Set<number>()
  readonly #reactions = new Map<string, string>()
  readonly #lastIds = new Map<number, number>()

  send(payload: Payload): Record<string, unknown> {
    const chatId = Number(payload.chat_id)
    const refusal = this.refusal(chatId)
    if (refusal) return refusal
    const content = contentOf(payload)
    if ('error_code' in content) return content
    const message: BotMessage = {
      id: this.nextMessageId(chatId),
      chatId,
      ...content,
      earlier: [],
      replyTo: payload.reply_parameters?.message_id ?? null,
      threadId: payload.message_thread_id ?? null,
    }
    this.sent.push(message)
    return ok({ message_id: message.id, date: 1_760_000_000, chat: { id: chatId }, text: message.text })
  }

  edit(payload: Payload): Record<string, unknown> {
    const chatId = Number(payload.chat_id)
    const refusal = this.refusal(chatId)
    if (refusal) return refusal
    const message = this.sent.find((other) => other.chatId === chatId && other.id === payload.message_id)
    if (!message) return failed(400, 'Bad Request: message to edit not found')
    const content = contentOf(payload)
    if ('error_code' in content) return content
    if (
      content.text === message.text &&
      JSON.stringify(content.entities) === JSON.stringify(message.entities)
    )
      return failed(
        400,
        'Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message',
      )
    message.earlier.push(message.text)
    Object.assign(message, content)
    return ok({ message_id: message.id, date: 1_760_000_000, chat: { id: chatId }, text: message.text })
  }

  /** A bot that is no paying customer has one reaction on a message at most. */
  react(payload: Payload): Record<string, unknown> {
    const chatId = Number(payload.chat_id)
    const refusal = this.refusal(chatId)
    if (refusal) return refusal
    const messageId = Number(payload.message_id)
    if (!(messageId >= 1 && messageId <= this.#lastIds.get(chatId)!))
      return failed(400, 'Bad Request: message to react not found')
    const wanted = payload.reaction ?? []
    if (wanted.length > 1) return failed(400, 'Bad Request: REACTIONS_TOO_MANY')
    const known = wanted.every(({ type, emoji = '' }) => type === 'emoji' && REACTIONS.has(emoji))
    if (!known || (wanted.length > 0 && this.withoutReactions.has(chatId)))
      return failed(400, 'Bad Request: REACTION_INVALID')
    const [reaction] = wanted
    if (reaction) this.#reactions.set(`${chatId} ${messageId}`, reaction.emoji!)
    else this.#reactions.delete(`${chatId} ${messageId}`)
    return ok(true)
  }

  /** What the bot reacts to a message with; null = nothing. */
  reaction(chatId: number, messageId: number): string | null {
    return this.#reactions.get(`${chatId} ${messageId}`) ?? null
  }

  refusal(chatId: number): Record<string, unknown> | null {
    if (this.blocked.has(chatId)) return failed(403, 'Forbidden: bot was blocked by the user')
    const to = this.migrated.get(chatId)
    if (to !== undefined)
      return {
        ...failed(400, 'Bad Request: group chat was upgraded to a supergroup chat'),
        parameters: { migrate_to_chat_id: to },
      }
    return this.#lastIds.has(chatId) ? null : failed(400, 'Bad Request: chat not found')
  }

  /** The chat exists from now on. */
  openChat(chatId: number): void {
    this.#lastIds.set(chatId, this.#lastIds.get(chatId) ?? 0)
  }

  nextMessageId(chatId: number): number {
    const id = (this.#lastIds.get(chatId) ?? 0) + 1
    this.#lastIds.set(chatId, id)
    return id
  }
}

/** @see https://core.telegram.org/bots/api#sendmessage */
const MAX_UNITS = 4_096

function contentOf(
  payload: Payload,
): { text: string; entities: readonly ParsedEntity[] } | ReturnType<typeof failed> {
  try {
    const raw = String(payload.text ?? '')
    const parsed = payload.parse_mode === 'HTML' ? parseTelegramHtml(raw) : { text: raw, entities: [] }
    const text = parsed.text.trim()
    if (text === '') return failed(400, 'Bad Request: message text is empty')
    if (text.length > MAX_UNITS) return failed(400, 'Bad Request: message is too long')
    if (!text.isWellFormed()) return failed(400, 'Bad Request: strings must be encoded in UTF-8')
    return { text, entities: parsed.entities }
  } catch (cause) {
    if (!(cause instanceof CannotParse)) throw cause
    return failed(400, `Bad Request: ${cause.message}`)
  }
}

export function ok(result: unknown): Record<string, unknown> {
  return { ok: true, result }
}

export function failed(code: number, description: string): Record<string, unknown> & { error_code: number } {
  return { ok: false, error_code: code, description }
}
