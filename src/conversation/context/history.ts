import type { StoredMessage } from '../../inbox/message.ts'
import { SECOND } from '../../support/clock.ts'
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

/** A person's words and the answer to them, in order. */
export type Turn = readonly StoredMessage[]

/** Before every answer. */
export const BEGINNING = -1

/** Where what is sent of a conversation begins, by the `seq` of an answer. */
export interface Borders {
  /** Turns up to this answer are not sent. */
  readonly leftOutUpTo: number
  /** Of turns up to this answer the attachments are only named. */
  readonly namedUpTo: number
}

/** The tokens of a message of the history. */
export interface RowTokens {
  /** As it is sent while the epoch lasts. */
  readonly sent: (row: StoredMessage) => number
  /** As it is sent when a new epoch begins. */
  readonly afresh: (row: StoredMessage) => number
}

export interface HistoryPlan {
  readonly borders: Borders
  /** What moved a border; null = everything that was sent still fits. */
  readonly began: 'trim' | 'attachments' | null
  /** What is sent of the turns, and the question. */
  readonly tokens: { readonly turns: number; readonly question: number }
}

/** Characters of history to read from the store: nothing drops out before it is summarised. */
export function historyLimitFor(contextTokens: number): number {
  return contextTokens * BYTES_PER_TOKEN + LONGEST_TURN
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
 * Leaves the borders where they are while everything behind them fits into `budget` tokens with the question;
 * otherwise the newest half of that is left; likewise the attachments. So they move seldom, and the requests
 * in between begin alike.
 */
export function planHistory(
  turns: readonly Turn[],
  last: Borders,
  budget: number,
  question: Turn,
  tokens: RowTokens,
): HistoryPlan {
  const turn = turns.length
  const first = indexAfter(turns, last.leftOutUpTo)
  const shown = Math.max(first, indexAfter(turns, last.namedUpTo))
  const asked = [...turns, question]
  const words = tokensOfWords(turns.slice(first), question, tokens.sent)
  // Nearly always nothing has to move.
  if (words && words.turns + words.question <= budget) return { borders: last, began: null, tokens: words }
  const sizes = new TurnSizes(asked.map((rows) => sizeOf(rows, tokens.sent)))
  const asking = sizes.sum('tokens', turn, turn + 1) + sizes.sum('fileTokens', turn, turn + 1)
  const room = budget - asking
  const isFull =
    first < turn && sizes.sum('tokens', first, turn) + sizes.sum('fileTokens', shown, turn) > room
  const kept = isFull
    ? firstKept(first, new TurnSizes(asked.map((rows) => sizeOf(rows, tokens.afresh))), turn, room)
    : first
  const remaining = Math.max(shown, kept)
  const next = nextShown(remaining, sizes, turn)
  const isHidden = sizes.sum('files', remaining, next) > 0
  return {
    borders: {
      leftOutUpTo: kept === first ? last.leftOutUpTo : seqBefore(turns, kept),
      namedUpTo: isHidden ? seqBefore(turns, next) : last.namedUpTo,
    },
    began: isFull ? 'trim' : isHidden ? 'attachments' : null,
    tokens: {
      turns: sizes.sum('tokens', kept, turn) + sizes.sum('fileTokens', isHidden ? next : remaining, turn),
      question: asking,
    },
  }
}

/** null = there are files, too. */
function tokensOfWords(
  turns: readonly Turn[],
  question: Turn,
  tokensOf: RowTokens['sent'],
): HistoryPlan['tokens'] | null {
  const hasFiles = ({ attachments }: StoredMessage) => attachments.length > 0
  const rows = turns.flat()
  if (rows.some(hasFiles) || question.some(hasFiles)) return null
  const sum = (turn: Turn) => turn.reduce((tokens, row) => tokens + tokensOf(row), 0)
  return { turns: sum(rows), question: sum(question) }
}

/** The turns behind a border. */
export function turnsAfter(turns: readonly Turn[], upTo: number): readonly Turn[] {
  return turns.slice(indexAfter(turns, upTo))
}

/** The `seq` of the last answer of `turns`. */
export function lastAnswer(turns: readonly Turn[]): number {
  return turns.at(-1)?.at(-1)?.seq ?? BEGINNING
}

function indexAfter(turns: readonly Turn[], upTo: number): number {
  const index = turns.findIndex((turn) => turn.at(-1)!.seq > upTo)
  return index === -1 ? turns.length : index
}

function seqBefore(turns: readonly Turn[], index: number): number {
  return lastAnswer(turns.slice(0, index))
}

interface Size {
  readonly tokens: number
  readonly files: number
  readonly fileTokens: number
  readonly fileBytes: number
}

function sizeOf(turn: Turn, tokensOf: (row: StoredMessage) => number): Size {
  const size = { tokens: 0, files: 0, fileTokens: 0, fileBytes: 0 }
  for (const row of turn) {
    size.tokens += tokensOf(row)
    for (const file of row.attachments) {
      size.files++
      size.fileTokens += attachmentTokens(file)
      size.fileBytes += file.size
    }
  }
  return size
}

/** The sizes of turns, summed up once: the search for a border asks for many of the sums. */
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

/** The first turn of the newest ones that fit into the kept share of `room`. */
function firstKept(first: number, sizes: TurnSizes, turn: number, room: number): number {
  const share = Math.max(0, room) * KEPT_SHARE
  const sizeFrom = (from: number) => sizes.sum('tokens', from, turn) + sizes.sum('fileTokens', from, turn)
  let kept = turn
  while (kept > first && sizeFrom(kept - 1) <= share) kept--
  return kept
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

/**
 * A turn ends with its answer; several questions before it were answered together. An answer whose questions
 * are past their retention is no turn: the API takes no conversation that begins with it.
 */
export function turnsOf(history: readonly StoredMessage[]): readonly Turn[] {
  const turns: StoredMessage[][] = []
  let open: StoredMessage[] = []
  for (const row of history) {
    if (row.role === 'notice') continue
    open.push(row)
    if (row.role !== 'assistant') continue
    if (open.length > 1) turns.push(open)
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
