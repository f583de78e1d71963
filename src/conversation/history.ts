import type { StoredMessage } from '../inbox/message.ts'
import { SECOND } from '../support/clock.ts'
import { messageContext } from './message-context.ts'

/**
 * Which part of a conversation the model is sent. Pure: the newest complete turns that fit;
 * older ones become a summary.
 */

/**
 * Bytes of UTF-8 for one token. English has about four, other scripts fewer. Overestimates,
 * because a request that is too long is refused as a whole.
 */
const BYTES_PER_TOKEN = 3
/** The largest picture that the API processes at full size. */
const IMAGE_TOKENS = 1_600
/** A PDF page is about 2,000 tokens, and rarely less than 30 kB. */
const PDF_BYTES_PER_TOKEN = 15
const PDF_TOKENS = 2_000
/** Roles, separators and the provider's own preamble. */
const MARGIN_TOKENS = 1_000
/** Trimming leaves as much room again, so that not every turn makes a new summary. */
const KEPT_SHARE = 0.5
/** Pictures and files of this many earlier turns are shown, unless there is no room. */
const TURNS_WITH_ATTACHMENTS = 4
/** Those of older turns, too, while all of them are light: each request sends them again. */
const LIGHT_BYTES = 2 * 1024 * 1024
/** With more of them in a request the API takes no picture above 2,000 pixels. */
const MOST_ATTACHMENTS = 20
/** The API rejects requests above 32 MB; base64 adds a third. */
export const MAX_ATTACHMENT_BYTES = 20 * 1024 * 1024
/** More than the longest message together with the longest answer, in characters. */
const LONGEST_TURN = 200_000

/** Long enough to keep the context, short enough to be sent with every turn. */
export const SUMMARY_MAX_TOKENS = 1_024
/** Most models think before they write, within the same limit. */
export const SUMMARY_ANSWER_TOKENS = 4 * SUMMARY_MAX_TOKENS
/** A summary is optional: the answer waits no longer for it. */
export const SUMMARY_TIMEOUT_MS = 60 * SECOND

/** The summary of what the model is no longer sent. */
export interface Summary {
  /** The answer up to which it reaches, by its `seq`. */
  readonly upTo: number
  readonly text: string
}

/** A person's words and the answer to them, in order. */
export type Turn = readonly StoredMessage[]

export interface HistoryPlan {
  readonly keep: readonly Turn[]
  /** Not shown any more, and in no summary yet. */
  readonly drop: readonly Turn[]
  /** So many of `keep`, the oldest, are sent with only the names of their attachments. */
  readonly bare: number
  /** What the request of the turn before this one still had; null = this one only appends to it. */
  readonly began: 'trim' | 'attachments' | null
}

/** Characters of history to read from the store: nothing drops out before it is summarised. */
export function historyLimitFor(contextTokens: number): number {
  return contextTokens * BYTES_PER_TOKEN + LONGEST_TURN
}

export function readSummary(stored: string | null): Summary | null {
  if (stored === null) return null
  try {
    const { upTo, text } = JSON.parse(stored) as Partial<Summary>
    return typeof upTo === 'number' && typeof text === 'string' ? { upTo, text } : null
  } catch {
    return null
  }
}

export function writeSummary(summary: Summary): string {
  return JSON.stringify(summary)
}

export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN)
}

export function attachmentTokens({
  mediaType,
  size,
}: {
  readonly mediaType: string
  readonly size: number
}): number {
  if (mediaType.startsWith('image/')) return IMAGE_TOKENS
  return PDF_TOKENS + Math.ceil(size / PDF_BYTES_PER_TOKEN)
}

/** Tokens left for the history after everything else in the request. */
export function historyBudget(
  contextTokens: number,
  maxTokens: number,
  fixedTexts: readonly string[],
): number {
  const fixed = fixedTexts.reduce((sum, text) => sum + estimateTokens(text), 0)
  return Math.max(0, contextTokens - maxTokens - SUMMARY_MAX_TOKENS - MARGIN_TOKENS - fixed)
}

/**
 * Everything if it fits into `budget` tokens, otherwise the newest half of that; likewise the attachments.
 *
 * What is left out changes seldom, and at the same turn in every process: each turn is decided as every turn
 * since has decided it. So the requests of a conversation begin alike for a long time, which is what the
 * provider's cache needs, in another process too, and also where no summary can be made.
 *
 * @param budget tokens for the history and the question
 */
export function planHistory(
  history: readonly StoredMessage[],
  summary: Summary | null,
  budget: number,
  question: readonly StoredMessage[] = [],
): HistoryPlan {
  const turns = turnsOf(history).filter((turn) => turn.at(-1)!.seq > (summary?.upTo ?? -1))
  const sizes = new TurnSizes([...turns, question].map((turn, index) => sizeOf(turn, turns[index - 1])))
  let last = BEGINNING
  let next = BEGINNING
  for (let turn = 0; turn <= turns.length; turn++) {
    last = next
    next = nextBorders(last, sizes, turn, budget)
  }
  const now = roomFor(question, next, sizes, turns.length, budget)
  const before = roomFor(questionOf(turns.at(-1)), last, sizes, Math.max(0, turns.length - 1), budget)
  return {
    keep: turns.slice(now.first),
    drop: turns.slice(0, now.first),
    bare: now.shown - now.first,
    began: now.first !== before.first ? 'trim' : now.shown !== before.shown ? 'attachments' : null,
  }
}

/** Indices of turns: nothing before `first` is sent, and of what is before `shown` no attachment. */
interface Borders {
  readonly first: number
  readonly shown: number
}

const BEGINNING: Borders = { first: 0, shown: 0 }

interface Size {
  readonly tokens: number
  readonly files: number
  readonly fileTokens: number
  readonly fileBytes: number
}

/** @param before the turn before it; left out: there is none */
function sizeOf(turn: Turn, before?: Turn): Size {
  const size = { tokens: 0, files: 0, fileTokens: 0, fileBytes: 0 }
  for (const [index, row] of turn.entries()) {
    const { text, attachments } = row
    const context = messageContext(row, (turn[index - 1] ?? before?.at(-1))?.at ?? null)
    size.tokens += estimateTokens(text) + estimateTokens(context ?? '')
    for (const file of attachments) {
      size.files++
      size.fileTokens += attachmentTokens(file)
      size.fileBytes += file.size
    }
  }
  return size
}

/** The sizes of turns, summed up once: every turn of a long conversation asks for many of the sums. */
class TurnSizes {
  /** What the turns before each one come to. */
  readonly #before: Size[] = [{ tokens: 0, files: 0, fileTokens: 0, fileBytes: 0 }]

  constructor(sizes: readonly Size[]) {
    for (const { tokens, files, fileTokens, fileBytes } of sizes) {
      const last = this.#before.at(-1)!
      this.#before.push({
        tokens: last.tokens + tokens,
        files: last.files + files,
        fileTokens: last.fileTokens + fileTokens,
        fileBytes: last.fileBytes + fileBytes,
      })
    }
  }

  /** Of the turns from `from` to before `to`. */
  sum(figure: keyof Size, from: number, to: number): number {
    return this.#before[to]![figure] - this.#before[from]![figure]
  }
}

/** The borders of the request that asks `turn`, from those of the request before. */
function nextBorders(last: Borders, sizes: TurnSizes, turn: number, budget: number): Borders {
  const { first, shown } = trimmed(last, sizes, turn, budget)
  return { first, shown: nextShown(shown, sizes, turn) }
}

/** The same with room for the question, which is no part of the history yet. */
function roomFor(question: Turn, borders: Borders, sizes: TurnSizes, turn: number, budget: number): Borders {
  const { tokens, fileTokens } = sizeOf(question)
  return trimmed(borders, sizes, turn, budget - tokens - fileTokens)
}

function questionOf(turn: Turn = []): Turn {
  return turn.filter(({ role }) => role === 'user')
}

/** What is left of the turns before `turn` where they do not fit into `budget` any more. */
function trimmed(borders: Borders, sizes: TurnSizes, turn: number, budget: number): Borders {
  const { first, shown } = borders
  if (sizes.sum('tokens', first, turn) + sizes.sum('fileTokens', shown, turn) <= budget) return borders
  const room = Math.max(0, budget) * KEPT_SHARE
  const sizeFrom = (from: number) => sizes.sum('tokens', from, turn) + sizes.sum('fileTokens', from, turn)
  let kept = turn
  while (kept > first && sizeFrom(kept - 1) <= room) kept--
  // As the next turn decides it, which does not know what was before a summary.
  let shownNow = kept
  for (let asked = kept; asked <= turn; asked++) shownNow = nextShown(shownNow, sizes, asked)
  return { first: kept, shown: shownNow }
}

/** The turn from which on attachments are sent with the question of `turn`, which has some itself. */
function nextShown(shown: number, sizes: TurnSizes, turn: number): number {
  const fits = (from: number) =>
    sizes.sum('files', from, turn + 1) <= MOST_ATTACHMENTS &&
    sizes.sum('fileBytes', from, turn + 1) <= MAX_ATTACHMENT_BYTES
  const recent = Math.max(shown, turn - TURNS_WITH_ATTACHMENTS)
  let next = fits(shown) && sizes.sum('fileBytes', shown, recent) <= LIGHT_BYTES ? shown : recent
  while (next < turn && !fits(next)) next++
  return next
}

/** A turn ends with its answer; several questions before it were answered together. */
function turnsOf(history: readonly StoredMessage[]): StoredMessage[][] {
  const turns: StoredMessage[][] = []
  let open: StoredMessage[] = []
  for (const row of history) {
    if (row.role === 'notice') continue
    open.push(row)
    if (row.role !== 'assistant') continue
    turns.push(open)
    open = []
  }
  return turns
}

/** The dropped turns, as text to be summarised: the newest part of it that fits into `maxTokens`. */
export function transcriptOf(turns: readonly Turn[], maxTokens: number): string {
  const lines: string[] = []
  let room = maxTokens
  for (const row of turns.flat().toReversed()) {
    const said = [messageContext(row, row.at), row.text].filter(Boolean).join('\n')
    const line = `${row.role === 'assistant' ? 'Assistant' : 'Person'}: ${said}`
    room -= estimateTokens(line)
    if (room < 0) break
    lines.push(line)
  }
  return lines.toReversed().join('\n\n')
}
