/** Where answers and notices go: the sending side of a channel, as the delivery needs it. */
export interface SendChannel {
  readonly channel: string
  /** False for a channel whose readers read the store: nothing is ever sent to it. */
  readonly push: boolean
  /** The least time between two edits of a draft, in milliseconds; null = the platform cannot edit. */
  readonly draftIntervalMs: number | null
  /**
   * False while another process holds the channel: nothing is sent from here. Left out: there are no other
   * processes.
   */
  readonly here?: boolean

  /** The parts in which `text` is sent. Pure: the same text gives the same parts, for receipts count them. */
  split(text: string): readonly string[]

  /**
   * A sentence of our own with its commands named as people there must write them. Left out: `/new` is
   * written `/new`. Pure, and never asked about the model's words.
   */
  ownWords?(text: string, address: string): string

  /**
   * Sends one part.
   *
   * @returns the platform's id of the sent message
   * @throws TransientError to be tried again; Undeliverable when it never will be; Moved when the chat has a new address
   */
  send(address: string, part: string, options: SendOptions): Promise<string>

  /**
   * Replaces the text of a message that `send` made. A message that is gone counts as Undeliverable.
   *
   * @param final false: an intermediate draft (sent as it is, truncated where the platform requires it)
   */
  edit(
    address: string,
    platformId: string,
    part: string,
    options: { readonly final: boolean; readonly signal: AbortSignal },
  ): Promise<void>

  /** Shows that an answer is being written; failures are of no interest. */
  typing(address: string): void

  /**
   * Deletes a message (a pasted secret, say). False: it is still there, and may be tried again; `never`:
   * the platform does not let a bot. Never throws.
   */
  remove?(address: string, platformId: string): Promise<boolean | 'never'>

  /** Marks on people's messages. Left out: the platform has none. */
  readonly reactions?: Reactions
}

/** What a mark on a person's message says: it was taken and is being answered, or it is held. */
export type Reaction = 'taken' | 'held'

/** The reactions of a platform. They are decoration: nothing of them delays or fails a message. */
export interface Reactions {
  /** A message carries one reaction of a bot at most: another one takes its place, and a removal removes whichever. */
  readonly single: boolean

  /**
   * Asks once that a message shows the reaction, or does not. Asking where there is nothing to change does no harm.
   * Never throws.
   */
  set(
    message: { readonly address: string; readonly platformId: string },
    change: ReactionChange,
    signal: AbortSignal,
  ): Promise<ReactionOutcome>
}

export interface ReactionChange {
  readonly reaction: Reaction
  /** False: remove it. */
  readonly shown: boolean
}

/** What became of a request to change a reaction. */
export type ReactionOutcome =
  /** It was asked for, whatever the platform made of it. */
  | 'done'
  /** Nothing was asked: it would take the room of messages. */
  | 'no-room'
  /** The bot may not react in this chat, or in no chat. */
  | 'closed-chat'
  | 'closed'
  /** The platform asks to wait before the next one. */
  | { readonly retryAfterMs: number }

export interface SendOptions {
  readonly replyTo: string | null
  /** The same for each try of the same part, for platforms that can drop repeats. */
  readonly key: string
  /** It will be edited, so what it shows is remembered. Left out: it is never edited. */
  readonly isDraft?: boolean
  readonly signal: AbortSignal
}

/** This item can never be delivered: the bot was blocked, the chat is gone. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
}

/** Another process holds the channel now and sends what is left. */
export class NotHere extends Error {
  override readonly name = 'NotHere'
}

/** The chat continues at another address. */
export class Moved extends Error {
  override readonly name = 'Moved'
  readonly to: string

  constructor(to: string) {
    super('the chat has moved')
    this.to = to
  }
}

/** Begins the id of a message that did not come from the platform in whose chat it is answered. */
const OWN = 'hermes:'

/** An id for such a message. It must be the same for each delivery. */
export function ownId(rest: string): string {
  return OWN + rest
}

/** What an answer may be shown as a reply to; null = the platform knows no such message. */
export function replyTarget(platformMessageId: string | null): string | null {
  return platformMessageId?.startsWith(OWN) ? null : platformMessageId
}
