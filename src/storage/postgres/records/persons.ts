import { Changes } from '../../policy/changes.ts'
import { endLease } from '../../policy/lease.ts'
import { MESSAGE_COLUMNS, type MessageRow } from '../../rows/message-row.ts'
import { exportedMessage, exportedPairing, type PairingRow } from '../../rows/person-export.ts'
import type { Database, Queryable, Transaction } from '../connection/database.ts'
import { clean } from '../connection/statements.ts'
import { commit, write, type StoreContext } from '../inbox/apply.ts'
import { readContext } from '../inbox/lease.ts'
import { CONVERSATION_COLUMNS, lockConversations, waitingRows, type ConversationRow } from '../rows.ts'
import { removeConversation, removeMessages } from './retention.ts'

/** Everything stored of a person, as plain JSON. See `Conversations.exportPerson`. */
export async function exportPerson(db: Queryable, channel: string, personId: string): Promise<unknown> {
  const [pairing] = await db.query<PairingRow>(
    'SELECT person_name, approved_at, created_at FROM hermes.pairings WHERE channel = $1 AND person_id = $2',
    [clean(channel), clean(personId)],
  )
  const conversations: unknown[] = []
  for (const conversation of await conversationsOf(db, channel, personId)) {
    const messages: unknown[] = []
    for (const row of await messagesOf(db, conversation, personId)) {
      messages.push({
        ...exportedMessage(row),
        attachments: row.attachments === null ? [] : await exportAttachments(db, row),
        ...(await exportContext(db, row)),
      })
    }
    conversations.push({ id: conversation.id, address: conversation.address, messages })
  }
  return {
    channel,
    person: personId,
    pairing: exportedPairing(pairing),
    conversations,
  }
}

async function exportAttachments(db: Queryable, row: MessageRow): Promise<unknown> {
  const rows = await db.query<{ media_type: string; name: string; bytes: Buffer }>(
    'SELECT media_type, name, bytes FROM hermes.attachments WHERE message = $1 ORDER BY key',
    [row.key],
  )
  return rows.map(({ media_type, name, bytes }) => ({
    mediaType: media_type,
    name,
    base64: bytes.toString('base64'),
  }))
}

/** The context of a message, while it is still kept. */
async function exportContext(db: Queryable, row: MessageRow): Promise<object> {
  const context = await readContext(db, row)
  return context ? { system: context.system, earlier: context.turns } : {}
}

/**
 * Removes everything of a person: messages, their answers, attachments, pairing; a conversation in which
 * nobody else ever wrote is removed as a whole. The server overwrites the space in its own time.
 *
 * @returns how many messages were removed
 */
export async function deletePerson(
  database: Database,
  context: StoreContext,
  channel: string,
  personId: string,
): Promise<number> {
  let removed = 0
  for (const { key } of await conversationsOf(database, channel, personId)) {
    removed += await database.transaction((tx) => removeFrom(tx, context, key, clean(personId)))
  }
  await database.query('DELETE FROM hermes.pairings WHERE channel = $1 AND person_id = $2', [
    clean(channel),
    clean(personId),
  ])
  context.waitingTotal.forget()
  return removed
}

async function removeFrom(
  tx: Transaction,
  context: StoreContext,
  key: number,
  personId: string,
): Promise<number> {
  const [conversation] = await lockConversations(tx, [key])
  if (!conversation) return 0
  const others = await tx.query(
    'SELECT 1 FROM hermes.participants WHERE conversation = $1 AND person_id <> $2 LIMIT 1',
    [key, personId],
  )
  return others.length > 0
    ? await removeFromShared(tx, context, conversation, personId)
    : await removeConversation(tx, conversation.key)
}

/** The others' messages stay; a summary may quote the person, so it is removed. */
async function removeFromShared(
  tx: Transaction,
  context: StoreContext,
  conversation: ConversationRow,
  personId: string,
): Promise<number> {
  const changes = new Changes(context.pullChannels)
  const waiting = (await waitingRows(tx, [conversation.key])).get(conversation.key) ?? []
  endLease(conversation, waiting, 'received', changes)
  await write(tx, changes)
  const rows = await messagesOf(tx, conversation, personId)
  await removeMessages(
    tx,
    rows.map((row) => row.key),
  )
  await tx.query('DELETE FROM hermes.summaries WHERE conversation = $1', [conversation.key])
  await tx.query('DELETE FROM hermes.participants WHERE person_id = $1 AND conversation = $2', [
    personId,
    conversation.key,
  ])
  await commit(tx, context, changes)
  return rows.length
}

function conversationsOf(
  db: Queryable,
  channel: string,
  personId: string,
): Promise<readonly ConversationRow[]> {
  return db.query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.participants p JOIN hermes.conversations c ON c.key = p.conversation
       WHERE p.person_id = $1 AND c.channel = $2 ORDER BY c.key`,
    [clean(personId), clean(channel)],
  )
}

/** What the person wrote and what was answered to it, in order. */
function messagesOf(
  db: Queryable,
  conversation: ConversationRow,
  personId: string,
): Promise<readonly MessageRow[]> {
  return db.query<MessageRow>(
    `SELECT ${MESSAGE_COLUMNS} FROM hermes.messages WHERE conversation = $1 AND (person_id = $2 OR id IN
       (SELECT answered_by FROM hermes.messages WHERE conversation = $1 AND person_id = $2 AND answered_by IS NOT NULL))
       ORDER BY seq`,
    [conversation.key, clean(personId)],
  )
}
