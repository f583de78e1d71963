import type { ToolCall, ToolDefinition } from '../conversation/model.ts'
import type { StoredCall } from '../inbox/step.ts'

/** Something that the model may have done. */
export interface Tool {
  readonly definition: ToolDefinition
  /**
   * `read` changes nothing. `idempotent` stores its change so that the same call again changes nothing more.
   * `effect` is anything else: it begins at most once.
   */
  readonly class: StoredCall['class']
  /** What the person reads while it runs, without a full stop: `Searching the web`. */
  readonly title: string
  /**
   * Runs a call whose intent is stored. Its `id` is the same when it runs again. Ends within half a second after
   * `signal` was aborted.
   *
   * @throws anything; of an effect then nobody knows whether it was done
   */
  run(call: ToolCall, signal: AbortSignal): Promise<ToolResult>
}

export interface ToolResult {
  /** JSON text of the content of its `tool_result`: a string, or an array of blocks. */
  readonly content: string
  readonly isError: boolean
  /** Of an effect: it may have been done, or not. */
  readonly isUnknown?: boolean
}

/** How much one turn may do with its tools. */
export interface TurnLimits {
  /** Responses of the model, before a last one that calls no tools. */
  readonly steps: number
  /** From its first request on, without outages, in milliseconds. */
  readonly timeMs: number
  /** Of the text of one result, in UTF-8. */
  readonly resultBytes: number
  /** Of one tool, over all turns of the process. */
  readonly callsPerMinute: number
  /** In nano-dollars. */
  readonly cost: number
}
