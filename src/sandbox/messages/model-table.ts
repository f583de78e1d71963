/** A model as `GET /v1/models` gives it. @see https://docs.anthropic.com/en/api/models-list */
export interface SimulatedModel {
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

interface Support {
  readonly supported: boolean
}
type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max'
type Thinking = 'adaptive' | 'between_tools' | 'disabled' | 'enabled'

interface Capabilities {
  readonly batch: Support
  readonly citations: Support
  readonly code_execution: Support
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

/** What the simulated account has: a model of each kind, newest first. */
export const SIMULATED_MODELS: readonly SimulatedModel[] = [
  model('claude-sonnet-5-5', 'Claude Sonnet 5.5', 'sonnet', LARGE, ALL, ['adaptive', 'between_tools']),
  model('claude-opus-5-5', 'Claude Opus 5.5', 'opus', LARGE, ALL, ['adaptive', 'between_tools']),
  model(
    'claude-haiku-5-5',
    'Claude Haiku 5.5',
    'haiku',
    SMALL,
    ['low', 'medium', 'high'],
    ['adaptive', 'disabled'],
  ),
  model('claude-haiku-4-5-20251001', 'Claude Haiku 4.5', 'haiku', SMALL, [], ['disabled', 'enabled']),
]

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
  }
}

function capabilities(efforts: readonly Effort[], types: readonly Thinking[]): Capabilities {
  const effort = (level: Effort) => support(efforts.includes(level))
  const thinking = (type: Thinking) => support(types.includes(type))
  return {
    batch: support(true),
    citations: support(true),
    code_execution: support(true),
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
      supported: true,
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
