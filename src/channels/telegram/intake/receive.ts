import type {
  Chat as TelegramChat,
  Message,
  MessageEntity,
  ExternalReplyInfo,
  MessageOrigin,
  Update,
} from 'grammy/types'
import { COMMAND_NAMES_AND_START } from '../../../conversation/commands.ts'
import type { Chat, InboundEvent, Person } from '../../../conversation/receiver.ts'
import type { Link, Quotation } from '../../../inbox/about.ts'
import type { Piece } from '../../../inbox/arrival.ts'
import { aboutField, linksField } from '../../kit/intake/about-field.ts'
import { linkBehind, withAddress } from '../../kit/intake/link-behind.ts'
import {
  contactIn,
  locationIn,
  mediaOf,
  type FileRef,
  type FileLoader,
  type Media,
  MEDIA_FIELDS,
} from './media.ts'

/** The kinds of update that are asked for. */
export const ALLOWED_UPDATES = ['message', 'edited_message', 'my_chat_member'] as const

/**
 * Telegram's programs split a text that is longer than a message may be (4,096 characters), at a space or the end of a
 * line shortly before that.
 */
const MIN_SPLIT_LENGTH = 4_096 - 300

/** Fields of a message that somebody has written, or sent: a message without any is a note of Telegram itself. */
const WRITTEN: readonly string[] = ['text', 'caption', ...MEDIA_FIELDS]

/** Who the bot is there. */
export interface BotIdentity {
  readonly id: number
  /** Null until the platform has answered. */
  readonly username: string | null
}

export interface MappingContext {
  readonly bot: BotIdentity
  readonly load: FileLoader
  /** Logs what needs no other reaction. */
  readonly note: (text: string) => void
}

/**
 * What one update delivers: nothing for channel posts, other bots and service messages. Pure
 * but for `note`; files are only named, not loaded.
 *
 * @throws anything where the update has not the shape of the Bot API; the caller skips it then
 */
export function mapUpdate(update: Update, context: MappingContext): readonly InboundEvent[] {
  if (update.message) return mapMessage(update.message, context)
  if (update.edited_message) return mapEdit(update.edited_message, context)
  if (update.my_chat_member) {
    const { chat, new_chat_member: member } = update.my_chat_member
    context.note(`the bot is now "${member.status}" in chat ${chat.id}`)
  }
  return []
}

/**
 * What one update delivers, before anything that it says is read: `map` is called for people with access,
 * and for what nobody has written.
 *
 * @throws as `mapUpdate` does
 */
export function outlineUpdate(update: Update, map: () => readonly InboundEvent[]): readonly InboundEvent[] {
  const message = update.message ?? update.edited_message
  if (!message || !WRITTEN.some((field) => field in message)) return map()
  const person = personOf(message)
  if (!person) return []
  const { id, kind } = chatOf(message)
  return [
    {
      kind: 'unread',
      ...placeOf(message),
      person,
      chat: { id, kind },
      isEdit: update.message === undefined,
      raw: () => String(message.text ?? message.caption ?? ''),
      read: () => map()[0] ?? null,
    },
  ]
}

/** Does the update need the bot's own name to be understood? */
export function isFromGroup(update: Update): boolean {
  const type = (update.message ?? update.edited_message)?.chat.type
  return type === 'group' || type === 'supergroup'
}

function mapMessage(message: Message, context: MappingContext): readonly InboundEvent[] {
  if (message.migrate_to_chat_id !== undefined)
    return [moved(message.chat.id, integer(message.migrate_to_chat_id))]
  if (message.migrate_from_chat_id !== undefined)
    return [moved(integer(message.migrate_from_chat_id), message.chat.id)]
  const person = personOf(message)
  if (!person) return []
  // What is written has no media, and needs no search for it.
  const media: Media = message.text ? { kind: 'none' } : mediaOf(message)
  const words = normalisedText(message, context.bot)
  const [location, contact] = [locationIn(message), contactIn(message)]
  // Members who join or leave, pinned messages and the like are no requests.
  if (words === '' && media.kind === 'none' && !location && !contact) return []
  // Of an album every piece answers the same: the one with the words says so.
  const isPiece = message.media_group_id !== undefined && words === ''
  const replied = isPiece ? null : repliedIn(message, context.bot)
  const forwarded = isPiece ? null : forwardedIn(message)
  const links = forwarded ? [] : linksIn(message)
  const files = [replied?.file ?? null, media.kind === 'file' ? media.file : null]
  return [
    {
      kind: 'message',
      ...placeOf(message),
      person,
      chat: { ...chatOf(message), addressed: isAddressed(message, context.bot) },
      text: forwarded ? '' : words,
      ...aboutField({ quotes: [replied?.quotation ?? null, forwarded], links, location, contact }),
      attachments: files.filter((file) => file !== null).map(context.load),
      unsupported: media.kind === 'unsupported' ? media.sentence : null,
      ...(message.forward_origin ? { forwarded: true } : {}),
      ...pieceOf(message),
    },
  ]
}

/** Whether more of the same may follow. */
function pieceOf({ media_group_id: album, text }: Message): { readonly piece?: Piece } {
  if (album !== undefined) return { piece: { of: String(album) } }
  return text && text.length >= MIN_SPLIT_LENGTH ? { piece: { of: null } } : {}
}

function mapEdit(message: Message, context: MappingContext): readonly InboundEvent[] {
  const person = personOf(message)
  const text = normalisedText(message, context.bot)
  // A live location that moves is an edit as well.
  if (!person || text === '' || message.forward_origin) return []
  return [
    {
      kind: 'edit',
      ...placeOf(message),
      person,
      chat: { ...chatOf(message), addressed: isAddressed(message, context.bot) },
      text,
      ...linksField(linksIn(message)),
    },
  ]
}

/** Somebody else's words that the person passes on; null: the words are the person's own. */
function forwardedIn(message: Message): Quotation | null {
  const { forward_origin: origin } = message
  return origin ? { kind: 'forward', from: nameOfOrigin(origin), text: quotedWordsOf(message) } : null
}

/** Where a message goes: a chat, or one topic of a forum. Written `chatId` or `chatId/threadId`. */
export interface Target {
  readonly chatId: number
  readonly threadId: number | null
}

export function formatAddress(chatId: number, threadId: number | null): string {
  return threadId === null ? String(chatId) : `${chatId}/${threadId}`
}

/** Null: not an address of this channel. */
export function parseAddress(address: string): Target | null {
  const match = /^(-?\d{1,16})(?:\/(\d{1,16}))?$/.exec(address)
  if (!match) return null
  return { chatId: Number(match[1]), threadId: match[2] === undefined ? null : Number(match[2]) }
}

/** Groups, supergroups and channels have negative ids. */
export function isGroup(chatId: number): boolean {
  return chatId < 0
}

function placeOf(message: Message): { readonly address: string; readonly platformMessageId: string } {
  // Plain replies in a supergroup carry a thread as well; only a topic is a place of its own.
  const threadId = message.is_topic_message ? (message.message_thread_id ?? null) : null
  return {
    address: formatAddress(integer(message.chat.id), threadId),
    platformMessageId: String(integer(message.message_id)),
  }
}

function chatOf({ chat }: Message): Pick<Chat, 'id' | 'kind' | 'name'> {
  const id = String(chat.id)
  if (chat.type === 'private') return { id, kind: 'private' }
  return { id, kind: 'group', ...(chat.title ? { name: chat.title } : {}) }
}

/**
 * Who sent it; null: nobody to answer. The sender of a forwarded message is who forwarded it.
 * An anonymous administrator writes as the chat itself and has only the chat's id.
 */
function personOf(message: Message): Person | null {
  if (message.chat.type === 'channel' || message.is_automatic_forward) return null
  if (message.sender_chat)
    return { id: String(integer(message.sender_chat.id)), name: message.sender_chat.title ?? null }
  const from = message.from
  if (!from || from.is_bot) return null
  return { id: String(integer(from.id)), name: nameOf(from) }
}

function moved(from: number, to: number): InboundEvent {
  return { kind: 'moved', from: formatAddress(integer(from), null), to: formatAddress(integer(to), null) }
}

/** Ids are integers; anything else means that this is no update as we know it. */
function integer(value: number): number {
  if (!Number.isSafeInteger(value)) throw new TypeError('an id is not an integer')
  return value
}

/** What a message answers. */
interface Replied {
  readonly quotation: Quotation
  /** A picture or a document in it; null = none that can be read. */
  readonly file: FileRef | null
}

/**
 * What a person points to by answering it, and the model would not see otherwise; null: nothing. An
 * answer of the bot itself is in the history, and is quoted only where a part of it was chosen.
 */
function repliedIn(message: Message, bot: BotIdentity): Replied | null {
  const { quote, external_reply: external, reply_to_message: replied } = message
  const chosen = quote?.text ? withLinks(quote.text, quote.entities ?? []) : null
  // In a forum every message "replies" to the one that made its topic.
  if (replied && !('forum_topic_created' in replied)) {
    const own = replied.from?.id === bot.id
    if (own && chosen === null) return null
    return repliedOf(nameOfSender(replied), chosen, quotedWordsOf(replied), own ? null : replied)
  }
  // It is in another chat, or in another topic.
  if (external) return repliedOf(nameOfOrigin(external.origin), chosen, '', external)
  return chosen === null ? null : repliedOf(null, chosen, '', null)
}

/** @param chosen the part that the person answers; null = all of it */
function repliedOf(
  from: string | null,
  chosen: string | null,
  words: string,
  carrier: Message | ExternalReplyInfo | null,
): Replied | null {
  const media = carrier ? mediaOf(carrier) : null
  const file = media?.kind === 'file' ? media.file : null
  const text = chosen ?? words
  // Somebody joined, a message was pinned.
  if (text === '' && (media === null || media.kind === 'none')) return null
  return { quotation: { kind: chosen === null ? 'reply' : 'part', from, text }, file }
}

function nameOfSender({ from, sender_chat: chat }: Message): string | null {
  return chat?.title ?? nameOf(from)
}

/** Something unknown there is no reason to lose the message that points to it. */
function nameOfOrigin(origin: MessageOrigin | undefined): string | null {
  switch (origin?.type) {
    case 'user':
      return nameOf(origin.sender_user)
    case 'hidden_user':
      return origin.sender_user_name ?? null
    case 'chat':
      return titleOf(origin.sender_chat)
    case 'channel':
      return titleOf(origin.chat)
    default:
      return null
  }
}

function titleOf(chat: TelegramChat | undefined): string | null {
  return chat?.title ?? null
}

/** How people call somebody; null: the platform does not say. */
function nameOf(user: Message['from']): string | null {
  if (!user) return null
  const name = [user.first_name, user.last_name].filter(Boolean).join(' ')
  return name || user.username || null
}

/** Commands that need no `@bot` in a group, because they are ours by their name. */
const OWN_COMMAND = new RegExp(`^(?:${COMMAND_NAMES_AND_START})$`, 'i')

/**
 * Was the bot meant? Always in a private chat; in a group by a mention, a reply to the bot
 * or a command. What a forwarded message mentions, somebody else meant for somebody else.
 */
function isAddressed(message: Message, bot: BotIdentity): boolean {
  if (message.chat.type === 'private') return true
  if (repliesTo(message, bot)) return true
  if (message.forward_origin) return false
  const text = message.text ?? message.caption ?? ''
  const entities = message.entities ?? message.caption_entities ?? []
  return entities.some((entity) => names(entity, text, bot))
}

function repliesTo(message: Message, bot: BotIdentity): boolean {
  const replied = message.reply_to_message
  // In a forum every message "replies" to the one that made its topic.
  return replied?.from?.id === bot.id && !('forum_topic_created' in replied)
}

function names(entity: MessageEntity, text: string, bot: BotIdentity): boolean {
  const part = text.slice(entity.offset, entity.offset + entity.length)
  if (entity.type === 'mention') return same(part.slice(1), bot.username)
  if (entity.type === 'text_mention') return entity.user.id === bot.id
  if (entity.type !== 'bot_command') return false
  const { name, suffix } = parseCommand(part)
  return suffix === null ? entity.offset === 0 && OWN_COMMAND.test(name) : same(suffix, bot.username)
}

/**
 * The text as the core reads it. Only a command at the very beginning is rewritten: `/new@our_bot`
 * is `/new`, and `/start`, Telegram's own first word, asks for help. Everything else is verbatim.
 */
function normalisedText(message: Message, bot: BotIdentity): string {
  const text = wordsOf(message)
  const entity = (message.entities ?? message.caption_entities ?? []).find(
    ({ type, offset }) => type === 'bot_command' && offset === 0,
  )
  if (!entity || message.forward_origin) return text
  const { name, suffix } = parseCommand(text.slice(0, entity.length))
  if (suffix !== null && !same(suffix, bot.username)) return text
  if (name === 'start') return '/help'
  return suffix === null ? text : `/${name}${text.slice(entity.length)}`
}

function wordsOf(message: Pick<Message, 'text' | 'caption'>): string {
  const text: unknown = message.text ?? message.caption ?? ''
  // Storing it would fail, and everything that came with it would wait.
  if (typeof text !== 'string') throw new TypeError('a text is none')
  return text
}

/** Words that are quoted, with the addresses behind them. */
function quotedWordsOf(message: Message): string {
  return withLinks(wordsOf(message), message.entities ?? message.caption_entities ?? [])
}

/** Words and their marks as the platform gives them apart, with the addresses that only the marks hold. */
export function withLinks(text: string, entities: readonly MessageEntity[]): string {
  let rest = text
  // From the end, so that the places before stay right.
  for (const entity of entities.toSorted((a, b) => b.offset - a.offset)) {
    if (entity.type !== 'text_link') continue
    const end = entity.offset + entity.length
    const words = text.slice(entity.offset, end)
    rest = rest.slice(0, entity.offset) + withAddress(words, entity.url) + rest.slice(end)
  }
  return rest
}

/** The addresses behind words, which the platform gives apart from them. */
function linksIn(message: Message): readonly Link[] {
  const text = wordsOf(message)
  return (message.entities ?? message.caption_entities ?? []).flatMap((entity) => {
    if (entity.type !== 'text_link') return []
    return linkBehind(text.slice(entity.offset, entity.offset + entity.length), entity.url) ?? []
  })
}

function parseCommand(part: string): { readonly name: string; readonly suffix: string | null } {
  const [name = '', suffix = null] = part.slice(1).split('@')
  return { name, suffix }
}

function same(name: string, username: string | null): boolean {
  return username !== null && name.toLowerCase() === username.toLowerCase()
}
