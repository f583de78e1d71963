import {
  type Accepted,
  type AcceptRequest,
  type Arrival,
  type IncomingMessage,
  NOT_STORED,
} from '../../../inbox/arrival.ts'
import { type MessageState, HOLD_FULL } from '../../../inbox/message.ts'
import { admit, arrivingMessage, fromPerson, noticeOnArrival } from '../../policy/admission.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import { WAITING } from '../../rows/message-row.ts'
import { conversationByKey, insertMessage, notify, observedOutage, saveConversation } from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { addressFor, conversationAt, findAddress, moveAddress } from './addresses.ts'
import { hasOtherContext } from './message-contexts.ts'
import { setState, withdrawAll } from './withdraw.ts'

/** Stores what a platform delivered, and how far its stream was read. See `Inbox.accept`. */
export function accept(session: Session, request: AcceptRequest): readonly Accepted[] {
  const results = request.arrivals.map((arrival) => acceptOne(session, arrival, request))
  for (const cursor of request.cursors) {
    session.run(
      'INSERT INTO cursors (channel, name, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
      cursor.channel,
      cursor.name,
      cursor.value,
    )
  }
  return results
}

function acceptOne(session: Session, arrival: Arrival, request: AcceptRequest): Accepted {
  switch (arrival.kind) {
    case 'message':
      return duplicateOf(session, arrival.message) ?? acceptMessage(session, arrival.message, request)
    case 'command':
      return duplicateOf(session, arrival.message) ?? acceptCommand(session, arrival, request.now)
    case 'edit':
      return changeWaiting(session, arrival, (key) => {
        session.run(
          'UPDATE messages SET text = ?, revision = ? WHERE key = ?',
          arrival.text,
          session.nextRevision(),
          key,
        )
      })
    case 'deletion':
      return changeWaiting(session, arrival, (key) => {
        setState(session, key, 'withdrawn', null)
        session.waitingTotal = null
      })
    case 'turned-away':
      return turnAway(session, arrival, request.now)
    case 'moved': {
      const conversation = moveAddress(session, arrival.channel, arrival.from, arrival.to)
      return { ...NOT_STORED, conversationId: conversation?.id ?? null }
    }
  }
}

/** What became of the first delivery of this message; null = this is the first. */
function duplicateOf(session: Session, message: IncomingMessage): Accepted | null {
  const address = findAddress(session, message.channel, message.address)
  if (!address) return null
  const row = session.get(
    `SELECT m.key, m.id, m.state, m.reason, c.id AS conversation FROM messages m
       JOIN conversations c ON c.key = m.conversation
       WHERE m.origin = ? AND m.platform_id = ?`,
    address.key,
    message.platformMessageId,
  )
  if (row) {
    return {
      ...NOT_STORED,
      conversationId: String(row['conversation']),
      messageId: String(row['id']),
      state: row['state'] as MessageState,
      duplicate: true,
      holdFull: row['reason'] === HOLD_FULL,
      ...(hasOtherContext(session, Number(row['key']), message.context) ? { conflict: true } : {}),
    }
  }
  if (!wasTurnedAway(session, address.key, message.platformMessageId)) return null
  const conversationId =
    address.conversation === null ? null : conversationByKey(session, address.conversation).id
  return { ...NOT_STORED, conversationId, duplicate: true }
}

function wasTurnedAway(session: Session, origin: number, platformId: string): boolean {
  return (
    session.get('SELECT 1 FROM seen WHERE origin = ? AND platform_id = ?', origin, platformId) !== undefined
  )
}

function acceptMessage(session: Session, message: IncomingMessage, request: AcceptRequest): Accepted {
  const { now, outage } = request
  const { origin, conversation } = conversationAt(session, message.channel, message.address, now)
  const holdFull = outage !== null && isHoldFull(session, conversation, request)
  const admission = admit(outage, holdFull)
  const { state } = admission
  const inserted = insertMessage(session, conversation, {
    ...arrivingMessage(message, origin, now, admission),
    heldBase: state === 'held' ? observedOutage(session) : null,
  })
  rememberParticipant(session, conversation, message.personId)
  if (!holdFull && session.waitingTotal !== null) session.waitingTotal++
  const notice = noticeOnArrival(conversation, message, admission, request)
  let outbox = false
  if (notice) {
    Object.assign(conversation, notice.told)
    outbox = notify(session, conversation, notice.text, { replyTo: notice.replyTo, at: now }).outbox
  }
  saveConversation(session, conversation)
  return { ...NOT_STORED, conversationId: conversation.id, messageId: inserted.id, state, holdFull, outbox }
}

function isHoldFull(session: Session, conversation: ConversationRow, { limits }: AcceptRequest): boolean {
  const here = session.get(
    `SELECT count(*) AS n FROM (SELECT 1 FROM messages WHERE conversation = ? AND ${WAITING}
       AND state <> 'answering' LIMIT ?)`,
    conversation.key,
    limits.maxPerConversation,
  )
  if (Number(here?.['n']) >= limits.maxPerConversation) return true
  session.waitingTotal ??= Number(
    session.get(
      `SELECT (SELECT count(*) FROM messages WHERE state <> 'answered' AND state = 'received')
            + (SELECT count(*) FROM messages WHERE state <> 'answered' AND state = 'held') AS n`,
    )?.['n'],
  )
  return session.waitingTotal >= limits.maxTotal
}

function rememberParticipant(session: Session, conversation: ConversationRow, personId: string): void {
  session.run(
    'INSERT INTO participants (conversation, person_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
    conversation.key,
    personId,
  )
}

/** The command, its effect and its reply, at once; the command itself is not part of the history. */
function acceptCommand(
  session: Session,
  command: Extract<Arrival, { kind: 'command' }>,
  now: number,
): Accepted {
  const { message, effect } = command
  const { origin, conversation } = conversationAt(session, message.channel, message.address, now)
  const withdrawn = effect?.withdrawWaiting ? withdrawAll(session, conversation) : 0
  const row = insertMessage(session, conversation, {
    ...fromPerson(message, origin, now),
    state: 'answered',
    command: true,
  })
  rememberParticipant(session, conversation, message.personId)
  if (effect?.model !== undefined) conversation.model = effect.model
  const reply = notify(session, conversation, command.reply, {
    replyTo: message.platformMessageId,
    at: now,
  })
  session.run('UPDATE messages SET answered_by = ? WHERE key = ?', reply.id, row.key)
  if (effect?.clearHistory) {
    conversation.history_from = conversation.next_seq
    conversation.history_characters = 0
    session.run('DELETE FROM summaries WHERE conversation = ?', conversation.key)
  }
  saveConversation(session, conversation)
  return {
    ...NOT_STORED,
    conversationId: conversation.id,
    messageId: row.id,
    state: 'answered',
    outbox: reply.outbox,
    withdrawn,
  }
}

/** Changes a message that is not being answered yet. */
function changeWaiting(
  session: Session,
  arrival: { readonly channel: string; readonly address: string; readonly platformMessageId: string },
  change: (key: number) => void,
): Accepted {
  const address = findAddress(session, arrival.channel, arrival.address)
  if (!address || address.conversation === null) return NOT_STORED
  const conversationId = conversationByKey(session, address.conversation).id
  const row = session.get(
    `SELECT key, id FROM messages WHERE origin = ? AND platform_id = ? AND state IN ('received', 'held')`,
    address.key,
    arrival.platformMessageId,
  )
  if (!row) return { ...NOT_STORED, conversationId }
  const key = Number(row['key'])
  change(key)
  const state = session.get('SELECT state FROM messages WHERE key = ?', key)?.['state'] as MessageState
  return { ...NOT_STORED, conversationId, messageId: String(row['id']), state }
}

/**
 * Stores only the id of what must not enter the inbox. An id that belongs to a stored message is an
 * edit of it, and gets its reply.
 */
function turnAway(
  session: Session,
  arrival: Extract<Arrival, { kind: 'turned-away' }>,
  now: number,
): Accepted {
  const address = addressFor(session, arrival.channel, arrival.address)
  if (wasTurnedAway(session, address.key, arrival.platformMessageId)) {
    const conversationId =
      address.conversation === null ? null : conversationByKey(session, address.conversation).id
    return { ...NOT_STORED, conversationId, duplicate: true }
  }
  session.run(
    'INSERT INTO seen (origin, platform_id, at) VALUES (?, ?, ?)',
    address.key,
    arrival.platformMessageId,
    now,
  )
  if (arrival.reply === null) return NOT_STORED
  const { conversation } = conversationAt(session, arrival.channel, arrival.address, now)
  const sending = { replyTo: arrival.platformMessageId, at: now }
  const { outbox } = notify(session, conversation, arrival.reply, sending)
  saveConversation(session, conversation)
  return { ...NOT_STORED, conversationId: conversation.id, outbox }
}
