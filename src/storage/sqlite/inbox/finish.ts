import type { TurnOutcome } from '../../../inbox/lease.ts'
import { Changes } from '../../policy/changes.ts'
import { decideFinish, needsOutage, type OutageFacts } from '../../policy/finish.ts'
import { holdsLease, type LeaseKey } from '../../policy/lease.ts'
import { WAITING } from '../../rows/message-row.ts'
import { answeringRows, conversationById, observedOutage } from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { apply } from './apply.ts'

/** How a turn ended, and what must be sent because of it. See `Inbox.finish`. */
export function finish(session: Session, key: LeaseKey, outcome: TurnOutcome, now: number): boolean {
  const conversation = conversationById(session, key.conversationId)
  if (!conversation) return false
  const waiting = holdsLease(conversation, key) ? answeringRows(session, conversation.key) : []
  const outage = needsOutage(outcome) ? outageFacts(session, conversation.key) : null
  const changes = new Changes(session.pullChannels)
  const changed = decideFinish({ conversation, waiting, outage }, key, outcome, now, changes)
  apply(session, changes)
  return changed
}

function outageFacts(session: Session, conversation: number): OutageFacts {
  const welcome = session.get(
    `SELECT 1 FROM messages WHERE conversation = ? AND ${WAITING} AND addressed = 1 LIMIT 1`,
    conversation,
  )
  return { observed: observedOutage(session), welcome: welcome !== undefined }
}
