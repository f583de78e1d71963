import type { Message, Update } from 'grammy/types'
import type { Chat, InboundEvent, Person } from '../../../conversation/receiver.ts'
import { withQuotation } from '../../kit/intake/quotation.ts'
import { formatAddress } from '../address.ts'
import { isAddressed, normalisedText, type BotIdentity } from './addressed.ts'
import type { FileLoader } from './media.ts'
import { mediaOf, MEDIA_FIELDS } from './media.ts'
import { nameOf, repliedIn } from './replied.ts'

/** The kinds of update that are asked for. */
export const ALLOWED_UPDATES = ['message', 'edited_message', 'my_chat_member'] as const

/** Fields of a message that somebody has written, or sent: a message without any is a note of Telegram itself. */
const WRITTEN: readonly string[] = ['text', 'caption', ...MEDIA_FIELDS]

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
  const media = mediaOf(message)
  const text = normalisedText(message, context.bot)
  // Members who join or leave, pinned messages and the like are no requests.
  if (text === '' && media.kind === 'none') return []
  // Of an album every piece answers the same: the one with the words says so.
  const replied = message.media_group_id !== undefined && text === '' ? null : repliedIn(message, context.bot)
  const files = [replied?.file ?? null, media.kind === 'file' ? media.file : null]
  return [
    {
      kind: 'message',
      ...placeOf(message),
      person,
      chat: { ...chatOf(message), addressed: isAddressed(message, context.bot) },
      text: withQuotation(text, replied?.quotation ?? null),
      attachments: files.filter((file) => file !== null).map(context.load),
      unsupported: media.kind === 'unsupported' ? media.sentence : null,
      ...(message.forward_origin ? { forwarded: true } : {}),
    },
  ]
}

function mapEdit(message: Message, context: MappingContext): readonly InboundEvent[] {
  const person = personOf(message)
  const text = normalisedText(message, context.bot)
  // A live location that moves is an edit as well.
  if (!person || text === '') return []
  const words = withQuotation(text, repliedIn(message, context.bot)?.quotation ?? null)
  return [
    {
      kind: 'edit',
      ...placeOf(message),
      person,
      chat: { ...chatOf(message), addressed: isAddressed(message, context.bot) },
      text: words,
    },
  ]
}

function placeOf(message: Message): { readonly address: string; readonly platformMessageId: string } {
  // Plain replies in a supergroup carry a thread as well; only a topic is a place of its own.
  const threadId = message.is_topic_message ? (message.message_thread_id ?? null) : null
  return {
    address: formatAddress(integer(message.chat.id), threadId),
    platformMessageId: String(integer(message.message_id)),
  }
}

function chatOf({ chat }: Message): Pick<Chat, 'id' | 'kind'> {
  return { id: String(chat.id), kind: chat.type === 'private' ? 'private' : 'group' }
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
