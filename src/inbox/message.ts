import type { MessageAbout } from './about.ts'

/** As `GET /api/conversations/:id/messages` prints them. */
export type MessageState = 'received' | 'answering' | 'held' | 'answered' | 'refused' | 'withdrawn' | 'parked'

export type MessageRole = 'user' | 'assistant' | 'notice'

/** `<channel>:<address at first sight>`; never changes, even when the platform moves the chat. */
export type ConversationId = string

export interface Attachment {
  readonly mediaType: string
  readonly name: string
  readonly bytes: Uint8Array
}

export interface AttachmentInfo {
  readonly id: string
  readonly mediaType: string
  readonly name: string
  readonly size: number
}

export interface StoredMessage {
  readonly id: string
  readonly conversationId: ConversationId
  /** Order within the conversation, over all roles. */
  readonly seq: number
  readonly role: MessageRole
  readonly text: string
  /** What the reader sees before the text and the model does not, such as `(Replying to your message from 2 h ago)`. */
  readonly preface: string | null
  /**
   * Of an answer: JSON text of the array of API messages that its turn appended after the question, byte by byte as
   * it was stored; null where that is one text block with `text`. Read with the history of a lease only, because it
   * may be megabytes: null everywhere else.
   */
  readonly blocks: string | null
  readonly state: MessageState
  /** Why it is held, refused or parked; one word or sentence without any provider text. */
  readonly reason: string | null
  readonly platformMessageId: string | null
  readonly personId: string | null
  readonly personName: string | null
  readonly attachments: readonly AttachmentInfo[]
  /** What is known of it besides its words; null = nothing. */
  readonly about: MessageAbout | null
  /** When it was accepted. */
  readonly at: number
  /** The id of the answer, once there is one. */
  readonly answeredBy: string | null
  /** Increases with every change of this row; ascending over the whole store. The id of its SSE event. */
  readonly revision: number
}

export interface Conversation {
  readonly id: ConversationId
  readonly channel: string
  readonly address: string
  /** The model chosen by `/model`; null = the configured one. */
  readonly model: string | null
  /** The effort chosen by `/effort`; null = the configured one. */
  readonly effort: string | null
}

/**
 * Whether a text is an instruction by its first word: `/command`, or `!word` as the sandbox and some platforms
 * have it. It is answered alone, for among other words nothing would obey it.
 */
export function isInstruction(text: string): boolean {
  return /^\s*[/!]\s?[a-z]/i.test(text)
}

/**
 * Why a message ended, where the store ends it. Shown in the operator's queue; an API that must report the
 * fate of a message also tells by it what happened.
 */

/** It found the hold full. */
export const HOLD_FULL = 'hold full'
/** It was held for so long that an answer is of no use any more. */
export const TOO_OLD = 'held too long'
/** It was leased again and again, and its turn never finished. */
export const NEVER_FINISHED = 'handling never came to an end'
/** Its sender deleted it, or took it back by a command, before it was answered. */
export const TAKEN_BACK = 'taken back'
/** Its sender asked it again while it was being answered, and the new message is answered instead. */
export const ASKED_AGAIN = 'asked again'
/** The operator removed it from the queue. */
export const DROPPED = 'dropped by the operator'
