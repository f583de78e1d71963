import type { Link, MessageAbout } from './about.ts'
import type { MessageState, ConversationId, Attachment } from './message.ts'

/** A message as a channel passes it on, after access was granted. */
export interface IncomingMessage {
  readonly channel: string
  /** Where answers go, in the channel's own notation (chat, or chat and thread). */
  readonly address: string
  /** Unique within the address; a second delivery of the same id is the same message. */
  readonly platformMessageId: string
  readonly personId: string
  readonly personName: string | null
  readonly text: string
  readonly attachments: readonly Attachment[]
  /** What is known of it besides its words; null or left out: nothing. */
  readonly about?: MessageAbout | null
  /** Is a notice welcome? False in groups where the bot was not addressed. */
  readonly addressed: boolean
  /** The sender manages the conversation: this replaces the stored history, and the message is answered alone. */
  readonly context?: MessageContext
  /** It never shares an answer: a program sent it, and expects one for each message. */
  readonly alone?: boolean
  /** It is a piece of something larger, and more of it may follow. */
  readonly piece?: Piece
}

/** What the platform delivers as several messages. */
export interface Piece {
  /** What all pieces have in common, such as the id of an album; null = only that the person sent them in a row. */
  readonly of: string | null
}

/** One thing that a platform delivered. */
export type Arrival =
  | { readonly kind: 'message'; readonly message: IncomingMessage }
  /**
   * Runs at once, outside the queue; only its id, effect and reply are stored. Where its effect asks the model for
   * an answer, it is stored as a message, and queues like one.
   */
  | {
      readonly kind: 'command'
      readonly message: IncomingMessage
      readonly effect: CommandEffect | null
      /** Of an effect that asks the model the reply is the answer, and this is said where there is nothing to ask. */
      readonly reply: string
    }
  /** Changes the text of a message that is not being answered yet; otherwise changes nothing. */
  | {
      readonly kind: 'edit'
      readonly channel: string
      readonly address: string
      readonly platformMessageId: string
      readonly text: string
      /** Addresses behind words of the new text. */
      readonly links?: readonly Link[]
    }
  /** Withdraws a message that is not being answered yet; otherwise changes nothing. */
  | {
      readonly kind: 'deletion'
      readonly channel: string
      readonly address: string
      readonly platformMessageId: string
    }
  /**
   * Something that must not enter the inbox (a stranger, a pasted secret, a sticker):
   * only its id is remembered, so that a second delivery is not answered again.
   */
  | {
      readonly kind: 'turned-away'
      readonly channel: string
      readonly address: string
      readonly platformMessageId: string
      /** null: say nothing. */
      readonly reply: string | null
    }
  /** The platform gave the chat another address; the conversation continues there. */
  | { readonly kind: 'moved'; readonly channel: string; readonly from: string; readonly to: string }

/**
 * What a command does to its conversation. Stores and the dispatcher apply it without knowing any command
 * by name.
 */
export interface CommandEffect {
  /** Waiting messages are withdrawn, and the result of the running turn is discarded. */
  readonly withdrawWaiting?: true
  /** The running turn stops, in whichever process it runs. */
  readonly stopTurn?: true
  /** A fresh history begins after the command. */
  readonly clearHistory?: true
  /** The model that answers from now on; null = the configured one. */
  readonly model?: string | null
  /** The effort of its answers from now on; null = the configured one. */
  readonly effort?: string | null
  /**
   * The last message and its answer leave what the model is shown; one that waits or is being answered is withdrawn.
   * `{question}` in the reply becomes the beginning of the message; `nothing` is the reply where there is none.
   */
  readonly undo?: { readonly nothing: string }
  /**
   * The last message is asked again in the place of the command; it and its answer leave what the model is shown.
   * One that is being answered is stopped. `waiting` is the reply while a message waits for its first answer.
   */
  readonly retry?: { readonly waiting: string }
  /** The command is asked as a message, if the last answer ended before its end. */
  readonly resume?: true
}

/** A position in a platform's stream, stored in the same transaction as what came before it. */
export interface Cursor {
  readonly channel: string
  readonly name: string
  readonly value: string
}

/** A right that moves between processes: each new holder of `name` gets a higher number. */
export interface Fence {
  readonly name: string
  readonly fence: number
}

/** An outage during which messages are held, as far as the inbox must know it. */
export interface Outage {
  /** The same through one outage; a conversation is notified once per id. */
  readonly id: string
  readonly reason: string
  /** The notice for a conversation whose message has to wait; null while the wait is short enough to say nothing. */
  readonly notice: string | null
}

export interface HoldLimits {
  readonly maxPerConversation: number
  readonly maxTotal: number
}

export interface AcceptRequest {
  readonly arrivals: readonly Arrival[]
  readonly cursors: readonly Cursor[]
  readonly now: number
  /**
   * Set while messages cannot be answered: what arrives is held, within the limits, and its conversation
   * notified once.
   */
  readonly outage: Outage | null
  readonly limits: HoldLimits
  /** The sentence for a message that finds the hold full; the row is stored as `refused`. */
  readonly holdFullNotice: string
  /**
   * The right to the platform's connection under which this was received, where several processes
   * share a store: when another process has acquired it since, nothing is stored.
   */
  readonly fence?: Fence | null
  /** How long after a piece the next one is waited for, in milliseconds; left out: pieces are not waited for. */
  readonly mergeWindow?: number
}

/** What became of each arrival, in the same order. */
export interface Accepted {
  readonly conversationId: ConversationId | null
  /** The message's id; null where nothing was stored. */
  readonly messageId: string | null
  readonly state: MessageState | null
  /** It had been delivered before; `messageId` and `state` are the first one's. */
  readonly duplicate: boolean
  /** `refused` because the hold is full. */
  readonly holdFull: boolean
  /** Something is in the conversation's outbox now. */
  readonly outbox: boolean
  /** Waiting messages that a command withdrew. */
  readonly withdrawn: number
  /** The running turn lost its lease, and is to be stopped in whichever process it runs. */
  readonly stopped?: boolean
  /** A duplicate by its id whose context has another digest: not the same message at all. */
  readonly conflict?: boolean
  /** It belongs to what is being answered, where nothing of that answer is out yet. */
  readonly joins?: true
}

/**
 * Comes with a message whose sender manages the conversation: everything that the model is shown in
 * addition to the message, instead of the stored history and the configured settings. Stored with the
 * message, handed out with its lease, and dropped once the message was answered.
 */
export interface MessageContext {
  /** Digest of the request as it was sent: tells a repetition from a different request under the same id. */
  readonly digest: string
  /** The sender's system prompt, verbatim; null = the gateway's own. */
  readonly system: string | null
  /** What was said before, oldest first. */
  readonly turns: readonly EarlierTurn[]
  /** null = the configured one. */
  readonly model: string | null
  /** Tokens of the answer at most; null = as configured. */
  readonly maxTokens: number | null
  /** Stop sequences: the answer ends before any of these. */
  readonly stop: readonly string[]
}

export interface EarlierTurn {
  readonly role: 'user' | 'assistant'
  readonly text: string
  /** Which of the message's attachments belong here, by index; those that no turn names are the message's own. */
  readonly attachments: readonly number[]
}

/** The reason of an answer that reached the maximum length. */
export const CUT_SHORT = 'cut short'

/** The result for an arrival of which nothing was stored. */
export const NOT_STORED: Accepted = {
  conversationId: null,
  messageId: null,
  state: null,
  duplicate: false,
  holdFull: false,
  outbox: false,
  withdrawn: 0,
}
