/** A model as `GET /v1/models` gives it. @see https://docs.anthropic.com/en/api/models-list */
export interface ModelInfo {
  readonly type: 'model'
  readonly id: string
  readonly display_name: string
  readonly line: string | null
  readonly lifecycle: 'active' | 'deprecated' | 'retired'
  readonly created_at: string
  readonly deprecated_at: string | null
  readonly retires_at: string | null
  readonly max_input_tokens: number
  readonly max_tokens: number
  readonly capabilities: Capabilities
}

/** What the list of models does not say: what a model refuses, caches and costs. */
export interface ModelRules {
  /** How it thinks where a request does not say. */
  readonly thinking: 'adaptive' | 'disabled'
  /** Whether the text of its thinking comes where a request does not say. */
  readonly display: 'summarized' | 'omitted'
  /** The effort that a request without one means; null: the model has none. */
  readonly effort: Effort | null
  /** Its thinking is bound to everything before it. */
  readonly bindsThinking: boolean
  /** Accepts an assistant message at the end, to be continued. */
  readonly prefill: boolean
  /** Accepts `tool_choice` `any` and `tool`, where it does not think. */
  readonly forcedTools: boolean
  /** Accepts `temperature`, `top_p` and `top_k`. */
  readonly sampling: boolean
  /** Server tools may be called by code that the model writes. */
  readonly programmaticTools: boolean
  /** Accepts messages of the role `system` among the others. */
  readonly systemMessages: boolean
  /** Shorter prefixes are silently not cached. */
  readonly minCachedTokens: number
  /** null: not known. */
  readonly prices: Prices | null
}

/** USD per million tokens. */
export interface Prices {
  readonly input: number
  readonly output: number
  readonly cacheWrite5m: number
  readonly cacheWrite1h: number
  readonly cacheRead: number
}

export interface SimulatedModel extends ModelInfo {
  readonly rules: ModelRules
}

interface Support {
  readonly supported: boolean
}
type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max'
type Thinking = 'adaptive' | 'between_tools' | 'disabled' | 'enabled'

interface Capabilities {
  readonly batch: Support
  readonly citations: Support
  readonly code_execution: Support
  readonly compaction: Support & { readonly summarize: Support }
  readonly context_management: Support & Readonly<Record<string, unknown>>
  readonly effort: Support &
    Readonly<Record<Exclude<Effort, 'xhigh'>, Support>> & { readonly xhigh: Support | null }
  readonly image_input: Support
  readonly pdf_input: Support
  readonly server_tools: Support & Readonly<Record<'web_search' | 'code_execution', Support>>
  readonly structured_outputs: Support
  readonly thinking: Support & { readonly types: Readonly<Record<Thinking, Support>> }
}

const ALL: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max']
const LARGE = { max_input_tokens: 1_000_000, max_tokens: 128_000 }
const SMALL = { max_input_tokens: 200_000, max_tokens: 64_000 }

/** What the models of this generation have in common. */
const NEWEST = {
  thinking: 'adaptive',
  display: 'omitted',
  bindsThinking: true,
  prefill: false,
  forcedTools: false,
  sampling: false,
  programmaticTools: true,
  systemMessages: true,
} as const

/** What the simulated account has: a model of each kind, newest first. */
export const SIMULATED_MODELS: readonly SimulatedModel[] = [
  model('claude-sonnet-5-5', 'Claude Sonnet 5.5', 'sonnet', LARGE, ALL, ['adaptive', 'between_tools'], {
    ...NEWEST,
    effort: 'high',
    minCachedTokens: 1_024,
    prices: { input: 2, output: 10, cacheWrite5m: 2.5, cacheWrite1h: 4, cacheRead: 0.2 },
  }),
  model('claude-opus-5-5', 'Claude Opus 5.5', 'opus', LARGE, ALL, ['adaptive', 'between_tools'], {
    ...NEWEST,
    effort: 'medium',
    minCachedTokens: 512,
    prices: { input: 4, output: 20, cacheWrite5m: 5, cacheWrite1h: 8, cacheRead: 0.2 },
  }),
  model(
    'claude-haiku-5-5',
    'Claude Haiku 5.5',
    'haiku',
    SMALL,
    ['low', 'medium', 'high'],
    ['adaptive', 'disabled'],
    { ...NEWEST, effort: 'medium', minCachedTokens: 1_024, prices: null },
  ),
  model('claude-haiku-4-5-20251001', 'Claude Haiku 4.5', 'haiku', SMALL, [], ['disabled', 'enabled'], {
    thinking: 'disabled',
    display: 'summarized',
    effort: null,
    bindsThinking: false,
    prefill: true,
    forcedTools: true,
    sampling: true,
    programmaticTools: false,
    systemMessages: false,
    minCachedTokens: 4_096,
    prices: { input: 1, output: 5, cacheWrite5m: 1.25, cacheWrite1h: 2, cacheRead: 0.1 },
  }),
]

/** The model as the list of models shows it. */
export function modelInfo(model: SimulatedModel): ModelInfo {
  // JSON leaves out what is undefined.
  return { ...model, rules: undefined } as ModelInfo
}

/** The model that a request names, by its id or by the one without its date. */
export function simulatedModel(models: readonly SimulatedModel[], id: string): SimulatedModel | null {
  const callable = models.filter(({ lifecycle }) => lifecycle !== 'retired')
  return callable.find((one) => one.id === id || one.id.replace(/-20\d{6}$/, '') === id) ?? null
}

function model(
  id: string,
  name: string,
  line: string,
  limits: Pick<SimulatedModel, 'max_input_tokens' | 'max_tokens'>,
  efforts: readonly Effort[],
  thinking: readonly Thinking[],
  rules: ModelRules,
): SimulatedModel {
  return {
    type: 'model',
    id,
    display_name: `${name} (simulated)`,
    line,
    lifecycle: 'active',
    created_at: '2026-01-01T00:00:00Z',
    deprecated_at: null,
    retires_at: null,
    ...limits,
    capabilities: capabilities(efforts, thinking),
    rules,
  }
}

function capabilities(efforts: readonly Effort[], types: readonly Thinking[]): Capabilities {
  const effort = (level: Effort) => support(efforts.includes(level))
  const thinking = (type: Thinking) => support(types.includes(type))
  return {
    batch: support(true),
    citations: support(true),
    code_execution: support(true),
    compaction: { supported: efforts.length > 0, summarize: support(efforts.length > 0) },
    context_management: {
      supported: true,
      clear_thinking_20251015: support(true),
      clear_tool_uses_20250919: support(true),
      compact_20260112: support(efforts.length > 0),
    },
    effort: {
      supported: efforts.length > 0,
      low: effort('low'),
      medium: effort('medium'),
      high: effort('high'),
      max: effort('max'),
      xhigh: efforts.includes('xhigh') ? support(true) : null,
    },
    image_input: support(true),
    pdf_input: support(true),
    server_tools: { supported: true, web_search: support(true), code_execution: support(true) },
    structured_outputs: support(true),
    thinking: {
      supported: types.length > 0,
      types: {
        adaptive: thinking('adaptive'),
        between_tools: thinking('between_tools'),
        disabled: thinking('disabled'),
        enabled: thinking('enabled'),
      },
    },
  }
}

function support(supported: boolean): Support {
  return { supported }
}
