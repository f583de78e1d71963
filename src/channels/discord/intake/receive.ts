import type { APIMessage, APIMessageSnapshotFields } from 'discord-api-types/v10'
import type { Chat, InboundEvent, Person, Unread } from '../../../conversation/receiver.ts'
import type { Quotation } from '../../../inbox/about.ts'
import { aboutField } from '../../kit/intake/about-field.ts'
import type { FileLoader, FileRef } from './media.ts'
import { mediaOf } from './media.ts'

/** What a person wrote: other types are notes of the platform itself, such as a pin or a boost. */
const WRITTEN = new Set([0, 19])
const REPLY = 19
/** `message_reference.type` of words that somebody passed on. */
const FORWARD = 1

/** Who the bot is there. */
export interface BotIdentity {
  readonly id: string
  readonly applicationId: string
  readonly name: string
}

/** Where a message stands, which it does not say itself when it comes from the history. */
export interface MessageContext {
  /** null: a private chat. */
  readonly guildId: string | null
  /** Of a thread: the channel that it belongs to. */
  readonly parentId: string | null
  /** The role that Discord made for the bot in this server; people mention it instead of the bot. */
  readonly botRoleId: string | null
  /** What the server calls the channel or thread; null: not known. */
  readonly name?: string | null
  readonly bot: BotIdentity
}

/** A message as an event or the history brings it. Only events name the member. */
export type SeenMessage = APIMessage & {
  readonly member?: { readonly nick?: string | null; readonly roles: readonly string[] }
}

export interface Mapping {
  readonly load: FileLoader
  /** The author's roles, where they may decide who has access. */
  readonly groups?: readonly string[] | undefined
}

/** Who wrote it; null: a bot, a webhook, the platform itself, nobody who can be named. */
export function authorOf(message: SeenMessage): APIMessage['author'] | null {
  if (!message.author || message.author.bot || message.author.system || message.webhook_id) return null
  if (!isText(message.author.id)) return null
  return WRITTEN.has(message.type) ? message.author : null
}

/** A message, or a changed one, of a person before anything that it says is read; null: it is none of a person's. */
export function outlineMessage(
  message: SeenMessage,
  where: MessageContext,
  mapping: Mapping,
  isEdit: boolean,
): Unread | null {
  const author = authorOf(message)
  if (!author || (isEdit && !message.edited_timestamp)) return null
  return {
    kind: 'unread',
    address: message.channel_id,
    platformMessageId: message.id,
    person: personOf(message, author, mapping.groups),
    chat: placeOf(message, where),
    isEdit,
    raw: () => String(message.content ?? ''),
    read: () => (isEdit ? mapEdit(message, where, mapping) : mapMessage(message, where, mapping)),
  }
}

/** What a message delivers; null: nothing to answer. Pure: files are only named, not loaded. */
export function mapMessage(
  message: SeenMessage,
  where: MessageContext,
  mapping: Mapping,
): InboundEvent | null {
  const author = authorOf(message)
  if (!author) return null
  const forwarded = forwardedPart(message)
  const media = mediaOf({
    attachments: [...message.attachments, ...(forwarded?.attachments ?? [])],
    hasSticker: (message.sticker_items?.length ?? 0) > 0,
    hasPoll: message.poll !== undefined,
    flags: message.flags ?? 0,
  })
  const own = withoutMention(message.content, where)
  const replied = repliedIn(message, where)
  const files = [...(replied?.files ?? []), ...(media.kind === 'files' ? media.files : [])]
  // Without the Message Content Intent, and in mere link previews, there is nothing to read.
  const isEmpty = own === '' && !replied && !forwarded && media.kind === 'none'
  if (isEmpty && !isAddressed(message, where)) return null
  return {
    kind: 'message',
    address: message.channel_id,
    platformMessageId: message.id,
    person: personOf(message, author, mapping.groups),
    chat: chatOf(message, where),
    text: own,
    // An address behind words is typed as Markdown, and is in the text already.
    ...aboutField({ quotes: [replied?.quotation ?? null, forwarded ? forwardOf(forwarded) : null] }),
    attachments: files.map((file) => mapping.load(file)),
    unsupported: media.kind === 'unsupported' ? media.sentence : null,
    ...(forwarded ? { forwarded: true } : {}),
  }
}

/** A changed message; null: nobody changed its words (a link preview came, say). */
export function mapEdit(message: SeenMessage, where: MessageContext, mapping: Mapping): InboundEvent | null {
  const author = message.edited_timestamp ? authorOf(message) : null
  const text = author ? withoutMention(message.content ?? '', where) : ''
  if (!author || text === '') return null
  return {
    kind: 'edit',
    address: message.channel_id,
    platformMessageId: message.id,
    person: personOf(message, author, mapping.groups),
    chat: chatOf(message, where),
    text,
  }
}

interface Replied {
  readonly quotation: Quotation
  readonly files: readonly FileRef[]
}

/** What a person points to by answering it; null: nothing. An answer of the bot itself is in the history. */
function repliedIn(message: SeenMessage, { bot }: MessageContext): Replied | null {
  const replied = message.type === REPLY ? message.referenced_message : null
  if (!replied?.author || replied.author.id === bot.id) return null
  const media = mediaOf({
    attachments: replied.attachments ?? [],
    hasSticker: false,
    hasPoll: false,
    flags: replied.flags ?? 0,
  })
  const text = replied.content ?? ''
  if (text === '' && media.kind === 'none') return null
  const from = replied.author.global_name ?? replied.author.username ?? null
  return {
    quotation: { kind: 'reply', from, text },
    files: media.kind === 'files' ? media.files : [],
  }
}

/** Was the bot meant: in a server by a mention or a reply to it. */
export function isAddressed(message: SeenMessage, { guildId, bot, botRoleId }: MessageContext): boolean {
  if (guildId === null) return true
  if (message.mentions?.some(({ id }) => id === bot.id)) return true
  if (botRoleId !== null && message.mention_roles?.includes(botRoleId)) return true
  return message.type === REPLY && message.referenced_message?.author.id === bot.id
}

/** `@bot /new` is a command: a mention of the bot at the very beginning is not part of what is said. */
function withoutMention(content: string, { bot, botRoleId }: MessageContext): string {
  const names = [`<@${bot.id}>`, `<@!${bot.id}>`, ...(botRoleId === null ? [] : [`<@&${botRoleId}>`])]
  const name = names.find((mention) => content.trimStart().startsWith(mention))
  return name === undefined ? content : content.trimStart().slice(name.length).trimStart()
}

/** Discord does not say who wrote it. */
function forwardOf({ content }: APIMessageSnapshotFields): Quotation {
  return { kind: 'forward', from: null, text: content }
}

function forwardedPart(message: SeenMessage): APIMessageSnapshotFields | null {
  if (Number(message.message_reference?.type ?? 0) !== FORWARD) return null
  return message.message_snapshots?.[0]?.message ?? null
}

function personOf(
  message: SeenMessage,
  author: APIMessage['author'],
  groups: readonly string[] | undefined,
): Person {
  return describePerson(author, message.member, groups)
}

/** @param groups the roles, where they are known better than from `member` */
export function describePerson(
  user: { readonly id: string; readonly global_name?: unknown; readonly username?: unknown },
  member: { readonly nick?: unknown; readonly roles?: unknown } | null | undefined,
  groups: readonly string[] | undefined,
): Person {
  const name = [member?.nick, user.global_name, user.username].find(isText) ?? null
  const roles = groups ?? member?.roles
  return { id: user.id, name, ...(Array.isArray(roles) ? { groups: roles.filter(isText) } : {}) }
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function chatOf(message: SeenMessage, where: MessageContext): Chat {
  return { ...placeOf(message, where), addressed: isAddressed(message, where) }
}

function placeOf(message: SeenMessage, where: MessageContext): Pick<Chat, 'id' | 'kind' | 'name'> {
  // Access to a channel is access to its threads.
  const id = where.parentId ?? message.channel_id
  if (where.guildId === null) return { id, kind: 'private' }
  return { id, kind: 'group', ...(where.name ? { name: where.name } : {}) }
}
