import { normalBaseUrl } from '../addresses.ts'
import { address, count, text, word } from '../shape/scalars.ts'
import { group, key } from '../shape/section.ts'
import { transform, type Shape } from '../shape/shape.ts'

/** Hermes Agent writes `anthropic/claude-opus-4.6`; the Messages API knows `claude-opus-4-6`. */
function modelId(name: string): string {
  const id = name.replace(/^anthropic\//, '')
  return id.startsWith('claude-') ? id.replaceAll('.', '-') : id
}

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
    default: key(transform(text, modelId), 'claude-sonnet-5-5', "The model's id."),
    base_url: key(
      transform(address, normalBaseUrl),
      'https://api.anthropic.com',
      'Where the Messages API is. Credentials go only to https hosts named here and in auth.oauth, or to this machine. ANTHROPIC_BASE_URL wins.',
    ),
    // A long chat answer is about 3,000 words; a runaway one is cut here.
    max_tokens: key(count(1, 1_000_000), 4_096, 'Tokens of one answer at most.'),
    // The context window that every current model has at least.
    context_length: key(
      count(1_000, 100_000_000),
      200_000,
      "Tokens of the model's context window, to which the history is trimmed.",
    ),
  },
  // As in Hermes Agent, the section may be just the model's name.
  { alone: 'default' },
)
