import type { Conversation } from '../../inbox/message.ts'

/** A row of `conversations`, changed in memory and written once at the end of its operation. */
export interface ConversationRow {
  readonly key: number
  readonly id: string
  readonly channel: string
  address: string
  model: string | null
  effort: string | null
  next_seq: number
  history_from: number
  /** Of the history since `history_from`; never too few, too many where something was removed. */
  history_characters: number
  generation: number
  lease_turn: string | null
  lease_owner: string | null
  lease_at: number | null
  /** The turn that a command has stopped, and whose shown text may still be stored. */
  stopped_turn: string | null
  told_outage: string | null
  full_told_at: number | null
  last_at: number
}

/** The columns of a `ConversationRow` in a statement that calls the table `c`. */
export const CONVERSATION_COLUMNS = `c.key, c.id, c.channel, c.address, c.model, c.effort, c.next_seq, c.history_from,
  c.history_characters, c.generation, c.lease_turn, c.lease_owner, c.lease_at, c.stopped_turn, c.told_outage,
  c.full_told_at, c.last_at`

export function publicConversation(row: ConversationRow): Conversation {
  const { id, channel, address, model, effort } = row
  return { id, channel, address, model, effort }
}
