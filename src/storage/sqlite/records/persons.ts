import { Changes } from '../../policy/changes.ts'
import { endLease } from '../../policy/lease.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import { MESSAGE_COLUMNS, type MessageRow } from '../../rows/message-row.ts'
import { exportedMessage, exportedPairing, type PairingRow } from '../../rows/person-export.ts'
import { apply } from '../inbox/apply.ts'
import { readContext } from '../inbox/lease.ts'
import { answeringRows, asMessages, conversationByKey } from '../rows.ts'
import type { Session } from '../thread/session.ts'
import { removeConversation, removeMessage } from './retention.ts'

/** Everything stored of a person, as plain JSON. See `Conversations.exportPerson`. */
export function exportPerson(session: Session, channel: string, personId: string): unknown {
  const pairing = session.get(
    'SELECT person_name, approved_at, created_at FROM pairings WHERE channel = ? AND person_id = ?',
    channel,
    personId,
  )
  return {
    channel,
    person: personId,
    pairing: exportedPairing(pairing as unknown as PairingRow | undefined),
    conversations: conversationsOf(session, channel, personId).map((conversation) => ({
      id: conversation.id,
      address: conversation.address,
      messages: messagesOf(session, conversation, personId).map((row) => ({
        ...exportedMessage(row),
        attachments: exportAttachments(session, row),
        ...exportContext(session, row),
      })),
    })),
  }
}

function exportAttachments(session: Session, row: MessageRow): unknown {
  return session
    .all('SELECT media_type, name, bytes FROM attachments WHERE message = ? ORDER BY key', row.key)
    .map((attachment) => ({
      mediaType: attachment['media_type'],
      name: attachment['name'],
      base64: Buffer.from(attachment['bytes'] as Uint8Array).toString('base64'),
    }))
}

/** What a message brought along and is still kept. */
function exportContext(session: Session, row: MessageRow): object {
  const context = readContext(session, row)
  return context ? { system: context.system, earlier: context.turns } : {}
}

/**
 * Removes everything of a person, and overwrites it in the file: messages, their answers,
 * attachments, pairing; a conversation in which nobody else ever wrote goes as a whole.
 *
 * @returns how many messages went
 */
export function deletePerson(session: Session, channel: string, personId: string): number {
  // Zeros go where the text was, also if the database cannot be rewritten afterwards.
  session.db.exec('PRAGMA secure_delete = ON')
  try {
    return remove(session, channel, personId)
  } finally {
    session.db.exec('PRAGMA secure_delete = OFF')
  }
}

function remove(session: Session, channel: string, personId: string): number {
  let removed = 0
  for (const conversation of conversationsOf(session, channel, personId)) {
    const others = session.get(
      'SELECT 1 FROM participants WHERE conversation = ? AND person_id <> ? LIMIT 1',
      conversation.key,
      personId,
    )
    removed += others
      ? removeFromShared(session, conversation, personId)
      : removeConversation(session, conversation.key)
  }
  session.run('DELETE FROM pairings WHERE channel = ? AND person_id = ?', channel, personId)
  session.waitingTotal = null
  return removed
}

/** The others' messages stay; a summary may quote the person, so it goes. */
function removeFromShared(session: Session, conversation: ConversationRow, personId: string): number {
  const changes = new Changes(session.pullChannels)
  endLease(conversation, answeringRows(session, conversation.key), 'received', changes)
  apply(session, changes)
  const rows = messagesOf(session, conversation, personId)
  for (const row of rows) removeMessage(session, row.key)
  session.run('DELETE FROM summaries WHERE conversation = ?', conversation.key)
  session.run('DELETE FROM participants WHERE person_id = ? AND conversation = ?', personId, conversation.key)
  return rows.length
}

function conversationsOf(session: Session, channel: string, personId: string): readonly ConversationRow[] {
  return session
    .all('SELECT conversation FROM participants WHERE person_id = ? ORDER BY conversation', personId)
    .map((row) => conversationByKey(session, Number(row['conversation'])))
    .filter((conversation) => conversation.channel === channel)
}

/** What the person wrote and what was answered to it, in order. */
function messagesOf(
  session: Session,
  conversation: ConversationRow,
  personId: string,
): readonly MessageRow[] {
  return asMessages(
    session.all(
      `SELECT ${MESSAGE_COLUMNS} FROM messages WHERE conversation = ?1 AND (person_id = ?2 OR id IN
         (SELECT answered_by FROM messages WHERE conversation = ?1 AND person_id = ?2 AND answered_by IS NOT NULL))
         ORDER BY seq`,
      conversation.key,
      personId,
    ),
  )
}
