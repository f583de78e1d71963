import type { HoldRequest } from '../../../inbox/inbox.ts'
import { Changes } from '../../policy/changes.ts'
import { decideExpiry, decideHold, decideRelease } from '../../policy/hold.ts'
import { decideDrop, decideRetry, type OperatorDecision } from '../../policy/operator.ts'
import { frozenWith } from '../../records/journal.ts'
import { heldFor } from '../../records/queue.ts'
import { MESSAGE_COLUMNS, WAITING, type MessageRow } from '../../rows/rows.ts'
import { conversationByKey, observedOutage, wholeWaitingRows, apply } from '../rows.ts'
import { runSteps } from '../run-steps.ts'
import type { Session } from '../thread/session.ts'

/** See `Inbox.hold`. */
export function hold(session: Session, request: HoldRequest): readonly string[] {
  const observed = observedOutage(session)
  const concerned = session.all(
    `SELECT DISTINCT conversation FROM messages WHERE ${WAITING} AND state <> 'answering' ORDER BY conversation`,
  )
  const told: string[] = []
  for (const { conversation: key } of concerned) {
    const conversation = conversationByKey(session, Number(key))
    const changes = new Changes(session.pullChannels)
    const waiting = wholeWaitingRows(session, conversation.key)
    if (decideHold(conversation, waiting, request, observed, changes)) told.push(conversation.id)
    apply(session, changes)
  }
  return told
}

/** See `Inbox.releaseHeld`. */
export function releaseHeld(session: Session, reason: string): readonly string[] {
  return runSteps(session, heldFor(reason)).map((key) => {
    const conversation = conversationByKey(session, key)
    const changes = new Changes(session.pullChannels)
    decideRelease(conversation, wholeWaitingRows(session, key), reason, changes)
    apply(session, changes)
    return conversation.id
  })
}

/** A held message that is too old, with what the caller needs for the notice. */
export interface Expiring {
  readonly id: string
  readonly at: number
}

/** What would be too old after `observed` more milliseconds of outage. Changes nothing. */
export function expiring(
  session: Session,
  { maxAge, observed }: { readonly maxAge: number; readonly observed: number },
): readonly Expiring[] {
  return session
    .all(
      `SELECT id, at FROM messages WHERE state <> 'answered' AND state = 'held' AND held_base <= ? ORDER BY key`,
      observedOutage(session) + observed - maxAge,
    )
    .map((row) => ({ id: String(row['id']), at: Number(row['at']) }))
}

type PlacedRow = MessageRow & { readonly conversation: number }

/** Adds the observed outage time and refuses messages that are too old, with the sentence given for each. */
export function expire(
  session: Session,
  request: {
    readonly now: number
    readonly observed: number
    readonly notices: ReadonlyArray<{ readonly id: string; readonly notice: string }>
  },
): readonly string[] {
  session.run(
    `UPDATE counters SET value = value + ? WHERE name = 'observed_outage_ms'`,
    Math.round(request.observed),
  )
  const told = new Set<string>()
  for (const { id, notice } of request.notices) {
    const found = session.get(
      `SELECT ${MESSAGE_COLUMNS}, conversation FROM messages WHERE id = ? AND state = 'held'`,
      id,
    )
    if (!found) continue
    const row = found as unknown as PlacedRow
    const conversation = conversationByKey(session, row.conversation)
    const turn = row.frozen ? runSteps(session, frozenWith(conversation.key, row)) : [row]
    const changes = new Changes(session.pullChannels)
    if (decideExpiry(conversation, turn, notice, request.now, changes)) {
      told.add(conversation.id)
    }
    apply(session, changes)
  }
  return [...told]
}

/** What an operator wants of a person's message. @returns its conversation; null: there is none in such a state */
function operate(session: Session, messageId: string, decide: OperatorDecision): string | null {
  const found = session.get(
    `SELECT ${MESSAGE_COLUMNS}, conversation FROM messages WHERE id = ? AND role = 'user'`,
    messageId,
  )
  if (!found) return null
  const row = found as unknown as PlacedRow
  const conversation = conversationByKey(session, row.conversation)
  const related = row.frozen
    ? runSteps(session, frozenWith(conversation.key, row))
    : row.state === 'answering' || row.group_id !== null
      ? wholeWaitingRows(session, conversation.key)
      : []
  const changes = new Changes(session.pullChannels)
  if (!decide(conversation, row, related, changes)) return null
  apply(session, changes)
  return conversation.id
}

/** See `Inbox.retry`. */
export function retry(session: Session, messageId: string): string | null {
  return operate(session, messageId, decideRetry)
}

/** See `Inbox.drop`. */
export function drop(session: Session, messageId: string): string | null {
  return operate(session, messageId, decideDrop)
}
