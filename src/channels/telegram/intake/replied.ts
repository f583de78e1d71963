import type { Chat, ExternalReplyInfo, Message, MessageOrigin } from 'grammy/types'
import type { Quotation } from '../../kit/intake/quotation.ts'
import { withLinks, wordsOf, type BotIdentity } from './addressed.ts'
import { mediaOf, type FileRef } from './media.ts'

/** What a message answers. */
export interface Replied {
  readonly quotation: Quotation
  /** A picture or a document in it; null = none that can be read. */
  readonly file: FileRef | null
}

/**
 * What a person points to by answering it, and the model would not see otherwise; null: nothing. An
 * answer of the bot itself is in the history, and is quoted only where a part of it was chosen.
 */
export function repliedIn(message: Message, bot: BotIdentity): Replied | null {
  const { quote, external_reply: external, reply_to_message: replied } = message
  const chosen = quote?.text ? withLinks(quote.text, quote.entities ?? []) : null
  // In a forum every message "replies" to the one that made its topic.
  if (replied && !('forum_topic_created' in replied)) {
    const own = replied.from?.id === bot.id
    if (own && chosen === null) return null
    return repliedOf(nameOfSender(replied), chosen ?? wordsOf(replied), own ? null : replied)
  }
  // It is in another chat, or in another topic.
  if (external) return repliedOf(nameOfOrigin(external.origin), chosen ?? '', external)
  return chosen === null ? null : repliedOf(null, chosen, null)
}

function repliedOf(
  from: string | null,
  text: string,
  carrier: Message | ExternalReplyInfo | null,
): Replied | null {
  const media = carrier ? mediaOf(carrier) : null
  const file = media?.kind === 'file' ? media.file : null
  // Somebody joined, a message was pinned.
  if (text === '' && (media === null || media.kind === 'none')) return null
  return { quotation: { kind: 'answered', from, text }, file }
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
      return origin.sender_user_name
    case 'chat':
      return titleOf(origin.sender_chat)
    case 'channel':
      return titleOf(origin.chat)
    default:
      return null
  }
}

function titleOf(chat: Chat | undefined): string | null {
  return chat?.title ?? null
}

/** How people call somebody; null: the platform does not say. */
export function nameOf(user: Message['from']): string | null {
  if (!user) return null
  const name = [user.first_name, user.last_name].filter(Boolean).join(' ')
  return name || user.username || null
}
