import { Changes } from '../policy/changes.ts'
import { endLease } from '../policy/lease.ts'
import { removeBudgetsOf } from '../records/budgets.ts'
import * as pairings from '../records/pairings.ts'
import { conversationsOf, isShared, removeFromShared, removeParked } from '../records/persons.ts'
import {
  removeConversation,
  removeIfEmpty,
  removeOld,
  type Removed,
  type RetentionPosition,
  type RetentionTerms,
} from '../records/retention.ts'
import type { ConversationRow } from '../rows/rows.ts'
import { apply, answeringRows } from './rows.ts'
import { runSteps } from './run-steps.ts'
import type { Session } from './thread/session.ts'

/**
 * Removes everything of a person, and overwrites it in the file: messages, their answers, attachments, pairing;
 * a conversation in which nobody else ever wrote is removed as a whole.
 *
 * @returns how many messages were removed
 */
export function deletePerson(session: Session, channel: string, personId: string): number {
  // Zeros go where the text was, also if the database cannot be rewritten afterwards.
  session.db.exec('PRAGMA secure_delete = ON')
  try {
    let removed = 0
    for (const conversation of runSteps(session, conversationsOf(channel, personId))) {
      removed += removeFrom(session, conversation, personId)
    }
    runSteps(session, pairings.revoke(channel, personId))
    runSteps(session, removeParked(channel, personId))
    runSteps(session, removeBudgetsOf('person', `${channel}:${personId}`))
    session.waitingTotal = null
    return removed
  } finally {
    session.db.exec('PRAGMA secure_delete = OFF')
  }
}

function removeFrom(session: Session, conversation: ConversationRow, personId: string): number {
  const { key } = conversation
  if (!runSteps(session, isShared(key, personId))) return runSteps(session, removeConversation(key))
  const changes = new Changes(session.pullChannels)
  endLease(conversation, answeringRows(session, key), 'received', changes)
  apply(session, changes)
  return runSteps(session, removeFromShared(key, personId))
}

/** Removes some of what is older than its term. */
export function retain(session: Session, terms: RetentionTerms, from: RetentionPosition | null): Removed {
  const removed = runSteps(session, removeOld(terms, from))
  for (const key of removed.sole) runSteps(session, removeIfEmpty(key))
  return removed
}
