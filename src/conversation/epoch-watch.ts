import { createHash } from 'node:crypto'
import type { ConversationId, StoredMessage } from '../inbox/message.ts'
import { remember } from '../support/remember.ts'
import type { HistoryPlan, Turn } from './history.ts'

/**
 * Within an epoch of a conversation every request begins with the request before it, byte by byte, and only
 * appends: the provider's cache lives by that. Each reason for another beginning has a name:
 *
 * - `new`: the conversation begins
 * - `model`, `effort`, `system`: it goes to another model, with another effort or system prompt
 * - `trim`: its oldest turns are left out
 * - `summary`: the summary of what is left out has changed
 * - `attachments`: pictures or files of earlier turns are only named from now on
 * - `history`: earlier turns are gone from the store
 */
export type EpochReason =
  | 'new'
  | 'model'
  | 'effort'
  | 'system'
  | 'trim'
  | 'summary'
  | 'attachments'
  | 'history'

/** What a request begins with, without the texts of the turns: they never change. */
export interface Beginning {
  readonly model: string
  readonly effort: string | null
  readonly system: string | null
  readonly chatSystem: string | null
  /** The turns that are sent, without the question. */
  readonly turns: readonly Turn[]
  /** The turn before the question, sent or not; empty = there is none. */
  readonly lastTurn: Turn
  /** What is not shown of the attachments, by the `seq` of their message; the question's too. */
  readonly missing: ReadonlyMap<number, string>
  readonly question: readonly StoredMessage[]
  /** What this turn leaves out of what the turn before it had; known from the store alone. */
  readonly began: HistoryPlan['began']
  /** Turns were left out, now or earlier. */
  readonly isTrimmed: boolean
}

/** What is remembered of a request. */
interface Sent {
  readonly model: string
  readonly effort: string | null
  readonly system: string
  readonly chatSystem: string
  readonly firstSeq: number | null
  readonly missing: ReadonlyMap<number, string>
  readonly questionSeq: number
  readonly answeredSeq: number | null
}

/** Most conversations have no attachments, and none of them keeps a map of its own. */
const NOTHING_MISSING: ReadonlyMap<number, string> = new Map()

/** Conversations of several days, at some hundred bytes each. */
const MAX_CONVERSATIONS = 10_000

/**
 * Finds out when a conversation begins a new epoch. What the store cannot tell is remembered in this process:
 * another model, effort or system prompt since the last request of an earlier process is not noticed.
 */
export class EpochWatch {
  readonly #sent = new Map<ConversationId, Sent>()

  /** Call it for each request of a conversation. @returns null = the request continues the one before it */
  next(id: ConversationId, beginning: Beginning): EpochReason | null {
    const { model, effort, system, chatSystem, turns, lastTurn, missing, question } = beginning
    const now = {
      model,
      effort,
      system: digestOf(system),
      chatSystem: digestOf(chatSystem),
      firstSeq: turns[0]?.[0]?.seq ?? null,
      missing: missing.size === 0 ? NOTHING_MISSING : missing,
      questionSeq: question[0]!.seq,
      answeredSeq: lastTurn.at(-1)?.seq ?? null,
    }
    const last = this.#sent.get(id)
    remember(this.#sent, id, now, MAX_CONVERSATIONS)
    return reasonOf(last && follows(last, beginning, now) ? last : null, now, beginning)
  }
}

function reasonOf(last: Sent | null, now: Sent, { turns, began, isTrimmed }: Beginning): EpochReason | null {
  if (turns.length === 0 && !isTrimmed) return 'new'
  if (last && last.model !== now.model) return 'model'
  if (last && last.effort !== now.effort) return 'effort'
  if (last && last.system !== now.system) return 'system'
  if (began !== null) return began
  if (!last) return null
  if (last.firstSeq !== now.firstSeq && (last.firstSeq ?? last.questionSeq) !== now.firstSeq) {
    return isTrimmed ? 'trim' : 'history'
  }
  if (last.chatSystem !== now.chatSystem) return 'summary'
  for (const [seq, names] of now.missing) {
    const before = last.missing.get(seq)
    if (before !== undefined && before !== names) return 'attachments'
  }
  return null
}

/** Whether `last` is the request before this one: in between another process may have answered some. */
function follows(last: Sent, { lastTurn }: Beginning, now: Sent): boolean {
  return last.answeredSeq === now.answeredSeq || lastTurn.some(({ seq }) => seq === last.questionSeq)
}

function digestOf(text: string | null): string {
  return text === null ? '' : createHash('sha256').update(text).digest('base64')
}
