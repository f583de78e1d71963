import type { Chat, InboundEvent, Person, Unread } from '../../../conversation/receiver.ts'
import type { Quotation } from '../../../inbox/about.ts'
import { aboutField, linksField } from '../../kit/intake/about-field.ts'
import { formatAddress, isPrivate } from '../address.ts'
import { commandText, withSlash } from './commands.ts'
import type { FileLoader } from './media.ts'
import { fileOf, type FileRef } from './media.ts'
import { isText, sharedIn, threadOf, wordsOf, type SlackMessage, type SlackMessageEvent } from './message.ts'
import { linksIn, mentions, mentionsOnlyOthers, plainText, quotedText, type BotIdentity } from './text.ts'

export interface MappingContext {
  readonly bot: BotIdentity
  readonly load: FileLoader
  /** Has the bot a part in the thread of this address? */
  readonly takesPart: (address: string) => boolean
}

/** Kinds of message that a person writes; all others are Slack's own notes, or a program's. */
const WRITTEN = new Set([undefined, 'file_share', 'thread_broadcast', 'me_message'])

/** A message of a person before anything that it says is read; null: it is none of a person's. */
export function outlineMessage(
  channel: string,
  message: SlackMessage,
  context: MappingContext,
  read: () => InboundEvent | null = () => mapMessage(channel, message, context),
): Unread | null {
  const person = personOf(message, context.bot)
  if (!person || !WRITTEN.has(message.subtype)) return null
  return {
    kind: 'unread',
    address: addressOf(channel, message),
    platformMessageId: message.ts,
    person,
    chat: { id: channel, kind: isPrivate(channel) ? 'private' : 'group' },
    isEdit: false,
    raw: () => String(message.text ?? ''),
    read,
  }
}

/** A changed message, before what it says now is read. Null: nothing that the core would know. */
export function outlineChange(event: SlackMessageEvent, context: MappingContext): InboundEvent | null {
  const { channel, message, previous_message: before } = event
  if (!isText(message?.ts)) return null
  if (message.subtype === 'tombstone') return deletion(channel, before ?? message)
  const outline = outlineMessage(channel, message, context, () => mapChange(event, context))
  return outline && { ...outline, isEdit: true }
}

/** What one message of a conversation delivers; null: nothing. Pure; files are only named, not loaded. */
export function mapMessage(
  channel: string,
  message: SlackMessage,
  context: MappingContext,
): InboundEvent | null {
  const person = personOf(message, context.bot)
  if (!person || !WRITTEN.has(message.subtype)) return null
  const words = wordsOf(message)
  const shared = sharedIn(message)
  const text = withSlash(plainText(words, context.bot))
  const links = linksIn(words)
  const quotes = shared.map(({ from, text: theirs }): Quotation => {
    return { kind: 'forward', from, text: quotedText(theirs, context.bot) }
  })
  const files = [...shared.flatMap((one) => one.files), ...(message.files ?? [])]
    .filter(({ mode }) => mode !== 'tombstone')
    .map(fileOf)
  // A mention of the bot and nothing else asks for help.
  const called = mentions(words, context.bot.userId)
  const isEmpty = text === '' && files.length === 0 && quotes.length === 0
  if (isEmpty && !called) return null
  return {
    kind: 'message',
    address: addressOf(channel, message),
    platformMessageId: message.ts,
    person,
    chat: chatOf(channel, message, context),
    text: isEmpty ? '/help' : text,
    ...aboutField({ quotes, links }),
    attachments: files.filter((file): file is FileRef => typeof file !== 'string').map(context.load),
    unsupported: files.find((file) => typeof file === 'string') ?? null,
  }
}

/** A message was changed or, as a thread's first one is, emptied. Null: nothing that the core would know. */
export function mapChange(event: SlackMessageEvent, context: MappingContext): InboundEvent | null {
  const { channel, message, previous_message: before } = event
  if (!isText(message?.ts)) return null
  if (message.subtype === 'tombstone') return deletion(channel, before ?? message)
  const person = personOf(message, context.bot)
  if (!person || !WRITTEN.has(message.subtype)) return null
  const words = wordsOf(message)
  const text = plainText(words, context.bot)
  // A preview that Slack adds to a link is a change as well.
  if (text === '' || (before && wordsOf(before) === words)) return null
  return {
    kind: 'edit',
    address: addressOf(channel, message),
    platformMessageId: message.ts,
    person,
    chat: chatOf(channel, message, context),
    text,
    ...linksField(linksIn(words)),
  }
}

/** A message was deleted. Null: it was none of a person's. */
export function mapDeletion(event: SlackMessageEvent, bot: BotIdentity): InboundEvent | null {
  const { channel, deleted_ts: ts, previous_message: before } = event
  if (!isText(ts) || (before && !personOf(before, bot))) return null
  return deletion(channel, { ...before, ts })
}

/** A `/hermes …` as Slack sends it. @see https://docs.slack.dev/interactivity/implementing-slash-commands */
export interface SlashCommand {
  readonly text?: string
  readonly user_id: string
  readonly user_name?: string
  readonly channel_id: string
  readonly trigger_id: string
}

/** A `/hermes …` before what it says is read. */
export function outlineCommand(command: SlashCommand): Unread {
  const { user_id: user, user_name: name, channel_id: channel } = command
  return {
    kind: 'unread',
    // Slack takes such a command in no thread: it speaks of the conversation itself.
    address: channel,
    platformMessageId: `command ${command.trigger_id}`,
    person: { id: user, name: isText(name) ? name : null },
    chat: { id: channel, kind: isPrivate(channel) ? 'private' : 'group' },
    isEdit: false,
    raw: () => String(command.text ?? ''),
    read: () => mapCommand(command),
  }
}

export function mapCommand(command: SlashCommand): InboundEvent {
  const { address, platformMessageId, person, chat } = outlineCommand(command)
  return {
    kind: 'message',
    address,
    platformMessageId,
    person,
    chat: { ...chat, addressed: true },
    text: commandText(command.text ?? ''),
    attachments: [],
    unsupported: null,
  }
}

/**
 * Where an answer belongs: a private chat as it is; elsewhere the thread, which a message that
 * is in the channel itself opens.
 */
function addressOf(channel: string, message: SlackMessage): string {
  const thread = threadOf(message)
  return formatAddress(channel, thread ?? (isPrivate(channel) ? null : message.ts))
}

function chatOf(channel: string, message: SlackMessage, context: MappingContext): Chat {
  if (isPrivate(channel)) return { id: channel, kind: 'private', addressed: true }
  return { ...groupOf(channel, message), addressed: isAddressed(channel, message, context) }
}

/** What is said in the channel itself is read together, although each message may open a thread. */
function groupOf(channel: string, message: SlackMessage) {
  return { id: channel, kind: 'group', place: formatAddress(channel, threadOf(message)) } as const
}

/**
 * Was the bot meant? By its name; and in a thread that it has a part in, unless the message
 * calls somebody else: people who talk with each other there name each other.
 */
function isAddressed(channel: string, message: SlackMessage, { bot, takesPart }: MappingContext): boolean {
  const text = wordsOf(message)
  if (mentions(text, bot.userId)) return true
  if (threadOf(message) === null || mentionsOnlyOthers(text, bot.userId)) return false
  return message.parent_user_id === bot.userId || takesPart(addressOf(channel, message))
}

/** Null: a program, or Slack itself. No bot is ever answered, so that no two can keep each other busy. */
function personOf(message: SlackMessage, bot: BotIdentity): Person | null {
  const { user, bot_id: program, user_profile: profile } = message
  if (!isText(user) || program !== undefined || user === bot.userId || user === SLACKBOT) return null
  const name = [profile?.display_name, profile?.real_name].find((given) => isText(given) && given !== '')
  return { id: user, name: name ?? null }
}

const SLACKBOT = 'USLACKBOT'

function deletion(channel: string, message: SlackMessage): InboundEvent {
  const { ts: platformMessageId } = message
  const { place } = groupOf(channel, message)
  const address = addressOf(channel, message)
  return { kind: 'deletion', address, platformMessageId, ...(place === address ? {} : { place }) }
}
