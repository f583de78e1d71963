import { blocksText } from './blocks.ts'

/** A message as events and histories show it: the fields that this channel reads. */
export interface SlackMessage {
  readonly ts: string
  readonly type?: string
  readonly subtype?: string
  readonly user?: string
  readonly bot_id?: string
  readonly text?: string
  /** The message that the thread hangs on; that one itself may name itself here. */
  readonly thread_ts?: string
  /** Who wrote the message that the thread hangs on. */
  readonly parent_user_id?: string
  readonly reply_count?: number
  readonly latest_reply?: string
  readonly files?: readonly SlackFile[]
  /** What the words look like; some programs send only these. */
  readonly blocks?: unknown
  /** Previews of links, and messages that were passed on. */
  readonly attachments?: readonly SlackAttachment[]
  readonly user_profile?: { readonly display_name?: string; readonly real_name?: string }
  readonly metadata?: {
    readonly event_type?: string
    readonly event_payload?: Readonly<Record<string, unknown>>
  }
}

/** Something that hangs on a message. */
export interface SlackAttachment {
  /** Somebody's message that was passed on; else it is a preview. */
  readonly is_share?: boolean
  readonly author_name?: string
  readonly text?: string
  /** The same in plain text. */
  readonly fallback?: string
  readonly title?: string
  readonly files?: readonly SlackFile[]
  /** Of a person's message that was passed on. */
  readonly message_blocks?: ReadonlyArray<{ readonly message?: { readonly blocks?: unknown } }>
  /** Of what a program attached. */
  readonly blocks?: unknown
}

export interface SlackFile {
  readonly id?: string
  readonly name?: string | null
  readonly title?: string | null
  readonly mimetype?: string
  readonly size?: number
  /** `hosted` by Slack, `external` = a mere link, `tombstone` = deleted. */
  readonly mode?: string
  readonly file_access?: string
  readonly url_private?: string
  readonly url_private_download?: string
}

/** An event about a message, as the Events API sends it. */
export interface SlackMessageEvent extends SlackMessage {
  readonly channel: string
  readonly channel_type?: string
  /** `message_changed`: as it reads now, and as it read before. */
  readonly message?: SlackMessage
  readonly previous_message?: SlackMessage
  /** `message_deleted`. */
  readonly deleted_ts?: string
}

/** The thread that a message is a reply in; null = it is in the conversation itself. */
export function threadOf(message: SlackMessage): string | null {
  const { thread_ts: thread, ts } = message
  return isText(thread) && thread !== ts ? thread : null
}

/** What a message says: in words, or in blocks that have no words next to them. */
export function wordsOf({ text = '', blocks }: Pick<SlackMessage, 'text' | 'blocks'>): string {
  return text.trim() === '' ? blocksText(blocks) : text
}

/** A message that somebody passed on. */
export interface Shared {
  readonly from: string | null
  /** As Slack writes it. */
  readonly text: string
  readonly files: readonly SlackFile[]
}

/** The messages that a message passes on. Without words of its own, whatever hangs on it is what it says. */
export function sharedIn(message: SlackMessage): readonly Shared[] {
  const wordless = wordsOf(message).trim() === ''
  const attachments = Array.isArray(message.attachments) ? message.attachments : []
  return attachments
    .filter(
      (attachment): attachment is SlackAttachment => typeof attachment === 'object' && attachment !== null,
    )
    .filter((attachment) => attachment.is_share === true || wordless)
    .map((attachment) => ({
      from: stringOf(attachment.author_name) || null,
      text: wordsOfAttachment(attachment),
      files: Array.isArray(attachment.files) ? attachment.files : [],
    }))
    .filter(({ text, files }) => text !== '' || files.length > 0)
}

function wordsOfAttachment({
  text,
  title,
  fallback,
  message_blocks: parts,
  blocks,
}: SlackAttachment): string {
  const inner = Array.isArray(parts) ? parts.flatMap((part) => part?.message?.blocks ?? []) : []
  const body = wordsOf({ text: stringOf(text), blocks: inner.length > 0 ? inner : blocks })
  const words = [stringOf(title), body].filter((part) => part !== '').join('\n')
  return words === '' ? stringOf(fallback).replace(NO_PREVIEW, '') : words
}

/** What Slack writes for people whose program shows no blocks. */
const NO_PREVIEW = /^\[no preview available\]$/

/** What Slack sends is text where it must be, or it is passed over. */
export function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function stringOf(value: unknown): string {
  return isText(value) ? value : ''
}
