import type { AttachmentInfo, StoredMessage } from '../../inbox/inbox.ts'
import type { ConversationRow } from '../conversation-row.ts'
import type { Session } from './session.ts'

/** Rows looked at first for the cut; more only where the limit is far away. */
const FIRST_LOOK = 128

/**
 * The answered turns since the last fresh start, whole, oldest first, at most `limit` characters,
 * as JSON: SQLite writes it and the main thread parses it, which costs a quarter of building
 * objects here and copying them there. Every turn hands its history over, so this is the store's
 * largest cost. `parseHistory` reads it.
 *
 * A turn's place is that of its answer: what arrived while an earlier message was being answered
 * must not stand between a question and its answer.
 */
export function readHistory(session: Session, conversation: ConversationRow, limit: number): string {
  // Nearly always all of it fits, and looking for a cut would read everything twice.
  const fits = conversation.history_characters <= limit
  const from = fits ? conversation.history_from : oldestWithin(session, conversation, limit)
  if (from === null) return '[]'
  const row = session.get(
    `SELECT json_group_array(json_array(id, seq, role, text, preface, platform_id, person_id, person_name,
         attachments, at, answered_by, revision) ORDER BY history_seq, seq) AS json
       FROM messages WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?`,
    conversation.key,
    from,
  )
  return String(row?.['json'])
}

/** The place of the oldest turn that still fits; null = none does, or there is none. */
function oldestWithin(session: Session, conversation: ConversationRow, limit: number): number | null {
  for (let look = FIRST_LOOK; ; look *= 4) {
    const rows = session.arrays(
      `SELECT history_seq, length(text) FROM messages
         WHERE conversation = ? AND history_seq IS NOT NULL AND history_seq >= ?
         ORDER BY history_seq DESC, seq DESC LIMIT ?`,
      conversation.key,
      conversation.history_from,
      look,
    ) as ReadonlyArray<readonly [place: number, length: number]>
    let characters = 0
    let turn: number | null = null
    let complete: number | null = null
    for (const [place, length] of rows) {
      if (place !== turn) complete = turn
      turn = place
      characters += length
      if (characters > limit) return complete
    }
    if (rows.length < look) return turn
  }
}

type HistoryRow = readonly [
  id: string,
  seq: number,
  role: StoredMessage['role'],
  text: string,
  preface: string | null,
  platformId: string | null,
  personId: string | null,
  personName: string | null,
  attachments: string | null,
  at: number,
  answeredBy: string | null,
  revision: number,
]

/** What `readHistory` wrote, as messages. */
export function parseHistory(json: string, conversationId: string): readonly StoredMessage[] {
  return (JSON.parse(json) as readonly HistoryRow[]).map(
    ([
      id,
      seq,
      role,
      text,
      preface,
      platformId,
      personId,
      personName,
      attachments,
      at,
      answeredBy,
      revision,
    ]) => ({
      id,
      conversationId,
      seq,
      role,
      text,
      preface,
      state: 'answered',
      reason: null,
      platformMessageId: platformId,
      personId,
      personName,
      attachments: attachments === null ? [] : (JSON.parse(attachments) as AttachmentInfo[]),
      at,
      answeredBy,
      revision,
    }),
  )
}

export function readSummary(session: Session, conversation: number): string | null {
  const row = session.get('SELECT text FROM summaries WHERE conversation = ?', conversation)
  return row ? String(row['text']) : null
}
