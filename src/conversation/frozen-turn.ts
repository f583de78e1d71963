import type { TurnContext } from './context/context.ts'
import type { TurnSettings } from './model-settings.ts'
import type { ToolDefinition } from './model.ts'

/**
 * What every step of a turn sends in addition to its messages, as it is stored with the first one: a step in another process,
 * after a change of the configuration or of SOUL.md, sends the same.
 */
export interface FrozenTurn extends Pick<TurnContext, 'system' | 'cache' | 'record' | 'cost'> {
  readonly terms: TurnSettings
  readonly tools: readonly ToolDefinition[]
  /**
   * What the store knew of the conversation when the turn was first asked. Where others were answered while it was
   * parked, it knows more now, and `record` would put back what is gone.
   */
  readonly known: string | null
  /** Its context, which a program has brought, is sent without the pictures of earlier turns. */
  readonly isWithoutOldAttachments: boolean
}

/** @returns null = nothing is stored of the turn */
export function readFrozenTurn(stored: string | null): FrozenTurn | null {
  return stored === null ? null : (JSON.parse(stored) as FrozenTurn)
}

export function writeFrozenTurn(turn: FrozenTurn): string {
  const { system, cache, record, cost, terms, tools, known, isWithoutOldAttachments } = turn
  return JSON.stringify({
    system,
    cache,
    record,
    cost,
    terms,
    tools,
    known,
    isWithoutOldAttachments,
  } satisfies FrozenTurn)
}
