/** The state of a workspace: conversations and what was said in them. */

export interface SlackRecord {
  readonly type: 'message'
  readonly ts: string
  readonly user: string
  text: string
  readonly bot_id?: string
  readonly subtype?: string
  readonly thread_ts?: string
  readonly metadata?: unknown
  readonly files?: readonly object[]
  edited?: object
}

export type ConversationKind = 'im' | 'mpim' | 'public_channel' | 'private_channel'

interface Conversation {
  readonly id: string
  readonly kind: ConversationKind
  /** Of an im. */
  readonly user: string | null
  member: boolean
  records: SlackRecord[]
}

export const BOT = { user: 'U0BOT', bot: 'B0BOT', name: 'hermes', team: 'T1TEST' } as const
export const ADA = 'U0ADA'
export const BOB = 'U0BOB'

type Arguments = Readonly<Record<string, string | undefined>>
export type Answer = Record<string, unknown> & { readonly ok: boolean }

const refuse = (error: string, more: object = {}): Answer => ({ ok: false, error, ...more })

/** Names of emoji, of the thousands that there are: Slack knows none by its character. */
const EMOJI_NAMES = new Set(['eyes', 'hourglass', 'hourglass_flowing_sand', 'thumbsup'])

export class SlackWorkspace {
  readonly #conversations = new Map<string, Conversation>()
  /** Conversations that refuse what the bot posts, with the platform's word for it. */
  readonly closed = new Map<string, string>()
  readonly #reactions = new Map<string, Set<string>>()
  #lastMicros = 0

  open(id: string, kind: ConversationKind, options: { user?: string; member?: boolean } = {}): string {
    const { user = null, member = true } = options
    this.#conversations.set(id, { id, kind, user, member, records: [] })
    return id
  }

  kindOf(channel: string): ConversationKind {
    return this.#get(channel).kind
  }

  /** The next time stamp, each greater than the one before. */
  stamp(): string {
    this.#lastMicros = Math.max(this.#lastMicros + 1, Date.now() * 1_000)
    return `${Math.floor(this.#lastMicros / 1e6)}.${String(this.#lastMicros % 1e6).padStart(6, '0')}`
  }

  add(channel: string, record: SlackRecord): SlackRecord {
    this.#get(channel).records.push(record)
    return record
  }

  find(channel: string, ts: string): SlackRecord | undefined {
    return this.#conversations.get(channel)?.records.find((record) => record.ts === ts)
  }

  remove(channel: string, ts: string): void {
    const conversation = this.#get(channel)
    conversation.records = conversation.records.filter((record) => record.ts !== ts)
  }

  /** What the bot said, oldest first, unescaped. */
  sent(channel?: string): Array<{ id: string; channel: string; thread: string | null; text: string }> {
    return [...this.#conversations.values()]
      .filter(({ id }) => channel === undefined || id === channel)
      .flatMap(({ id, records }) =>
        records
          .filter(({ user }) => user === BOT.user)
          .map(({ ts, thread_ts, text }) => ({
            id: ts,
            channel: id,
            thread: thread_ts ?? null,
            text: unescaped(text),
          })),
      )
      .toSorted((a, b) => Number(a.id) - Number(b.id))
  }

  /** `chat.postMessage` */
  post(given: Arguments): Answer {
    const conversation = this.#target(given['channel'] ?? '')
    if (!conversation) return refuse('channel_not_found')
    const closed = this.closed.get(conversation.id)
    if (closed !== undefined) return refuse(closed)
    if (!conversation.member) return refuse('not_in_channel')
    const { text = '', thread_ts: thread, metadata } = given
    if (text === '') return refuse('no_text')
    if (text.length > 40_000) return refuse('msg_too_long')
    const record: SlackRecord = {
      type: 'message',
      ts: this.stamp(),
      user: BOT.user,
      bot_id: BOT.bot,
      text,
      ...(thread === undefined ? {} : { thread_ts: thread }),
      ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata) as unknown }),
    }
    conversation.records.push(record)
    return { ok: true, channel: conversation.id, ts: record.ts, message: record }
  }

  /** `chat.update` */
  update(given: Arguments): Answer {
    const { channel = '', ts = '', text = '' } = given
    const record = this.find(channel, ts)
    if (!record) return refuse('message_not_found')
    if (record.user !== BOT.user) return refuse('cant_update_message')
    record.text = text
    return { ok: true, channel, ts, text }
  }

  /** `reactions.add` and `reactions.remove` */
  react(given: Arguments, shown: boolean): Answer {
    const { channel = '', timestamp = '', name = '' } = given
    const conversation = this.#conversations.get(channel)
    if (!conversation) return refuse('channel_not_found')
    const closed = this.closed.get(channel)
    if (closed !== undefined) return refuse(closed)
    if (!conversation.member) return refuse('not_in_channel')
    if (!EMOJI_NAMES.has(name)) return refuse('invalid_name')
    if (!this.find(channel, timestamp)) return refuse('message_not_found')
    const reactions = this.reactionsTo(timestamp)
    if (reactions.has(name) === shown) return refuse(shown ? 'already_reacted' : 'no_reaction')
    if (shown) reactions.add(name)
    else reactions.delete(name)
    return { ok: true }
  }

  /** The bot's own reactions to a message, by name. */
  reactionsTo(ts: string): Set<string> {
    const known = this.#reactions.get(ts) ?? new Set()
    this.#reactions.set(ts, known)
    return known
  }

  /** `conversations.history`: the newest first, replies left out. */
  history(given: Arguments, pageLimit: number): Answer {
    const conversation = this.#conversations.get(given['channel'] ?? '')
    if (!conversation) return refuse('channel_not_found')
    if (!conversation.member) return refuse('not_in_channel')
    const all = conversation.records
      .filter(
        ({ ts, thread_ts, subtype }) => !thread_ts || thread_ts === ts || subtype === 'thread_broadcast',
      )
      .filter(({ ts }) => Number(ts) > Number(given['oldest'] ?? 0))
      .toReversed()
    return page(
      all.map((record) => this.#shown(conversation, record, given)),
      given,
      pageLimit,
    )
  }

  /** `conversations.replies`: the first message of the thread, then its replies, oldest first. */
  replies(given: Arguments, pageLimit: number): Answer {
    const conversation = this.#conversations.get(given['channel'] ?? '')
    if (!conversation) return refuse('channel_not_found')
    if (!conversation.member) return refuse('not_in_channel')
    const root = conversation.records.find(({ ts }) => ts === given['ts'])
    if (!root) return refuse('thread_not_found')
    const replies = conversation.records.filter(
      ({ ts, thread_ts }) =>
        thread_ts === root.ts && ts !== root.ts && Number(ts) > Number(given['oldest'] ?? 0),
    )
    return page(
      [root, ...replies].map((record) => this.#shown(conversation, record, given)),
      given,
      pageLimit,
    )
  }

  /** `users.conversations` */
  memberships(given: Arguments): Answer {
    const kinds = (given['types'] ?? 'public_channel').split(',')
    const channels = [...this.#conversations.values()]
      .filter(({ kind, member }) => member && kinds.includes(kind))
      .map(({ id }) => ({ id }))
    return { ok: true, channels, response_metadata: { next_cursor: '' } }
  }

  #shown(conversation: Conversation, record: SlackRecord, given: Arguments): object {
    const replies = conversation.records.filter(
      ({ ts, thread_ts }) => thread_ts === record.ts && ts !== record.ts,
    )
    const { metadata, ...rest } = record
    const root = conversation.records.find(({ ts }) => ts === record.thread_ts)
    return {
      ...rest,
      ...(given['include_all_metadata'] === 'true' && metadata !== undefined ? { metadata } : {}),
      ...(replies.length > 0
        ? { thread_ts: record.ts, reply_count: replies.length, latest_reply: replies.at(-1)!.ts }
        : {}),
      ...(root && root !== record ? { parent_user_id: root.user } : {}),
    }
  }

  #get(id: string): Conversation {
    const conversation = this.#conversations.get(id)
    if (!conversation) throw new Error(`there is no conversation ${id}`)
    return conversation
  }

  /** A person's id addresses the private chat with them. */
  #target(id: string): Conversation | undefined {
    return (
      this.#conversations.get(id) ??
      [...this.#conversations.values()].find(({ user }) => user === id && user !== null)
    )
  }
}

function page(messages: readonly object[], given: Arguments, pageLimit: number): Answer {
  const from = Number(given['cursor'] ?? 0)
  const limit = Math.min(Number(given['limit'] ?? 100), pageLimit)
  const more = messages.length > from + limit
  return {
    ok: true,
    messages: messages.slice(from, from + limit),
    has_more: more,
    response_metadata: { next_cursor: more ? String(from + limit) : '' },
  }
}

/** As the platform writes what a person typed; references stay. */
export function escaped(text: string): string {
  const parts = text.split(/(<[@#!][^<>]+>|<https?:[^<>]+>)/)
  return parts
    .map((part, at) =>
      at % 2 === 1 ? part : part.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;'),
    )
    .join('')
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}
