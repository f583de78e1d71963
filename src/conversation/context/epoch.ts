import { createHash } from 'node:crypto'
import type { StoredMessage } from '../../inbox/message.ts'
import type { TurnSettings } from '../model-settings.ts'
import {
  BEGINNING,
  lastAnswer,
  planHistory,
  turnsAfter,
  type Borders,
  type HistoryPlan,
  type RowTokens,
  type Turn,
} from './history.ts'

/**
 * Within an epoch of a conversation every request begins with the request before it, byte by byte, and only
 * appends: the provider's cache lives by that, and newer models refuse their own thinking behind anything that
 * has changed. Each reason for another beginning has a name:
 *
 * - `new`: the conversation begins
 * - `model`, `effort`, `thinking`, `system`, `tools`: it goes to another model, with another effort, way of
 *   thinking, system prompt or tools
 * - `compaction`: the provider has compacted its oldest turns
 * - `trim`: its oldest turns are left out
 * - `summary`: the summary of what is left out has changed
 * - `attachments`: pictures or files of earlier turns are only named from now on
 * - `history`: earlier turns are gone from the store, or it does not know of an epoch
 */
const REASONS = [
  'new',
  'model',
  'effort',
  'thinking',
  'system',
  'tools',
  'compaction',
  'trim',
  'summary',
  'attachments',
  'history',
] as const

export type EpochReason = (typeof REASONS)[number]

/** What each request of an epoch begins with, besides the messages; long ones as a digest. */
export interface EpochTerms {
  readonly model: string
  readonly effort: string | null
  /** Left out: as the model does by default. */
  readonly thinking?: string
  readonly system: string
  readonly tools: string
}

/** Stored with the conversation; `Borders` of an epoch never move. */
export interface Epoch extends EpochTerms, Borders {
  /** Counts the epochs since the last `/new`. */
  readonly no: number
  readonly reason: EpochReason
  /** Answers up to this `seq` were given in earlier epochs. */
  readonly earlierUpTo: number
  /** The `seq` of the first message that is sent. */
  readonly firstSeq: number
}

/** The summary of what the model is no longer sent. */
export interface Summary {
  /** The answer up to which it reaches, by its `seq`. */
  readonly upTo: number
  readonly text: string
  /** The provider has made it; left out: the gateway has. */
  readonly compaction?: Compaction
}

/** What the provider has made of the turns up to a place: what the model is sent in place of them. */
export interface Compaction extends Pick<EpochTerms, 'model' | 'system'> {
  /** JSON text of its block, signed for this model and system prompt; all others are sent the summary's text. */
  readonly block: string
}

/** What the store keeps of a conversation besides its messages. */
export interface EpochRecord {
  readonly summary: Summary | null
  readonly epoch: Epoch | null
  /** The provider may be compacting the conversation until then, in epoch milliseconds; left out: it is not. */
  readonly compactingUntil?: number
}

/** Anything else than a record is none; one of an earlier version holds a summary alone. */
export function readEpochRecord(stored: string | null): EpochRecord {
  let value: unknown = null
  try {
    value = stored === null ? null : JSON.parse(stored)
  } catch {
    // Not a record.
  }
  const record = (value ?? {}) as Readonly<Record<string, unknown>>
  const { upTo, text, compaction, epoch, compactingUntil } = record
  const own = isCompaction(compaction) ? { compaction } : {}
  return {
    summary: typeof upTo === 'number' && typeof text === 'string' ? { upTo, text, ...own } : null,
    epoch: isEpoch(epoch) ? epoch : null,
    ...(typeof compactingUntil === 'number' ? { compactingUntil } : {}),
  }
}

/** The summary stands where earlier versions read it. */
export function writeEpochRecord({ summary, epoch, compactingUntil }: EpochRecord): string {
  return JSON.stringify({ ...summary, epoch, compactingUntil })
}

function isCompaction(value: unknown): value is Compaction {
  const { model, system, block } = (value ?? {}) as Readonly<Record<keyof Compaction, unknown>>
  return [model, system, block].every((text) => typeof text === 'string')
}

/** The block that is sent in place of what is left out; null = there is none for these terms. */
export function compactionFor(
  summary: Summary | null,
  { model, system }: Pick<EpochTerms, 'model' | 'system'>,
): Compaction | null {
  const compaction = summary?.compaction
  return compaction?.model === model && compaction.system === system ? compaction : null
}

function isEpoch(value: unknown): value is Epoch {
  const epoch = (value ?? {}) as Readonly<Record<keyof Epoch, unknown>>
  const { no, leftOutUpTo, namedUpTo, earlierUpTo, firstSeq, model, effort, thinking, system, tools } = epoch
  return (
    [no, leftOutUpTo, namedUpTo, earlierUpTo, firstSeq].every((place) => typeof place === 'number') &&
    [model, system, tools].every((term) => typeof term === 'string') &&
    (effort === null || typeof effort === 'string') &&
    (thinking === undefined || typeof thinking === 'string') &&
    REASONS.includes(epoch.reason as EpochReason)
  )
}

/** @param tools what is offered, in the order in which it is sent */
export function epochTerms(
  { model, effort, thinking }: Pick<TurnSettings, 'model' | 'effort' | 'thinking'>,
  system: string | null,
  tools: ReadonlyArray<object | string>,
): EpochTerms {
  return {
    model,
    effort,
    ...(thinking ? { thinking } : {}),
    system: digestOf(system ?? ''),
    tools: digestOf(tools.length === 0 ? '' : JSON.stringify(tools)),
  }
}

function digestOf(text: string): string {
  return text === '' ? '' : createHash('sha256').update(text).digest('base64')
}

/** The summary is its text alone, as if the gateway had made it. */
export function withoutCompaction({ summary, ...record }: EpochRecord): EpochRecord {
  return { ...record, summary: summary && { upTo: summary.upTo, text: summary.text } }
}

/** What is known when a turn is asked. */
export interface EpochFacts {
  /** The epoch of the last answer. */
  readonly known: Epoch | null
  readonly turns: readonly Turn[]
  readonly question: Turn
  readonly terms: EpochTerms
  /** Tokens for the history and the question. */
  readonly budget: number
  /** @param earlier was it given in an earlier epoch? */
  readonly tokensOf: (row: StoredMessage, earlier: boolean) => number
  /** What can no longer be sent, whatever there is room for. */
  readonly gone: Borders
  /** There is a summary that the conversation's epoch does not have. */
  readonly isNewlySummarised: boolean
  /** The provider has made the summary. */
  readonly isCompacted: boolean
}

export interface EpochPlan {
  readonly epoch: Epoch
  /** What is sent of the turns, and the question. */
  readonly tokens: HistoryPlan['tokens']
}

/**
 * The epoch of a turn: the one of the turn before it, or the next. What is missing at the end of the history
 * (an exchange that was taken back, a question that is asked again) is no reason for another one.
 */
export function decideEpoch(facts: EpochFacts): EpochPlan {
  const { known, turns, question, terms, budget, tokensOf, gone } = facts
  const last = {
    leftOutUpTo: Math.max(known?.leftOutUpTo ?? BEGINNING, gone.leftOutUpTo),
    namedUpTo: Math.max(known?.namedUpTo ?? BEGINNING, gone.namedUpTo),
  }
  const changed = changeOf(facts)
  const earlierUpTo = known && changed === null ? known.earlierUpTo : lastAnswer(turns)
  const tokensOfRow: RowTokens = {
    sent: (row) => tokensOf(row, row.seq <= earlierUpTo),
    afresh: (row) => tokensOf(row, true),
  }
  const { borders, began, tokens } = planHistory(turns, last, budget, question, tokensOfRow)
  const reason = changed ?? began
  const firstSeq = (turnsAfter(turns, borders.leftOutUpTo)[0] ?? question)[0]!.seq
  // Without a known epoch there is a reason.
  if (reason === null) return { epoch: { ...known!, firstSeq }, tokens }
  const no = (known?.no ?? 0) + 1
  return { epoch: { ...terms, ...borders, no, reason, earlierUpTo: lastAnswer(turns), firstSeq }, tokens }
}

function changeOf(facts: EpochFacts): EpochReason | null {
  const { known, turns, terms, gone, isNewlySummarised, isCompacted } = facts
  if (!known) return turns.length === 0 && gone.leftOutUpTo === BEGINNING ? 'new' : 'history'
  if (known.model !== terms.model) return 'model'
  if (known.effort !== terms.effort) return 'effort'
  if (known.thinking !== terms.thinking) return 'thinking'
  if (known.system !== terms.system) return 'system'
  if (known.tools !== terms.tools) return 'tools'
  // Before the next line: the store does not hand out what was compacted.
  if (isCompacted && gone.leftOutUpTo > known.leftOutUpTo) return 'compaction'
  const [first] = turnsAfter(turns, known.leftOutUpTo)
  if (first && first[0]!.seq !== known.firstSeq) return 'history'
  if (gone.leftOutUpTo > known.leftOutUpTo) return 'trim'
  if (gone.namedUpTo > known.namedUpTo) return 'attachments'
  return isNewlySummarised ? 'summary' : null
}

/** How a request names the epoch that it belongs to: other epochs of the conversation have other ids. */
export function requestEpoch({ no, firstSeq, reason }: Epoch): {
  readonly id: string
  readonly reason: EpochReason
} {
  return { id: `${no}.${firstSeq}`, reason }
}
