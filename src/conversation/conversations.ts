import type { Usage } from '../inbox/lease.ts'
import type { Conversation, ConversationId, StoredMessage } from '../inbox/message.ts'

/** Conversations as people and operators read them. Implemented by each storage. */
export interface Conversations {
  find(channel: string, address: string): Promise<Conversation | null>

  /** Rows with a revision above `after`, in the order of their revisions (`after` 0: all), at most `limit`. */
  changes(conversationId: ConversationId, after: number, limit: number): Promise<readonly StoredMessage[]>

  /** The newest `limit` rows before `beforeSeq` (null: the end), in order. */
  messages(
    conversationId: ConversationId,
    options: { readonly limit: number; readonly beforeSeq: number | null },
  ): Promise<readonly StoredMessage[]>

  /**
   * Conversations of a channel, the most recently used first.
   *
   * @param within only addresses that begin with it, up to and with their last slash; empty: only those without a slash
   */
  list(
    channel: string,
    within: string,
    limit: number,
  ): Promise<
    ReadonlyArray<{ readonly conversation: Conversation; readonly lastAt: number; readonly preview: string }>
  >

  usage(
    conversationId: ConversationId,
  ): Promise<{ readonly turns: number; readonly total: Usage; readonly last: Usage | null }>

  /** Everything stored of a person, as plain JSON. */
  exportPerson(channel: string, personId: string): Promise<unknown>

  /** Removes everything of a person: messages, their answers, attachments, pairing. Returns how many messages were removed. */
  deletePerson(channel: string, personId: string): Promise<number>

  /** Removes data past its retention. Messages still waiting are kept. */
  retain(terms: {
    readonly messagesBefore: number
    readonly attachmentsBefore: number
    readonly figuresBefore: number
  }): Promise<{ readonly messages: number; readonly attachments: number }>
}
