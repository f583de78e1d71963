import { normalBaseUrl } from '../addresses.ts'
import { anyOf } from '../shape/compound.ts'
import { address, count, text, word } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'
import { transform, type Shape } from '../shape/shape.ts'

/** Hermes Agent writes `anthropic/claude-opus-4.6`; the Messages API knows `claude-opus-4-6`. */
export function modelId(name: string): string {
  const id = name.replace(/^anthropic\//, '')
  return id.startsWith('claude-') ? id.replaceAll('.', '-') : id
}

/** The levels of effort that the Messages API knows, the least first. */
export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const

export type Effort = (typeof EFFORTS)[number]

export const modelName = transform(text, modelId)

/** `auto`: the model's own default. */
export const effort = word('auto', ...EFFORTS)

/** `auto`: by the pauses of each conversation. */
const cache = word('auto', '5m', '1h', 'off')

/** `auto`: what the provider's list of models says; a number wins. */
const autoOr = (number: Shape<number>) => anyOf(word('auto'), number)

/** Where the Messages API is, unless the configuration or an Anthropic profile names another address. */
export const DEFAULT_BASE_URL = 'https://api.anthropic.com'

const PROVIDERS = word('anthropic', 'auto')

const provider: Shape<'anthropic'> = {
  ...PROVIDERS,
  read: (input, path, findings) =>
    PROVIDERS.accepts(input)
      ? 'anthropic'
      : findings.refuse(
          path,
          'expected anthropic (or auto, which means the same): no other provider is supported',
        ),
}

export const model = group(
  'The model and its API.',
  {
    provider: key(provider, 'anthropic', 'The only provider; auto means the same.'),
    // The Sonnet class is the general-purpose one of the SDK's models: good enough for
    // chat at a fraction of the largest one's price.
    default: key(modelName, 'claude-sonnet-5-5', "The model's id."),
    base_url: key(
      transform(address, normalBaseUrl),
      DEFAULT_BASE_URL,
      'Where the Messages API is. Credentials go only to https hosts named here and in auth.oauth, or to this machine. ANTHROPIC_BASE_URL wins. An Anthropic profile with a base_url of its own is used there, unless another address than the default is named here.',
    ),
    max_tokens: key(
      autoOr(count(1, 1_000_000)),
      'auto',
      'Tokens of one answer at most, thinking included. auto: what the model allows, at most 32000 and a quarter of the context window.',
    ),
    context_length: key(
      autoOr(count(1_000, 100_000_000)),
      'auto',
      "Tokens of the model's context window, to which the history is trimmed. auto: what the provider's list of models says.",
    ),
    effort: key(
      effort,
      'auto',
      "How much work goes into an answer. auto: the model's own default. Ignored, with one warning, by a model without levels.",
    ),
    cache: key(
      cache,
      'auto',
      "How long the provider keeps a conversation's prompt, so that the next message pays little for it. auto: 1h where people often pause for 5 minutes to an hour, else 5m. off: never.",
    ),
  },
  // As in Hermes Agent, the section may be just the model's name.
  { alone: 'default' },
)
