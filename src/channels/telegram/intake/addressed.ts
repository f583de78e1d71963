import type { Message, MessageEntity } from 'grammy/types'
import { COMMAND_NAMES_AND_START } from '../../../conversation/commands.ts'
import { withAddress } from '../../kit/intake/quotation.ts'

/** Who the bot is there. */
export interface BotIdentity {
  readonly id: number
  /** Null until the platform has answered. */
  readonly username: string | null
}

/** Commands that need no `@bot` in a group, because they are ours by their name. */
const OWN_COMMAND = new RegExp(`^(?:${COMMAND_NAMES_AND_START})$`, 'i')

/**
 * Was the bot meant? Always in a private chat; in a group by a mention, a reply to the bot
 * or a command. What a forwarded message mentions, somebody else meant for somebody else.
 */
export function isAddressed(message: Message, bot: BotIdentity): boolean {
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
export function normalisedText(message: Message, bot: BotIdentity): string {
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

/** The words of a message, with the addresses that some of them link to. */
export function wordsOf(
  message: Pick<Message, 'text' | 'caption' | 'entities' | 'caption_entities'>,
): string {
  const text: unknown = message.text ?? message.caption ?? ''
  // Storing it would fail, and everything that came with it would wait.
  if (typeof text !== 'string') throw new TypeError('a text is none')
  return withLinks(text, message.entities ?? message.caption_entities ?? [])
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

function parseCommand(part: string): { readonly name: string; readonly suffix: string | null } {
  const [name = '', suffix = null] = part.slice(1).split('@')
  return { name, suffix }
}

function same(name: string, username: string | null): boolean {
  return username !== null && name.toLowerCase() === username.toLowerCase()
}
