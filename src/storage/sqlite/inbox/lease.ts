import type { Lease, LeaseRequest } from '../../../inbox/lease.ts'
import { Changes } from '../../policy/changes.ts'
import { decideLease, endLease, grantedLease, type LeaseKey } from '../../policy/lease.ts'
import { conversationsWithWork, readContext } from '../../records/queue.ts'
import { WAITING, type LeasedRow } from '../../rows/message-row.ts'
import { answeringRows, conversationById, conversationByKey, waitingRows } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import type { Session } from '../thread/session.ts'
import { apply } from './apply.ts'
import { readHistory, readSummary } from './history.ts'

/** A lease as sent to the main thread, its history still as JSON. */
export type PackedLease = Omit<Lease, 'history'> & { readonly history: string }

/** The exclusive right to answer the head of a conversation. See `Inbox.lease`. */
export function lease(session: Session, request: LeaseRequest): PackedLease | null {
  const conversation = conversationById(session, request.conversationId)
  if (!conversation) return null
  const changes = new Changes(session.pullChannels)
  const decide = (waiting: readonly LeasedRow[], complete: boolean) =>
    // Other owners are dead processes, and `recover` has ended their leases.
    decideLease({ conversation, waiting, complete, ownerGone: false }, request, changes)
  const head = waitingRows(session, conversation.key, 1)
  let granted = decide(head, head.length === 0)
  if (granted === 'more') granted = decide(waitingRows(session, conversation.key, -1), true)
  apply(session, changes)
  if (granted === null || granted === 'more') return null
  return grantedLease(conversation, granted, {
    history: readHistory(session, conversation, request.historyLimit),
    summary: readSummary(session, conversation.key),
    context: runSteps(session, readContext(granted.rows[0]!)),
  })
}

/** See `Inbox.saveDraft`. */
export function saveDraft(session: Session, key: LeaseKey, draft: string): boolean {
  const changed = session.run(
    `UPDATE messages SET draft = ? WHERE key = (SELECT m.key FROM conversations c
         JOIN messages m ON m.conversation = c.key AND m.${WAITING} AND m.state = 'answering'
         WHERE c.id = ? AND c.lease_turn = ? AND c.generation = ? ORDER BY m.seq LIMIT 1)`,
    draft,
    key.conversationId,
    key.turnId,
    key.generation,
  )
  return changed > 0
}

/** See `Inbox.recover`. Other owners are dead processes: a kernel lock guarantees one gateway per home. */
export function recover(session: Session, owner: string): readonly string[] {
  const orphaned = session.all(
    'SELECT key FROM conversations WHERE lease_turn IS NOT NULL AND lease_owner <> ?',
    owner,
  )
  for (const row of orphaned) {
    const conversation = conversationByKey(session, Number(row['key']))
    const changes = new Changes(session.pullChannels)
    endLease(conversation, answeringRows(session, conversation.key), 'received', changes)
    apply(session, changes)
  }
  return runSteps(session, conversationsWithWork())
}
