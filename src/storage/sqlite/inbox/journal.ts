import type { StepToStore } from '../../../inbox/inbox.ts'
import type { ResultToStore } from '../../../inbox/step.ts'
import { Changes } from '../../policy/changes.ts'
import { decideResult, decideStep, journalHead } from '../../policy/journal.ts'
import { holdsLease, type LeaseKey } from '../../policy/lease.ts'
import { countSteps, findCall } from '../../records/journal.ts'
import { answeringRows, apply, conversationById } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import type { Session } from '../thread/session.ts'

/** See `Inbox.saveStep`. */
export function saveStep(session: Session, key: LeaseKey, step: StepToStore, now: number): boolean {
  const conversation = conversationById(session, key.conversationId)
  if (!conversation || !holdsLease(conversation, key)) return false
  const waiting = answeringRows(session, conversation.key)
  const stored = runSteps(session, countSteps(journalHead(waiting)))
  const changes = new Changes(session.pullChannels)
  const saved = decideStep({ conversation, waiting, stored }, key, step, now, changes)
  apply(session, changes)
  return saved
}

/** See `Inbox.saveResult`. */
export function saveResult(session: Session, key: LeaseKey, result: ResultToStore, now: number): boolean {
  const conversation = conversationById(session, key.conversationId)
  if (!conversation || !holdsLease(conversation, key)) return false
  const waiting = answeringRows(session, conversation.key)
  const call = runSteps(session, findCall(journalHead(waiting), result))
  const changes = new Changes(session.pullChannels)
  const saved = decideResult({ conversation, waiting, call }, key, result, now, changes)
  apply(session, changes)
  return saved
}
