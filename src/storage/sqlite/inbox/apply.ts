import type { AddedMessage, Changes, MessageChange } from '../../policy/changes.ts'
import type { ConversationRow } from '../../rows/conversation-row.ts'
import type { MessageRow } from '../../rows/message-row.ts'
import type { Session } from '../thread/session.ts'

/** Writes what was decided, as a part of the open transaction. Rows that were changed get their new revision. */
export function apply(session: Session, changes: Changes): void {
  const keys = new Map(changes.added.map((row) => [row.id, insertMessage(session, row)]))
  for (const file of changes.files) {
    const { mediaType, name, bytes } = file.attachment
    session.run(
      'INSERT INTO attachments (id, message, media_type, name, at, bytes) VALUES (?, ?, ?, ?, ?, ?)',
      file.id,
      keys.get(file.message)!,
      mediaType,
      name,
      file.at,
      bytes,
    )
  }
  for (const { id, digest, json } of changes.contexts) {
    session.run(
      'INSERT INTO contexts (message, digest, json) VALUES (?, ?, ?)',
      keys.get(id)!,
      digest,
      json && JSON.stringify(json),
    )
  }
  for (const { id, conversation, kind, reply_to, draft, asked_at, at } of changes.sent) {
    session.run(
      `INSERT INTO outbox (message, conversation, kind, reply_to, draft, asked_at, at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      keys.get(id)!,
      conversation,
      kind,
      reply_to,
      draft,
      asked_at,
      at,
    )
  }
  for (const { row, change } of changes.changed.values()) updateMessage(session, row, change)
  for (const [key, text] of changes.texts) {
    session.run('UPDATE messages SET text = ?, revision = ? WHERE key = ?', text, session.nextRevision(), key)
  }
  for (const key of changes.usedContexts) {
    session.run('UPDATE contexts SET json = NULL WHERE message = ?', key)
  }
  for (const row of changes.saved.values()) updateConversation(session, row)
  applyRecords(session, changes)
  if (changes.queueChanged) session.waitingTotal = null
  else if (session.waitingTotal !== null) session.waitingTotal += changes.arrived
}

function insertMessage(session: Session, row: AddedMessage): number {
  const { lastInsertRowid } = session
    .sql(
      `INSERT INTO messages (id, conversation, seq, revision, role, state, text, preface, reason, origin,
         platform_id, person_id, person_name, addressed, command, attachments, at, answered_by, history_seq,
         held_base, solo)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      row.id,
      row.conversation,
      row.seq,
      session.nextRevision(),
      row.role,
      row.state,
      row.text,
      row.preface,
      row.reason,
      row.origin,
      row.platform_id,
      row.person_id,
      row.person_name,
      row.addressed ? 1 : 0,
      row.command ? 1 : 0,
      row.attachments && JSON.stringify(row.attachments),
      row.at,
      row.answered_by,
      row.history_seq,
      row.held_base,
      row.solo ? 1 : 0,
    )
  return Number(lastInsertRowid)
}

/** Decisions change few sets of columns, so few statements are prepared. */
function updateMessage(session: Session, row: MessageRow, change: MessageChange): void {
  const columns = Object.keys(change).map((column) => `${column} = ?`)
  const values = Object.values(change).map((value) => (typeof value === 'boolean' ? Number(value) : value))
  const revision = session.nextRevision()
  session.run(
    `UPDATE messages SET ${columns.join(', ')}, revision = ? WHERE key = ?`,
    ...values,
    revision,
    row.key,
  )
  Object.assign(row, { revision })
}

function updateConversation(session: Session, row: ConversationRow): void {
  session.run(
    `UPDATE conversations SET address = ?, model = ?, next_seq = ?, history_from = ?, history_characters = ?, generation = ?,
       lease_turn = ?, lease_owner = ?, lease_at = ?, stopped_turn = ?, told_outage = ?, full_told_at = ?,
       last_at = ? WHERE key = ?`,
    row.address,
    row.model,
    row.next_seq,
    row.history_from,
    row.history_characters,
    row.generation,
    row.lease_turn,
    row.lease_owner,
    row.lease_at,
    row.stopped_turn,
    row.told_outage,
    row.full_told_at,
    row.last_at,
    row.key,
  )
}

/** What is written beside messages and conversations. */
function applyRecords(session: Session, changes: Changes): void {
  for (const { conversation, person_id } of changes.participants) {
    session.run(
      'INSERT INTO participants (conversation, person_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
      conversation,
      person_id,
    )
  }
  for (const turn of changes.turns) {
    session.run(
      `INSERT INTO turns (id, conversation, model, leased_at, finished_at, model_ms, input_tokens, output_tokens,
         cache_read_tokens, cache_write_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      turn.id,
      turn.conversation,
      turn.model,
      turn.leased_at,
      turn.finished_at,
      turn.model_ms,
      turn.input_tokens,
      turn.output_tokens,
      turn.cache_read_tokens,
      turn.cache_write_tokens,
    )
  }
  for (const [conversation, text] of changes.summaries) {
    if (text === null) session.run('DELETE FROM summaries WHERE conversation = ?', conversation)
    else {
      session.run(
        'INSERT INTO summaries (conversation, text) VALUES (?, ?) ON CONFLICT DO UPDATE SET text = excluded.text',
        conversation,
        text,
      )
    }
  }
  for (const { origin, platform_id, at } of changes.seen) {
    session.run('INSERT INTO seen (origin, platform_id, at) VALUES (?, ?, ?)', origin, platform_id, at)
  }
  for (const { channel, name, value } of changes.cursors.values()) {
    session.run(
      'INSERT INTO cursors (channel, name, value) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
      channel,
      name,
      value,
    )
  }
}
