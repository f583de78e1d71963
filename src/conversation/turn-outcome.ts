import { readResponse, textOf, joinTexts } from '../agent/response.ts'
import { answeredBlocks, withoutCalls } from '../agent/step-messages.ts'
import type { TextKey, Texts } from '../config/texts.ts'
import { CUT_SHORT } from '../inbox/arrival.ts'
import { sumOfUsages, type TurnOutcome, type Usage } from '../inbox/lease.ts'
import type { Step } from '../inbox/step.ts'
import { openFence } from '../support/text/fence.ts'
import type { TurnContext } from './context/context.ts'
import type { ModelAnswer, RefusalReason, StopReason } from './model.ts'

/** A turn after its last response. */
export interface TurnEnd {
  readonly steps: readonly Step[]
  /** Responses that were paid for and are no part of it. */
  readonly discarded: readonly ModelAnswer[]
  readonly answer: ModelAnswer
  /** It was to end: there may be more to do. */
  readonly isAtLimit: boolean
}

type NoAnswer = RefusalReason | 'model-refusal' | 'empty-answer' | 'no-room'

/** The stored outcome of a message without an answer, and the sentence for its sender. */
const REFUSALS: Readonly<Record<NoAnswer, { readonly reason: string; readonly text: TextKey }>> = {
  'too-large': { reason: 'refused', text: 'refused_too_large' },
  compaction: { reason: 'refused', text: 'refused' },
  'not-accepted': { reason: 'refused', text: 'refused' },
  'model-refusal': { reason: 'refusal', text: 'refused' },
  'empty-answer': { reason: 'empty answer', text: 'refused' },
  'no-room': { reason: 'no room to answer', text: 'refused_too_long' },
}

export function refused(why: NoAnswer, texts: Texts): TurnOutcome {
  const { reason, text } = REFUSALS[why]
  return { kind: 'refused', reason, notice: texts[text] }
}

/** For a program that keeps the conversation itself: the model's text without ours. */
export function literalOutcome(end: TurnEnd, texts: Texts): TurnOutcome {
  const { model, stopReason } = end.answer
  if (stopReason === 'refusal') return refused('model-refusal', texts)
  const cut = isCut(stopReason) ? { reason: CUT_SHORT } : {}
  return { kind: 'answered', text: wholeText(end), preface: null, model, ...costOf(end), ...cut }
}

export function chatOutcome(
  end: TurnEnd,
  context: TurnContext,
  preface: string | null,
  texts: Texts,
): TurnOutcome {
  const { cost, stored } = context
  const { model, stopReason, responseId } = end.answer
  const said = wholeText(end).trim()
  if (stopReason === 'refusal') return refused('model-refusal', texts)
  const cut = isCut(stopReason)
  // All of its length went into what nobody sees; to put the question differently is no help.
  if (said === '') return refused(cut && stopReason !== 'paused' ? 'no-room' : 'empty-answer', texts)
  const text = cut
    ? `${withoutOpenCode(said)}\n\n${stopReason === 'paused' ? texts.interrupted : texts.cut_short}`
    : said
  const { usage, modelMs } = costOf(end)
  const blocks = blocksOf(end, text)
  return {
    kind: 'answered',
    text,
    preface,
    model,
    usage: cost ? sumOfUsages([usage, cost.usage]) : usage,
    modelMs: modelMs + (cost?.modelMs ?? 0),
    ...(cut || end.isAtLimit ? { reason: CUT_SHORT } : {}),
    ...(blocks === null ? {} : { blocks }),
    ...(responseId === undefined ? {} : { responseId }),
    ...stored,
  }
}

/** What the steps after a question have said. */
export function textOfSteps(steps: readonly Step[]): string {
  return joinTexts(steps.map((step) => textOf(readResponse(step).content)))
}

function wholeText({ steps, answer }: TurnEnd): string {
  return steps.length === 0 ? answer.text : joinTexts([textOfSteps(steps), answer.text])
}

/** What the history keeps; null = `text` alone. */
function blocksOf({ steps, answer }: TurnEnd, text: string): string | null {
  if (steps.length === 0 && answer.isPlain && answer.text === text) return null
  // Calls that never run have no results, and the provider's own that it paused at have none yet.
  const isOpen = answer.calls.length > 0 || answer.stopReason === 'paused'
  return answeredBlocks(steps, isOpen ? withoutCalls(answer.content) : answer.content)
}

/** What is added to an answer that was cut in a code block must not become a part of the code. */
function withoutOpenCode(text: string): string {
  const fence = openFence(text)
  return fence === null ? text : `${text}\n${fence.closing}`
}

/** There may be more to say than was said. */
function isCut(reason: StopReason): boolean {
  return reason === 'max_tokens' || reason === 'context_full' || reason === 'paused'
}

/** Of all its responses. */
function costOf({ steps, discarded, answer }: TurnEnd): { readonly usage: Usage; readonly modelMs: number } {
  const others = [...steps.map(readResponse), ...discarded]
  return {
    usage: sumOfUsages([answer, ...others].map(({ usage }) => usage)),
    modelMs: others.reduce((ms, other) => ms + other.modelMs, answer.modelMs),
  }
}
