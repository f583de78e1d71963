import type { Effort } from '../config/sections/model.ts'

export type ThinkingType = 'adaptive' | 'between_tools' | 'disabled' | 'enabled'
export type ServerTool = 'web_search' | 'code_execution'

/** What is known of one model. null = not known. */
export interface ModelInfo {
  readonly id: string
  /** For people. */
  readonly name: string
  readonly lifecycle: 'active' | 'deprecated' | 'retired'
  /** Epoch milliseconds; null = no date is set. */
  readonly retiresAt: number | null
  readonly contextTokens: number | null
  /** Tokens of one answer at most. */
  readonly maxTokens: number | null
  /** The levels that it takes; empty: it has no effort to set. */
  readonly efforts: readonly Effort[] | null
  readonly thinking: readonly ThinkingType[] | null
  readonly serverTools: readonly ServerTool[] | null
  /** Does the API compact its conversations? */
  readonly compaction: boolean | null
}

/** Where a list of models comes from: the provider, its answer to an earlier start, or the table of the program. */
export type ModelListSource = 'provider' | 'stored' | 'built-in'

export interface ModelList {
  readonly source: ModelListSource
  /** Epoch milliseconds; null for the built-in table. */
  readonly fetchedAt: number | null
  readonly models: readonly ModelInfo[]
}

/** The models of the account. Never waits, and always has a list. */
export interface Models {
  current(): ModelList
  /** A model of the list, else what the program knows of it; null = nothing. */
  find(id: string): ModelInfo | null
}

/** An id with its date and one without: the provider lists some models only with it. */
const DATED = /-20\d{6}$/

/** The model of `models` that `id` names; null = there is none. */
export function findModel(models: readonly ModelInfo[], id: string): ModelInfo | null {
  return (
    models.find((model) => model.id === id) ??
    models.find((model) => model.id.replace(DATED, '') === id) ??
    null
  )
}
