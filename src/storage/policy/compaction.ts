import type { CompactionToStore } from '../../inbox/inbox.ts'
import type { ConversationRow } from '../rows/rows.ts'

/** What is known when a compaction is to be stored. */
export interface CompactionRows {
  readonly conversation: Pick<ConversationRow, 'lease_turn'>
  /** null = there is none. */
  readonly summary: string | null
  /** A message with stored steps waits: its turn continues with what it has been asked with. */
  readonly hasFrozen: boolean
  /** The messages of the history behind `after` and up to `upTo`. */
  readonly messages: number
}

/**
 * What becomes of a compaction. A changed model, system prompt or beginning is in another summary, and so is a
 * history that was cleared or of which a person's words were removed; what was taken back or is past its retention is
 * missing among the messages.
 */
export function decideCompaction(
  { conversation, summary, hasFrozen, messages }: CompactionRows,
  compaction: CompactionToStore,
): 'saved' | 'busy' | 'outdated' {
  const isSame = summary === compaction.known && messages === compaction.messages
  if (compaction.summary === null || !isSame) return 'outdated'
  return conversation.lease_turn !== null || hasFrozen ? 'busy' : 'saved'
}
