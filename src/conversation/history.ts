import type { StoredMessage } from '../inbox/message.ts'
import { SECOND } from '../support/clock.ts'

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

/** Everything if it fits into `budget` tokens, otherwise the newest half of that. */
export function planHistory(
  history: readonly StoredMessage[],
  summary: Summary | null,
  budget: number,
): HistoryPlan {
  const turns = turnsOf(history).filter((turn) => turn.at(-1)!.seq > (summary?.upTo ?? -1))
  const costs = turns.map((turn) => turn.reduce((sum, row) => sum + estimateTokens(row.text), 0))
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  if (total <= budget) return { keep: turns, drop: [] }
  let room = budget * KEPT_SHARE
  let first = turns.length
  while (first > 0 && costs[first - 1]! <= room) room -= costs[--first]!
  return { keep: turns.slice(first), drop: turns.slice(0, first) }
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
    const line = `${row.role === 'assistant' ? 'Assistant' : 'Person'}: ${row.text}`
    room -= estimateTokens(line)
    if (room < 0) break
    lines.push(line)
  }
  return lines.toReversed().join('\n\n')
}
