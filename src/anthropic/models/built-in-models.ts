import type { Effort } from '../../config/sections/model.ts'
import type { ModelInfo, ThinkingType } from '../../conversation/model-settings.ts'

/**
 * What is known of the models without asking the provider, for a start that cannot. As of 29 November 2026:
 * the ids of @anthropic-ai/sdk 1.14 (`Model`), with the limits, efforts and kinds of thinking of
 * https://platform.claude.com/docs/en/about-claude/models/overview. The provider's own list wins: it may
 * name levels above `high`, which a request must not try.
 */
const LARGE = { contextTokens: 1_000_000, maxTokens: 128_000 }
const SMALL = { contextTokens: 200_000, maxTokens: 64_000 }
const NO_LEVELS: readonly Effort[] = []
const LEVELS: readonly Effort[] = ['low', 'medium', 'high']

const ALWAYS_ON: readonly ThinkingType[] = ['adaptive']
const OPTIONAL: readonly ThinkingType[] = ['adaptive', 'disabled']
const BUDGET: readonly ThinkingType[] = ['disabled', 'enabled']

/** The newest of each line first. */
export const BUILT_IN_MODELS: readonly ModelInfo[] = [
  entry('claude-sonnet-5-5', 'Claude Sonnet 5.5', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-opus-5-5', 'Claude Opus 5.5', LARGE, LEVELS, ALWAYS_ON),
  // Neither its window nor its efforts are documented: the limits of its predecessor are safe.
  entry('claude-haiku-5-5', 'Claude Haiku 5.5', SMALL, null, null),
  entry('claude-fable-5-2', 'Claude Fable 5.2', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-mythos-5-2', 'Claude Mythos 5.2', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-fable-5-1', 'Claude Fable 5.1', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-mythos-5-1', 'Claude Mythos 5.1', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-sonnet-5', 'Claude Sonnet 5', LARGE, LEVELS, OPTIONAL),
  entry('claude-opus-5', 'Claude Opus 5', LARGE, LEVELS, OPTIONAL),
  entry('claude-fable-5', 'Claude Fable 5', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-mythos-5', 'Claude Mythos 5', LARGE, LEVELS, ALWAYS_ON),
  entry('claude-opus-4-8', 'Claude Opus 4.8', LARGE, LEVELS, OPTIONAL),
  entry('claude-opus-4-7', 'Claude Opus 4.7', LARGE, LEVELS, OPTIONAL),
  entry('claude-opus-4-6', 'Claude Opus 4.6', LARGE, LEVELS, [...OPTIONAL, 'enabled']),
  entry('claude-sonnet-4-6', 'Claude Sonnet 4.6', LARGE, LEVELS, [...OPTIONAL, 'enabled']),
  entry('claude-haiku-4-5-20251001', 'Claude Haiku 4.5', SMALL, NO_LEVELS, BUDGET),
  entry('claude-sonnet-4-5-20250929', 'Claude Sonnet 4.5', SMALL, NO_LEVELS, BUDGET),
  {
    ...entry('claude-opus-4-5-20251101', 'Claude Opus 4.5', SMALL, LEVELS, BUDGET),
    lifecycle: 'deprecated',
    retiresAt: Date.UTC(2027, 0, 22),
  },
]

function entry(
  id: string,
  name: string,
  limits: Pick<ModelInfo, 'contextTokens' | 'maxTokens'>,
  efforts: readonly Effort[] | null,
  thinking: readonly ThinkingType[] | null,
): ModelInfo {
  const unknown = { retiresAt: null, serverTools: null, compaction: null }
  return { id, name, lifecycle: 'active', ...limits, efforts, thinking, ...unknown }
}
