import type { ModelConfig, OverridesConfig } from '../config/config.ts'
import { type Effort, EFFORTS } from '../config/sections/model.ts'
import type { Conversation } from '../inbox/message.ts'
import { nanoOf } from '../usage/cost.ts'
import type { NanoUsd } from '../usage/price-table.ts'

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

/** Long enough for every answer in a chat; an endless one ends here. */
const AUTO_MAX_TOKENS = 32_000
/** Of a small context window, that the answer leaves room for what it answers. */
const AUTO_CONTEXT_SHARE = 0.25
/** An answer of some length behind some thinking: with fewer tokens it would often end before its first word. */
const LEAST_THINKING_TOKENS = 8_000
/** What every model since Claude 3.5 allows. */
const UNKNOWN_MAX_TOKENS = 8_192
/** The smallest context window of all current models. */
const UNKNOWN_CONTEXT_TOKENS = 200_000

export interface ModelSettingsOptions {
  readonly config: Pick<ModelConfig, 'default' | 'maxTokens' | 'contextLength' | 'effort'>
  readonly overrides: OverridesConfig
  readonly models: Models
  readonly warn: (sentence: string) => void
}

/** What a chat has by the configuration, and what it has chosen. */
type Chat = Pick<Conversation, 'channel' | 'address'> & Partial<Pick<Conversation, 'model' | 'effort'>>

/** What one turn sends. */
export interface TurnSettings {
  readonly model: string
  readonly maxTokens: number
  readonly contextTokens: number
  /** null = the model's own default. */
  readonly effort: Effort | null
  /** `auto`: as much as the model finds useful. null = its own default. */
  readonly thinking: 'auto' | null
}

/** Which model answers where, and within which limits: configuration, overrides and choices over the model list. */
export class ModelSettings {
  readonly models: Models
  readonly #options: ModelSettingsOptions
  readonly #warned = new Set<string>()

  constructor(options: ModelSettingsOptions) {
    this.#options = options
    this.models = options.models
  }

  /** The model of `model.default`. If the provider does not know it, nobody is answered. */
  get standard(): string {
    return this.#options.config.default
  }

  /** The model of a chat that has chosen none. */
  defaultModel({ channel, address }: Chat): string {
    return this.#override(channel, address, 'model') ?? this.#options.config.default
  }

  /** The effort of a chat that has chosen none. */
  defaultEffort({ channel, address }: Chat): Effort | 'auto' {
    return this.#override(channel, address, 'effort') ?? this.#options.config.effort
  }

  model(chat: Chat): string {
    return chat.model ?? this.defaultModel(chat)
  }

  /** The effort that is wanted in a chat, whatever its model takes. */
  effort(chat: Chat): Effort | 'auto' {
    return EFFORTS.find((level) => level === chat.effort) ?? this.defaultEffort(chat)
  }

  /** What the model is told in a chat behind the shared system prompt; null = nothing more. */
  systemPrompt({ channel, address }: Chat): string | null {
    return this.#override(channel, address, 'systemPrompt')?.trim() || null
  }

  /** What a chat may spend in a day, in nano-dollars; null = no limit of its own. */
  budgetDay({ channel, address }: Chat): NanoUsd | null {
    const usd = this.#override(channel, address, 'budgetDay')
    return usd === null ? null : nanoOf(usd)
  }

  /** What a turn in `chat` sends. @param model the one that the message asked for; null = the chat's own */
  forTurn(chat: Chat, model: string | null): TurnSettings {
    const id = model ?? this.model(chat)
    const info = this.models.find(id)
    const contextTokens = this.#contextTokens(info)
    const maxTokens = this.#maxTokens(id, info, contextTokens)
    // A budget, as older models have it, is not worth its price in a chat.
    const thinks = info?.thinking?.includes('adaptive') && maxTokens >= LEAST_THINKING_TOKENS
    return {
      model: id,
      maxTokens,
      contextTokens,
      effort: this.#usableEffort(id, info, this.effort(chat)),
      thinking: thinks ? 'auto' : null,
    }
  }

  /** The largest context window of any model that may answer, in tokens. */
  longestContext(): number {
    const { contextLength } = this.#options.config
    if (contextLength !== 'auto') return contextLength
    const configured = this.configured().map((id) => this.models.find(id))
    const all = [...configured, ...this.models.current().models]
    return Math.max(UNKNOWN_CONTEXT_TOKENS, ...all.map((info) => this.#contextTokens(info)))
  }

  /** The configured models, each once. */
  configured(): readonly string[] {
    const { config, overrides } = this.#options
    const others = Object.values(overrides).flatMap(({ model }) => model ?? [])
    return [...new Set([config.default, ...others])]
  }

  /** The ids that may be chosen in a chat: those of the list, and the chat's own default. */
  choices(chat: Chat): readonly string[] {
    const own = this.defaultModel(chat)
    const ids = this.#listed().map(({ id }) => id)
    return findModel(this.#listed(), own) ? ids : [own, ...ids]
  }

  /** Is `id` one of the choices, with or without its date? */
  isChoice(chat: Chat, id: string): boolean {
    return id === this.defaultModel(chat) || findModel(this.#listed(), id) !== null
  }

  #listed(): readonly ModelInfo[] {
    return this.models.current().models.filter(({ lifecycle }) => lifecycle !== 'retired')
  }

  #maxTokens(id: string, info: ModelInfo | null, contextTokens: number): number {
    const { maxTokens } = this.#options.config
    if (maxTokens === 'auto') {
      const room = Math.ceil(contextTokens * AUTO_CONTEXT_SHARE)
      return Math.min(info?.maxTokens ?? UNKNOWN_MAX_TOKENS, AUTO_MAX_TOKENS, room)
    }
    // The provider refuses every request above it.
    if (info?.maxTokens && maxTokens > info.maxTokens) {
      this.#warnOnce(`model.max_tokens is ${maxTokens}, and ${id} allows ${info.maxTokens}: that is used.`)
      return info.maxTokens
    }
    return maxTokens
  }

  #contextTokens(info: ModelInfo | null): number {
    const { contextLength } = this.#options.config
    if (contextLength !== 'auto') return contextLength
    return info?.contextTokens ?? UNKNOWN_CONTEXT_TOKENS
  }

  #usableEffort(id: string, info: ModelInfo | null, wanted: Effort | 'auto'): Effort | null {
    if (wanted === 'auto') return null
    const levels = info?.efforts ?? []
    const used = nearestEffort(levels, wanted)
    if (used === wanted) return wanted
    this.#warnOnce(
      used === null
        ? `The effort ${wanted} is ignored: ${id} is not known to have levels of effort.`
        : `The effort ${wanted} is not one of ${id}: ${used} is used.`,
    )
    return used
  }

  #override<Name extends keyof OverridesConfig[string]>(
    channel: string,
    address: string,
    name: Name,
  ): NonNullable<OverridesConfig[string][Name]> | null {
    const { overrides } = this.#options
    // A topic or thread of a chat is `chat/topic`.
    const chat = address.split('/', 1)[0]!
    for (const place of [address, chat, '*']) {
      const key = `${channel}:${place}`
      const value = Object.hasOwn(overrides, key) ? overrides[key]![name] : null
      if (value !== null) return value as NonNullable<OverridesConfig[string][Name]>
    }
    return null
  }

  #warnOnce(sentence: string): void {
    if (this.#warned.has(sentence) || this.#warned.size >= MAX_WARNINGS) return
    this.#warned.add(sentence)
    this.#options.warn(sentence)
  }
}

/** As many as there are models and levels; chats cannot fill the log. */
const MAX_WARNINGS = 100

/** The highest of `levels` that is not above `wanted`, else the lowest; null = there are none. */
function nearestEffort(levels: readonly Effort[], wanted: Effort): Effort | null {
  const rank = (level: Effort) => EFFORTS.indexOf(level)
  const ordered = levels.toSorted((a, b) => rank(a) - rank(b))
  return ordered.findLast((level) => rank(level) <= rank(wanted)) ?? ordered[0] ?? null
}
