import type { MessageContext } from '../../inbox/arrival.ts'
import type { Attachment, MessageRole, MessageState } from '../../inbox/message.ts'

/** A new message without its position in the conversation. */
export interface NewMessage {
  readonly role: MessageRole
  readonly state: MessageState
  readonly text: string
  readonly at: number
  readonly preface?: string | null
  readonly reason?: string | null
  readonly origin?: number
  readonly platformId?: string
  readonly personId?: string
  readonly personName?: string | null
  readonly addressed?: boolean
  readonly command?: boolean
  readonly attachments?: readonly Attachment[]
  /** It belongs to the history, at its own place. */
  readonly inHistory?: boolean
  readonly heldBase?: number | null
  /** Its context; `whole` false keeps only the digest, which tells a repetition from another request. */
  readonly context?: { readonly value: MessageContext; readonly whole: boolean }
}

/** What is to be sent of a message that has just been stored. */
export interface Sending {
  readonly kind: 'answer' | 'notice'
  readonly replyTo: string | null
  readonly draft?: string | null
  readonly askedAt?: number | null
  readonly at: number
}
