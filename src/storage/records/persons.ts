import { readAbout, type HeardLine } from '../../inbox/about.ts'
import { PARKED_CURSORS, readParkedInput, type ParkedInput } from '../../inbox/parked-inputs.ts'
import type { Step } from '../../inbox/step.ts'
import { isoTime } from '../../support/clock.ts'
import { CONVERSATION_COLUMNS, type ConversationRow, LEASED_COLUMNS, type LeasedRow } from '../rows/rows.ts'
import { readJournal } from './journal.ts'
import { exportSpent } from './ledger.ts'
import { readContext, removeCursor } from './queue.ts'
import { removeMessages } from './retention.ts'
import { query, type Steps } from './steps.ts'

/**
 * Everything stored of a person, as plain JSON, but the model's thinking and what the gateway itself sends with
 * every request. See `Conversations.exportPerson`.
 */
export function* exportPerson(channel: string, personId: string): Steps<unknown> {
  const [pairing] = yield* query<{
    person_name: string | null
    approved_at: number | null
    created_at: number
  }>(
    'SELECT person_name, approved_at, created_at FROM hermes.pairings WHERE channel = $1 AND person_id = $2',
    [channel, personId],
  )
  const conversations: unknown[] = []
  for (const { key, id, address } of yield* conversationsOf(channel, personId)) {
    const messages: unknown[] = []
    for (const row of yield* messagesOf<ExportedRow>(key, personId, `${LEASED_COLUMNS}, blocks`))
      messages.push(yield* exportMessage(row))
    const heard = (yield* heardOf(key, personId)).flatMap(({ lines }) => lines.map(({ text }) => text))
    const usage = yield* exportSpent(key, personId)
    const more = { ...(heard.length === 0 ? {} : { heard }), ...(usage.length === 0 ? {} : { usage }) }
    conversations.push({ id, address, messages, ...more })
  }
  const parked = yield* parkedOf(channel, personId)
  return {
    channel,
    person: personId,
    pairing: pairing
      ? {
          name: pairing.person_name,
          approvedAt: isoTime(pairing.approved_at),
          createdAt: isoTime(pairing.created_at),
        }
      : null,
    conversations,
    ...(parked.length === 0 ? {} : { parked: parked.map(({ at, raw }) => ({ at: isoTime(at), raw })) }),
  }
}

type ExportedRow = LeasedRow & { readonly blocks: string | null }

function* exportMessage(row: ExportedRow): Steps<unknown> {
  const { steps } = yield* readJournal(row)
  const context = yield* readContext(row)
  // Others said that, and it is in their exports.
  const { heard: _, responseId: __, ...about } = readAbout(row.about) ?? {}
  return {
    id: row.id,
    role: row.role,
    at: isoTime(row.at),
    state: row.state,
    name: row.person_name,
    text: row.text,
    attachments: row.attachments === null ? [] : yield* exportAttachments(row),
    ...(Object.keys(about).length === 0 ? {} : { about }),
    ...(context ? { system: context.system, earlier: context.turns } : {}),
    ...(row.blocks === null ? {} : { blocks: JSON.parse(row.blocks, withoutThinking) as unknown }),
    ...(steps.length === 0 ? {} : { steps: steps.map(exportStep) }),
  }
}

function exportStep({ response, calls }: Step): unknown {
  return {
    response: JSON.parse(response, withoutThinking) as unknown,
    calls: calls.map(({ tool, input, result }) => ({ tool, input, result })),
  }
}

const THINKING: ReadonlySet<unknown> = new Set(['thinking', 'redacted_thinking'])

/** What the model thought is nobody's words. */
function withoutThinking(_: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.filter((part: { readonly type?: unknown } | null) => !THINKING.has(part?.type))
}

function* exportAttachments({ key }: LeasedRow): Steps<unknown> {
  const rows = yield* query<{ media_type: string; name: string; bytes: Uint8Array }>(
    'SELECT media_type, name, bytes FROM hermes.attachments WHERE message = $1 ORDER BY key',
    [key],
  )
  return rows.map(({ media_type, name, bytes }) => ({
    mediaType: media_type,
    name,
    base64: Buffer.from(bytes).toString('base64'),
  }))
}

/** The conversations in which the person wrote. */
export function conversationsOf(channel: string, personId: string): Steps<readonly ConversationRow[]> {
  return query<ConversationRow>(
    `SELECT ${CONVERSATION_COLUMNS} FROM hermes.participants p JOIN hermes.conversations c ON c.key = p.conversation
       WHERE p.person_id = $1 AND c.channel = $2 ORDER BY c.key`,
    [personId, channel],
  )
}

/** What the person wrote and what was answered to it, in order. */
function messagesOf<Row>(conversation: number, personId: string, columns: string): Steps<readonly Row[]> {
  return query<Row>(
    `SELECT ${columns} FROM hermes.messages WHERE conversation = $1 AND (person_id = $2 OR id IN
       (SELECT answered_by FROM hermes.messages WHERE conversation = $1 AND person_id = $2 AND answered_by IS NOT NULL))
       ORDER BY seq`,
    [conversation, personId],
  )
}

/** Messages of others that brought along what the person said in a group. */
function* heardOf(conversation: number, personId: string) {
  const rows = yield* query<{ key: number; about: string }>(
    `SELECT key, about FROM hermes.messages WHERE conversation = $1 AND about LIKE '%"heard":%' ORDER BY seq`,
    [conversation],
  )
  return rows
    .map(({ key, about }) => {
      const { heard = [], ...rest } = readAbout(about)!
      return { key, rest, ...byPerson(heard, personId) }
    })
    .filter(({ lines }) => lines.length > 0)
}

function byPerson(heard: readonly HeardLine[], personId: string) {
  return {
    lines: heard.filter(({ person }) => person === personId),
    others: heard.filter(({ person }) => person !== personId),
  }
}

/** What is parked of a person, as far as it holds their words. */
export function* parkedOf(channel: string, personId: string): Steps<readonly ParkedInput[]> {
  const rows = yield* query<{ name: string; value: string }>(
    'SELECT name, value FROM hermes.cursors WHERE channel = $1',
    [PARKED_CURSORS],
  )
  const inputs = rows.map(readParkedInput).filter((input) => input !== null)
  return inputs.filter((input) => input.channel === channel && input.personId === personId)
}

/** Removes what is parked of a person. */
export function* removeParked(channel: string, personId: string): Steps<void> {
  for (const { id } of yield* parkedOf(channel, personId)) yield* removeCursor(PARKED_CURSORS, id)
}

/** Whether others wrote in the conversation, too. */
export function* isShared(conversation: number, personId: string): Steps<boolean> {
  const others = yield* query(
    'SELECT 1 FROM hermes.participants WHERE conversation = $1 AND person_id <> $2 LIMIT 1',
    [conversation, personId],
  )
  return others.length > 0
}

/**
 * The others' messages stay; a summary may quote the person, so it is removed. The conversation must have no lease.
 *
 * @returns how many messages were removed
 */
export function* removeFromShared(conversation: number, personId: string): Steps<number> {
  const rows = yield* messagesOf<Pick<LeasedRow, 'key'>>(conversation, personId, 'key')
  yield* removeMessages(rows.map(({ key }) => key))
  for (const { key, rest, others } of yield* heardOf(conversation, personId)) {
    const about = others.length === 0 ? rest : { ...rest, heard: others }
    yield* query('UPDATE hermes.messages SET about = $1 WHERE key = $2', [JSON.stringify(about), key])
  }
  yield* query('DELETE FROM hermes.summaries WHERE conversation = $1', [conversation])
  // What was spent stays spent, by nobody.
  yield* query('UPDATE hermes.turns SET person_id = NULL WHERE conversation = $1 AND person_id = $2', [
    conversation,
    personId,
  ])
  yield* query('DELETE FROM hermes.participants WHERE person_id = $1 AND conversation = $2', [
    personId,
    conversation,
  ])
  return rows.length
}
