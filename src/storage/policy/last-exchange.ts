import { boundAbout, readAbout, type MessageAbout } from '../../inbox/about.ts'
import type { Arrival, CommandEffect, IncomingMessage } from '../../inbox/arrival.ts'
import { ASKED_AGAIN, HOLD_FULL, TAKEN_BACK, type AttachmentInfo } from '../../inbox/message.ts'
import { printable } from '../../support/text/printable.ts'
import { attachmentsOf, type ConversationRow, type MessageRow } from '../rows/rows.ts'
import { endJournal } from './journal.ts'
import { stillWaiting, withdraw, type Withdrawing } from './withdraw.ts'

/** Characters of a message by which its sender recognises it, on one line of a phone. */
const QUOTED_LENGTH = 60

/** The last words of a conversation, as far as they are over. */
export interface ConversationEnd {
  /** The messages of its last answered turns that the model is shown, oldest first. */
  answered: readonly MessageRow[]
  /** The newest messages of people, commands left out, newest first. */
  asked: readonly MessageRow[]
  /** Keys of those messages that came with a context. */
  withContext: readonly number[]
}

/** Of a conversation whose end was not read. */
export const NO_END: Readonly<ConversationEnd> = { answered: [], asked: [], withContext: [] }

/** A conversation whose end is changed. */
interface Ending extends Withdrawing {
  readonly state: Withdrawing['state'] & ConversationEnd
}

/** What a command made of the end of its conversation: its reply, or a message that asks the model. */
export type EndDecision =
  | {
      readonly kind: 'reply'
      readonly reply: string
      readonly withdrawn?: number
      readonly stopped?: boolean
    }
  | {
      readonly kind: 'ask'
      readonly message: IncomingMessage
      readonly files: readonly AttachmentInfo[]
      readonly stopped?: boolean
    }

/** Whether a command needs to know the end of its conversation. */
export function changesEnd(effect: CommandEffect | null): boolean {
  return effect?.undo !== undefined || asksModel(effect)
}

/** Whether a command may become a message for the model. */
export function asksModel(effect: CommandEffect | null): boolean {
  return effect?.retry !== undefined || effect?.resume === true
}

/** The effect on the end of the conversation; null = the command has none. */
export function decideEnd(
  { message, effect, reply }: Extract<Arrival, { kind: 'command' }>,
  given: Ending,
): EndDecision | null {
  if (effect?.undo) return undo(reply, effect.undo.nothing, given)
  const nothing = { kind: 'reply', reply } as const
  if (effect?.retry) return retry(effect.retry.waiting, message, given) ?? nothing
  if (effect?.resume) return endsEarly(given.state) ? { kind: 'ask', message, files: [] } : nothing
  return null
}

function undo(reply: string, nothing: string, given: Ending): EndDecision {
  const waiting = stillWaiting(given.state)
  const last = waiting.at(-1)
  const rows = last ? waiting.filter((row) => isOfOneTurn(row, last)) : lastTurn(given.state)
  if (rows.length === 0) return { kind: 'reply', reply: nothing }
  const told = { kind: 'reply', reply: reply.replaceAll('{question}', () => quoted(rows)) } as const
  if (last) return { ...told, ...withdraw(rows, TAKEN_BACK, given) }
  removeFromHistory(rows, given)
  return told
}

/** @returns null = there is nothing to ask again */
function retry(waitingReply: string, message: IncomingMessage, given: Ending): EndDecision | null {
  const waiting = stillWaiting(given.state)
  if (waiting.some(({ state }) => state !== 'answering')) return { kind: 'reply', reply: waitingReply }
  const unanswered = waiting.length > 0 ? waiting : lastUnanswered(given.state)
  const shown = lastTurn(given.state)
  const rows = unanswered ?? shown.filter(({ role }) => role === 'user')
  const last = rows.at(-1)
  // What a program sent along with its message is gone with the answer.
  if (!last || rows.some(({ key }) => given.state.withContext.includes(key))) return null
  const { stopped } = waiting.length > 0 ? withdraw(rows, ASKED_AGAIN, given) : { stopped: false }
  for (const row of rows) {
    if (row.state !== 'parked') continue
    endJournal([row], given.changes)
    // Otherwise the operator could have it answered a second time.
    given.changes.change(row, { state: 'withdrawn', reason: null })
    given.changes.queueChanged = true
  }
  // What was stopped is shown with what its tools have done.
  if (shown.some(({ key }) => rows.some((row) => row.key === key))) removeFromHistory(shown, given)
  return {
    kind: 'ask',
    message: askedAgain(rows, last, message),
    files: rows.flatMap(attachmentsOf),
    stopped,
  }
}

/** The message that asks again, in the place of the command. */
function askedAgain(
  rows: readonly MessageRow[],
  { person_id, person_name }: MessageRow,
  command: IncomingMessage,
): IncomingMessage {
  // As the model is shown several messages that are answered together.
  const text = rows
    .map((row) => row.text)
    .filter((words) => words !== '')
    .join('\n\n')
  const again = { ...command, text, about: aboutAll(rows) }
  // The words are still theirs, and are removed with all others of theirs.
  if (person_id === null) return again
  return { ...again, personId: person_id, personName: person_name }
}

/** What is known of several messages that become one. */
function aboutAll(rows: readonly MessageRow[]): MessageAbout | null {
  const all = rows.flatMap((row) => readAbout(row.about) ?? [])
  return boundAbout({
    ...Object.assign({}, ...all),
    quotes: all.flatMap(({ quotes = [] }) => quotes),
    links: all.flatMap(({ links = [] }) => links),
    heard: all.flatMap(({ heard = [] }) => heard),
  })
}

/** Whether the last answer ended before its end, and nothing was asked since. */
function endsEarly(state: Ending['state']): boolean {
  const answer = lastTurn(state).findLast(({ role }) => role === 'assistant')
  return stillWaiting(state).length === 0 && answer !== undefined && answer.reason !== null
}

/** Whether a message is answered, or was frozen to be answered, together with `last`. */
function isOfOneTurn(row: MessageRow, last: MessageRow): boolean {
  if (last.state === 'answering') return row.state === 'answering'
  return row === last || (last.group_id !== null && row.group_id === last.group_id)
}

/** What the model was shown last, with its answer; empty = nothing, or what is left of it is in the summary. */
function lastTurn({ row: { history_from }, answered }: Ending['state']): readonly MessageRow[] {
  const place = answered.findLast(({ history_seq }) => history_seq !== null)?.history_seq ?? null
  if (place === null || place < history_from) return []
  return answered.filter((row) => row.history_seq === place)
}

/**
 * The newest message and those of its turn, where it was stopped, refused or parked; empty = it was refused before
 * all of it was stored; null = it was answered, or taken back.
 */
function lastUnanswered({ row: { history_from }, asked }: Ending['state']): readonly MessageRow[] | null {
  const last = asked[0]
  if (!last || last.seq < history_from) return null
  const isUnanswered = last.state === 'refused' || last.state === 'parked'
  const isStopped = last.state === 'withdrawn' && last.reason === null
  if (!isUnanswered && !isStopped) return null
  if (last.reason === HOLD_FULL) return []
  if (last.group_id === null) return [last]
  return asked.filter((row) => row.group_id === last.group_id && row.state === last.state).toReversed()
}

/** They stay stored, and are what people and their export see of the conversation. */
function removeFromHistory(rows: readonly MessageRow[], { state, changes }: Ending): void {
  if (rows.length === 0) return
  const conversation: ConversationRow = state.row
  const characters = rows.reduce((sum, row) => sum + row.text.length, 0)
  for (const row of rows) changes.change(row, { history_seq: null })
  conversation.history_characters = Math.max(0, conversation.history_characters - characters)
  changes.save(conversation)
}

/** The beginning of what was asked, on one line; of a message without words the names of its files. */
function quoted(rows: readonly MessageRow[]): string {
  const asked = rows.filter(({ role }) => role === 'user')
  const words = asked
    .map(({ text }) => text)
    .join(' ')
    .trim()
  const names = asked.flatMap(attachmentsOf).map(({ name }) => name)
  const line = printable(words === '' ? names.join(', ') : words).replace(/\s+/g, ' ')
  const characters = [...line]
  return characters.length <= QUOTED_LENGTH ? line : `${characters.slice(0, QUOTED_LENGTH - 1).join('')}…`
}
