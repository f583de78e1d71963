/**
 * The steps of a turn, as the store keeps them while the turn runs: what it ends with is stored with its answer,
 * and its steps go in the same commit. What the model sent and is sent is opaque text to the store, kept byte by byte.
 */

/** A call of a tool: an intent before it runs, a result after. */
export interface StoredCall {
  /** The model's `tool_use` id. */
  readonly id: string
  readonly tool: string
  /** Reading calls and idempotent ones may run again after a crash; an effect may not. */
  readonly class: 'read' | 'idempotent' | 'effect'
  /** JSON text. */
  readonly input: string
  /** JSON text of what its `tool_result` contains: `{"content": …, "is_error"?: true}`; null = an intent only. */
  readonly result: string | null
}

/** One response of the model, stored before anything acts on it. */
export interface Step {
  /** 0, 1, … within the turn. */
  readonly index: number
  /** JSON text: `{"content":[…],"stop_reason":…,"model":…,"usage":{…},"container"?:…}`. */
  readonly response: string
  /** With which it was asked for, in tokens. */
  readonly maxTokens: number
  /** In the order of the response. */
  readonly calls: readonly StoredCall[]
}

/** What the messages of a turn have led to so far. */
export interface Journal {
  /** JSON text of what every step of the turn sends; null = no step is stored. */
  readonly terms: string | null
  readonly steps: readonly Step[]
}

/** The journal of a turn without a stored step. */
export const NO_JOURNAL: Journal = { terms: null, steps: [] }

/** What a call of a stored step led to. */
export interface ResultToStore {
  /** The index of its step. */
  readonly index: number
  readonly callId: string
  /** See `StoredCall.result`. */
  readonly result: string
}
