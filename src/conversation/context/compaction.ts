import type { StoredMessage } from '../../inbox/message.ts'
import type { Compacted } from '../model.ts'
import type { SentHistory } from './context.ts'
import { writeEpochRecord, type Epoch } from './epoch.ts'

/** Of the room for a conversation: one that has more than this would soon have to be trimmed. */
const FULL_SHARE = 0.75
/** Of what there is: less than this is not worth the request. */
const LEAST_SHARE = 0.5

/**
 * Whether to compact the turns before an answer. Its own turn stays as it is, so that it can be taken back and asked
 * again.
 *
 * @param answerTokens asked only where it matters
 */
export function shouldCompact({ tokens, budget }: SentHistory, answerTokens: () => number): boolean {
  if (budget <= 0 || tokens.turns < budget * FULL_SHARE * LEAST_SHARE) return false
  const used = tokens.turns + tokens.question + answerTokens()
  return used >= budget * FULL_SHARE && tokens.turns >= used * LEAST_SHARE
}

/** How many messages of a history the model was sent. @param history answered messages, oldest first */
export function countSent(history: readonly StoredMessage[], { leftOutUpTo }: Epoch): number {
  const rows = history.filter(({ role }) => role !== 'notice')
  const before = rows.findLastIndex(({ role, seq }) => role === 'assistant' && seq <= leftOutUpTo)
  return rows.length - before - 1
}

/** What the store keeps from then on: the epoch begins with the next answer. @param upTo the last answer it reaches */
export function compactedRecord(
  epoch: Epoch,
  upTo: number,
  { block, text }: Pick<Compacted, 'text'> & { readonly block: string },
): string {
  const { model, system } = epoch
  return writeEpochRecord({ epoch, summary: { upTo, text, compaction: { model, system, block } } })
}
