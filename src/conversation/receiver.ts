import type { Accepted, Cursor, Fence, MessageContext } from '../inbox/arrival.ts'
import type { Attachment } from '../inbox/message.ts'

/** What a platform delivered, in its facts; who may talk and what it means is decided by the receiver. */
export type InboundEvent =
  | {
      readonly kind: 'message'
      readonly address: string
      readonly platformMessageId: string
      readonly person: Person
      readonly chat: Chat
      readonly text: string
      /** Loaded only for those who may talk. @throws Refused with the sentence for the person */
      readonly attachments: ReadonlyArray<() => Promise<Attachment>>
      /** A kind that cannot be answered (a sticker, a call); the friendly sentence is the reply. */
      readonly unsupported: string | null
      /** The words are somebody else's, passed on by `person`: plain text, never a command. */
      readonly forwarded?: boolean
      /**
       * The gateway itself has let it in, by a signature that it checked: the channel's rules are
       * for people, and nobody is there who could be answered.
       */
      readonly vouched?: boolean
      /** The sender keeps the conversation itself; the channel bounds its size. */
      readonly context?: MessageContext
    }
  | {
      readonly kind: 'edit'
      readonly address: string
      readonly platformMessageId: string
      readonly person: Person
      readonly chat: Chat
      readonly text: string
    }
  | { readonly kind: 'deletion'; readonly address: string; readonly platformMessageId: string }
  | { readonly kind: 'moved'; readonly from: string; readonly to: string }

export interface Person {
  /** The platform's stable id; names change and prove nothing. */
  readonly id: string
  readonly name: string | null
  /** Ids of the roles or groups that the person belongs to here, where the platform tells them. */
  readonly groups?: readonly string[]
}

export interface Chat {
  readonly id: string
  readonly kind: 'private' | 'group'
  /** Was the bot meant: always in a private chat; in a group by mention, reply or command. */
  readonly addressed: boolean
}

/** The one way in: access, commands, pasted secrets, then the durable inbox. */
export interface Receiver {
  /**
   * Resolves only after everything that is to be kept, and the cursors, are durable; the
   * platform may be acknowledged then. One result for each of `items`, in order.
   *
   * @param fence of a channel that one process at a time receives from: a former holder's is refused
   * @throws StoreError when nothing was stored: do not acknowledge, deliver again
   */
  receive(
    channel: string,
    items: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
    fence?: Fence | null,
  ): Promise<readonly Accepted[]>
}
