import type { Outage } from '../../../inbox/arrival.ts'
import type { HoldRequest } from '../../../inbox/inbox.ts'
import { TOO_OLD } from '../../../inbox/message.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import { WAITING } from '../../rows/message-row.ts'
import { conversationById, conversationByKey, notify, observedOutage, saveConversation } from '../rows.ts'
import type { Session } from '../thread/session.ts'

/**
 * Notifies a conversation once per outage that it has to wait, if one of its waiting messages was addressed
 * to the bot. The caller saves the conversation.
 *
 * @returns whether a notice was queued
 */
export function notifyOfOutage(
  session: Session,
  conversation: ConversationRow,
  outage: Outage,
  now: number,
): boolean {
  if (outage.notice === null || conversation.told_outage === outage.id) return false
  const welcome = session.get(
    `SELECT 1 FROM messages WHERE conversation = ? AND ${WAITING} AND addressed = 1 LIMIT 1`,
    conversation.key,
  )
  if (!welcome) return false
  conversation.told_outage = outage.id
  notify(session, conversation, outage.notice, { replyTo: null, at: now })
  return true
}

/** See `Inbox.hold`. Messages being answered are not changed: their own turn finds out. */
export function hold(session: Session, { outage, now }: HoldRequest): readonly string[] {
  const observed = observedOutage(session)
  const waiting = session.all(
    `SELECT key, conversation, state FROM messages WHERE ${WAITING} AND state <> 'answering' ORDER BY conversation, seq`,
  )
  const concerned = new Set<number>()
  for (const row of waiting) {
    concerned.add(Number(row['conversation']))
    if (row['state'] === 'held') continue
    session.run(
      `UPDATE messages SET state = 'held', reason = ?, held_base = coalesce(held_base, ?), revision = ? WHERE key = ?`,
      outage.reason,
      observed,
      session.nextRevision(),
      row['key']!,
    )
  }
  const told: string[] = []
  for (const key of concerned) {
    const conversation = conversationByKey(session, key)
    if (!notifyOfOutage(session, conversation, outage, now)) continue
    saveConversation(session, conversation)
    told.push(conversation.id)
  }
  return told
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
    const row = session.get(
      `SELECT m.key, m.platform_id, m.addressed, c.id AS conversation FROM messages m
         JOIN conversations c ON c.key = m.conversation WHERE m.id = ? AND m.state = 'held'`,
      id,
    )
    if (!row) continue
    const conversation = conversationById(session, String(row['conversation']))!
    let answeredBy: string | null = null
    if (row['addressed'] === 1) {
      const replyTo = row['platform_id'] === null ? null : String(row['platform_id'])
      answeredBy = notify(session, conversation, notice, { replyTo, at: request.now }).id
      told.add(conversation.id)
    }
    session.run(
      `UPDATE messages SET state = 'refused', reason = ?, answered_by = ?, group_id = NULL, revision = ? WHERE key = ?`,
      TOO_OLD,
      answeredBy,
      session.nextRevision(),
      row['key']!,
    )
    saveConversation(session, conversation)
  }
  if (request.notices.length > 0) session.waitingTotal = null
  return [...told]
}
