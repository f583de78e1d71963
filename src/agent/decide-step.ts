import type { ModelAnswer } from '../conversation/model.ts'
import type { Step, StoredCall } from '../inbox/step.ts'
import { isUnknown, errorResult, unknownResult } from './call-result.ts'
import type { Tool } from './tool.ts'

/**
 * What a turn does next, from its stored steps alone, in whichever process and after whatever end of an earlier one.
 * Pure. Reads run side by side. What changes something runs in the order of the calls, each after the result of the
 * one before it was stored: so of the changes without a result only the first can have begun.
 */

/** To the model, of an effect that had begun in a process that is gone. */
export const STOPPED_WHILE_RUNNING =
  'The gateway stopped while this ran. Its outcome is unknown: check before repeating it.'
const AFTER_UNKNOWN = 'Not run, because the outcome of an earlier call is unknown.'
const NOT_BEGUN = 'Not run: the gateway stopped first. Call it again if it is still wanted.'
const NO_TIME = 'Not run: the time for this answer is over.'
const NO_TOOL = 'Not run: there is no tool of this name.'
const NO_INPUT = 'Not run: the input is no complete JSON object.'

export interface StepState {
  readonly steps: readonly Step[]
  /** Calls of the last step that had no result when this process took over the turn: they may have begun. */
  readonly left: ReadonlySet<string>
  /** Calls that run in this process. */
  readonly running: ReadonlySet<string>
  readonly tools: Pick<ReadonlyMap<string, Tool>, 'has'>
  /** Responses, before a last one that calls no tools. */
  readonly maxSteps: number
  /** The time of the turn is over. */
  readonly isLate: boolean
  /** The turn has cost what it may. */
  readonly isSpent: boolean
  /** The process ends: no call begins, and nothing more is asked. */
  readonly isDraining: boolean
}

export type Move =
  /** Ask the model for the next response; the last one gets no calls. */
  | { readonly kind: 'ask'; readonly isLast: boolean }
  /** These calls get a result without running. */
  | { readonly kind: 'close'; readonly results: ReadonlyMap<string, string> }
  | { readonly kind: 'run'; readonly calls: readonly StoredCall[] }
  /** Until a running call has ended. */
  | { readonly kind: 'wait' }
  /** Leave the turn to the next process. */
  | { readonly kind: 'return' }

export function decideStep(state: StepState): Move {
  const { steps, running, maxSteps, isLate, isSpent, isDraining } = state
  const results = new Map<string, string>()
  const calls: StoredCall[] = []
  let isAfterUnknown = false
  /** A change before this call has no result yet. */
  let isChanging = false
  let open = 0
  for (const call of steps.at(-1)?.calls ?? []) {
    if (call.result !== null) {
      isAfterUnknown ||= isUnknown(call.result)
      continue
    }
    const result = running.has(call.id) ? null : closing(call, state, isAfterUnknown, isChanging)
    if (result !== null) {
      isAfterUnknown ||= isUnknown(result)
      results.set(call.id, result)
      continue
    }
    open++
    const isChange = call.class !== 'read'
    if (!running.has(call.id) && !(isChange && isChanging)) calls.push(call)
    isChanging ||= isChange
  }
  if (results.size > 0) return { kind: 'close', results }
  if (calls.length > 0 && !isDraining) return { kind: 'run', calls }
  if (running.size > 0) return { kind: 'wait' }
  if (isDraining && (open > 0 || steps.length > 0)) return { kind: 'return' }
  return { kind: 'ask', isLast: steps.length >= maxSteps || isLate || isSpent }
}

/** The result of a call that does not run; null = it runs, now or later. */
function closing(
  call: StoredCall,
  { left, tools, isLate, isDraining }: StepState,
  isAfterUnknown: boolean,
  isChanging: boolean,
): string | null {
  const isEffect = call.class === 'effect'
  if (isEffect && isAfterUnknown) return errorResult(AFTER_UNKNOWN)
  if (isEffect && left.has(call.id))
    return isChanging ? errorResult(NOT_BEGUN) : unknownResult(STOPPED_WHILE_RUNNING)
  if (!tools.has(call.tool)) return errorResult(NO_TOOL)
  if (!isObject(call.input)) return errorResult(NO_INPUT)
  if (isLate) return errorResult(NO_TIME)
  // The next process could not know that it has not begun.
  if (isEffect && isDraining) return errorResult(NOT_BEGUN)
  return null
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

/** What becomes of a response: the answer of the turn, a step of it, or nothing: the same is asked again. */
export function judgeAnswer(
  { calls, stopReason }: Pick<ModelAnswer, 'calls' | 'stopReason'>,
  asked: { readonly isLast: boolean; readonly maxTokens: number; readonly mostTokens: number },
): 'answer' | 'step' | 'again' {
  if (calls.length === 0 || asked.isLast) return 'answer'
  if (stopReason === 'tool_use') return 'step'
  if (stopReason !== 'max_tokens') return 'answer'
  // A call may have been cut. With all the room that there is, the model reads what became of it.
  return asked.maxTokens < asked.mostTokens ? 'again' : 'step'
}
