import type { Link, PlatformAbout } from '../inbox/about.ts'
import type { Accepted, Cursor, Fence, MessageContext, Piece } from '../inbox/arrival.ts'
import type { Attachment } from '../inbox/message.ts'
import type { ParkedInput } from '../inbox/parked-inputs.ts'

/** How the ids of persons begin that are programs, whose messages come by webhooks. */
export const HOOK_PERSON = 'hook:'

/** Does nobody wait for the answer to what this person has sent? */
export function isUnattended(personId: string | null): boolean {
  return personId?.startsWith(HOOK_PERSON) === true
}

/** The facts of a delivered event; the receiver decides access and meaning. */
export type InboundEvent =
  | {
      readonly kind: 'message'
      readonly address: string
      readonly platformMessageId: string
      readonly person: Person
      readonly chat: Chat
      readonly text: string
      /** Loaded only for people with access. @throws Refused with the sentence for the person */
      readonly attachments: ReadonlyArray<() => Promise<Attachment>>
      /** What the platform says of it besides its words; left out: nothing. */
      readonly about?: PlatformAbout
      /** A kind that cannot be answered (a sticker, a call); the text is the reply. */
      readonly unsupported: string | null
      /** Forwarded by `person`, written by somebody else: plain text, never a command. */
      readonly forwarded?: boolean
      /**
       * Admitted by a checked signature: access rules are for people, and there is nobody to
       * refuse.
       */
      readonly vouched?: boolean
      /** The sender keeps the conversation; the channel limits its size. */
      readonly context?: MessageContext
      /** See `IncomingMessage.alone`. */
      readonly alone?: boolean
      /** See `IncomingMessage.piece`. */
      readonly piece?: Piece
    }
  | {
      readonly kind: 'edit'
      readonly address: string
      readonly platformMessageId: string
      readonly person: Person
      readonly chat: Chat
      readonly text: string
      /** Addresses behind words of the new text. */
      readonly links?: readonly Link[]
    }
  | Unread
  | {
      readonly kind: 'deletion'
      readonly address: string
      readonly platformMessageId: string
      /** See `Chat.place`. */
      readonly place?: string
    }
  | { readonly kind: 'moved'; readonly from: string; readonly to: string }
  /** Nothing is made of it: it waits for the operator. */
  | { readonly kind: 'parked'; readonly input: ParkedInput }

/**
 * A message, or an edit of one, of which only is known who wrote it and where. Its words are read when that
 * person has access; of a stranger's nothing is ever mapped, decoded or converted.
 */
export interface Unread {
  readonly kind: 'unread'
  readonly address: string
  readonly platformMessageId: string
  readonly person: Person
  readonly chat: Pick<Chat, 'id' | 'kind'>
  /** It changes an earlier message: a stranger gets no reply. */
  readonly isEdit: boolean
  /** The words as the platform delivers them, to recognise a pasted secret. */
  readonly raw: () => string
  /** What it delivers; null = nothing. @throws anything where it has not the shape of the platform */
  readonly read: () => InboundEvent | null | Promise<InboundEvent | null>
}

export interface Person {
  /** The platform's stable id; names change and prove nothing. */
  readonly id: string
  readonly name: string | null
  /** Ids of the roles or groups that the person belongs to here, where the platform reports them. */
  readonly groups?: readonly string[]
}

export interface Chat {
  readonly id: string
  readonly kind: 'private' | 'group'
  /** Was the bot meant: always in a private chat; in a group by mention, reply or command. */
  readonly addressed: boolean
  /** What a group is called; null or left out: the platform does not say. */
  readonly name?: string | null
  /** Where people read this message and those before it together; left out: its address. */
  readonly place?: string
}

/** Receives every inbound message: access, commands, pasted secrets, then the durable inbox. */
export interface Receiver {
  /**
   * Resolves only after everything that is to be kept, and the cursors, are durable; the
   * platform may be acknowledged then. One result for each of `items`, in order.
   *
   * @param fence of a channel that one process at a time receives from: a previous holder's is refused
   * @throws StoreError when nothing was stored: do not acknowledge, deliver again
   */
  receive(
    channel: string,
    items: readonly InboundEvent[],
    cursors: ReadonlyArray<Omit<Cursor, 'channel'>>,
    fence?: Fence | null,
  ): Promise<readonly Accepted[]>

  /**
   * Has this person access in this chat, if the bot is meant? Reads nothing that was said.
   *
   * @throws StoreError
   */
  mayTalk(channel: string, person: Person, chat: Pick<Chat, 'id' | 'kind'>): Promise<boolean>
}
