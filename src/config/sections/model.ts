import { normalBaseUrl } from '../addresses.ts'
import { anyOf, record } from '../shape/compound.ts'
import { address, amount, count, text, word } from '../shape/scalars.ts'
import { group, key, optional, required, section } from '../shape/section.ts'
import { transform, type Shape, type ValueOf } from '../shape/shape.ts'

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

/** Far above every price there is: what is more was meant for another unit. */
const price = amount(100_000)

const prices = record(
  section({
    input: required(price, 'Per million tokens of input.'),
    output: required(price, 'Per million tokens of output, thinking included.'),
    cache_read: optional(price, 'Per million tokens read from the cache; left out: a tenth of input.'),
    cache_write_5m: optional(
      price,
      'Per million tokens written to the cache for 5 minutes; left out: 1.25 times input.',
    ),
    cache_write_1h: optional(
      price,
      'Per million tokens written to the cache for an hour; left out: twice input.',
    ),
    web_search: optional(price, 'Per thousand searches; left out: 10.'),
  }),
)

export type PriceConfig = ValueOf<typeof prices>

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
    prices: key(
      prices,
      {},
      'What models cost, by their ids, in USD: for models whose price the gateway does not know, and where you pay another one. The cost of a model without a price is unknown, never 0.',
      [{ 'claude-haiku-5-5': { input: 1, output: 5 } }],
    ),
  },
  // As in Hermes Agent, the section may be just the model's name.
  { alone: 'default' },
)
