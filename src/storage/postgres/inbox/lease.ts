import { Changes } from '../../policy/changes.ts'
import { endLease } from '../../policy/lease.ts'
import { conversationsWithWork } from '../../records/queue.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { CONVERSATION_COLUMNS, waitingRows, type ConversationRow } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import { commit, type StoreContext } from './apply.ts'

/** Conversations taken over in one transaction. */
const TAKEN_AT_ONCE = 200

/** Whether the owner of a lease is dead. `c` is the conversation; $2 is the asking process, which is alive. */
const OWNER_GONE = `c.lease_owner <> $2 AND NOT EXISTS
  (SELECT 1 FROM hermes.processes p WHERE p.id = c.lease_owner AND p.expires_at > clock_timestamp())`

/** Whether the process that holds the lease of a conversation is known to be dead. */
export async function isOwnerGone(
  tx: Queryable,
  conversation: ConversationRow,
  owner: string,
): Promise<boolean> {
  const rows = await tx.query(`SELECT 1 FROM hermes.conversations c WHERE c.key = $1 AND ${OWNER_GONE}`, [
    conversation.key,
    owner,
  ])
  return rows.length > 0
}

/** See `Inbox.recover`. Owners known to be alive keep the leases that they hold. */
export async function recover(
  database: Database,
  context: StoreContext,
  owner: string,
): Promise<readonly string[]> {
  for (;;) {
    const taken = await database.transaction(async (tx) => {
      const orphaned = await tx.query<ConversationRow>(
        `SELECT ${CONVERSATION_COLUMNS} FROM hermes.conversations c
           WHERE c.lease_turn IS NOT NULL AND ${OWNER_GONE} ORDER BY c.key LIMIT $1 FOR UPDATE`,
        [TAKEN_AT_ONCE, owner],
      )
      const waiting = await waitingRows(
        tx,
        orphaned.map(({ key }) => key),
      )
      const changes = new Changes(context.pullChannels)
      for (const conversation of orphaned) {
        endLease(conversation, waiting.get(conversation.key) ?? [], 'received', changes)
      }
      await commit(tx, context, changes)
      return orphaned.length
    })
    if (taken < TAKEN_AT_ONCE) break
  }
  return await runSteps(database, conversationsWithWork())
}
