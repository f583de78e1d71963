import type { TurnOutcome } from '../../../inbox/lease.ts'
import { Changes } from '../../policy/changes.ts'
import { decideFinish, needsOutage, type OutageFacts } from '../../policy/finish.ts'
import type { LeaseKey } from '../../policy/lease.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import type { Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { lockConversation } from '../rows.ts'
import { commit, type StoreContext } from './apply.ts'

/** How a turn ended, and what must be sent because of it. See `Inbox.finish`. */
export async function finish(
  tx: Transaction,
  context: StoreContext,
  key: LeaseKey,
  outcome: TurnOutcome,
  now: number,
): Promise<boolean> {
  const id = clean(key.conversationId)
  // Sent together, executed in order: the reads are protected by the lock.
  const [conversation, waiting, [outage]] = await Promise.all([
    lockConversation(tx, id),
    tx.query<MessageRow>(ANSWERING, [id]),
    needsOutage(outcome) ? tx.query<OutageFacts>(OUTAGE, [id]) : [],
  ])
  if (!conversation) return false
  const changes = new Changes(context.pullChannels)
  const rows = { conversation, waiting, outage: outage ?? null }
  const changed = decideFinish(rows, key, outcome, now, changes)
  if (changed) await commit(tx, context, changes)
  return changed
}

const ANSWERING = `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages
  WHERE conversation = (SELECT key FROM hermes.conversations WHERE id = $1)
    AND ${WAITING} AND state = 'answering' ORDER BY seq`

const OUTAGE = `SELECT coalesce((SELECT value FROM hermes.counters WHERE name = 'observed_outage_ms'), 0) AS observed,
  EXISTS (SELECT 1 FROM hermes.messages
    WHERE conversation = (SELECT key FROM hermes.conversations WHERE id = $1) AND ${WAITING} AND addressed) AS welcome`
