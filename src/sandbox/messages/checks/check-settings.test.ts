import { describe, expect, it } from 'vitest'
import { asSentence } from '../../../../test/support/as-sentence.ts'
import { simulatedModel, SIMULATED_MODELS } from '../model-table.ts'
import { prefillFault, settingsFault } from './check-settings.ts'

const model = (id: string) => simulatedModel(SIMULATED_MODELS, `claude-${id}`)!
const faultOf = (id: string, request: object, betas: readonly string[] = []) =>
  settingsFault({ max_tokens: 4_000, ...request }, model(id), betas, true)
const BINDING = 'thinking-binding-controls-2026-08-01'

describe('the settings of a request', () => {
  it.each<readonly [string, object]>([
    ['sonnet-5-5', {}],
    ['sonnet-5-5', { max_tokens: 0 }],
    [
      'sonnet-5-5',
      { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'max' } },
    ],
    ['sonnet-5-5', { thinking: { type: 'between_tools' }, output_config: { effort: 'high' } }],
    ['sonnet-5-5', { temperature: 1, tool_choice: { type: 'auto' } }],
    ['sonnet-5-5', { container: 'container_sandbox' }],
    ['haiku-5-5', { thinking: { type: 'disabled' } }],
    ['haiku-4-5', { thinking: { type: 'enabled', budget_tokens: 1_024 }, temperature: 1 }],
    ['haiku-4-5', { temperature: 0.2, top_p: 0.5, top_k: 3, tool_choice: { type: 'any' } }],
  ])('%s accepts %j', (id, request) => {
    expect(faultOf(id, request)).toBeNull()
  })

  it.each<readonly [string, object, string | RegExp]>([
    ['sonnet-5-5', { max_tokens: undefined }, 'max_tokens: Field required'],
    ['sonnet-5-5', { max_tokens: -1 }, 'max_tokens: Input should be greater than or equal to 0'],
    ['sonnet-5-5', { max_tokens: 1.5 }, 'max_tokens: Input should be a valid integer'],
    ['sonnet-5-5', { max_tokens: 128_001 }, /^max_tokens: 128001 > 128000, which is the maximum/],
    [
      'sonnet-5-5',
      { container: 'container_old' },
      'container: Container not found or expired: container_old',
    ],
    ['sonnet-5-5', { container: { id: 'container_old' } }, /not found or expired/],
    ['sonnet-5-5', { prompt: 'x' }, 'prompt: Extra inputs are not permitted'],
    ['sonnet-5-5', { context_management: {} }, 'context_management: Extra inputs are not permitted'],
    ['sonnet-5-5', { stop_sequences: ['\n'] }, /each stop sequence must contain non-whitespace$/],
    ['haiku-4-5', { output_config: { effort: 'low' } }, 'This model does not support the effort parameter.'],
    ['haiku-5-5', { output_config: { effort: 'max' } }, /This level is not supported/],
    [
      'sonnet-5-5',
      { output_config: { effort: 'max' }, thinking: { type: 'between_tools' } },
      /"max" is not supported with thinking\.type "between_tools"/,
    ],
    [
      'sonnet-5-5',
      { thinking: { type: 'disabled' } },
      'thinking.type: "disabled" is not supported by this model.',
    ],
    ['sonnet-5-5', { thinking: { type: 'enabled', budget_tokens: 2_000 } }, /"enabled" is not supported/],
    ['haiku-4-5', { thinking: { type: 'adaptive' } }, /"adaptive" is not supported/],
    ['haiku-4-5', { thinking: { type: 'enabled' } }, 'thinking.enabled.budget_tokens: Field required'],
    ['haiku-4-5', { thinking: { type: 'enabled', budget_tokens: 1_023 } }, /greater than or equal to 1024$/],
    [
      'haiku-4-5',
      { thinking: { type: 'enabled', budget_tokens: 4_000 } },
      '`max_tokens` must be greater than `thinking.budget_tokens`.',
    ],
    [
      'sonnet-5-5',
      { thinking: { type: 'adaptive', budget_tokens: 2_000 } },
      'thinking.adaptive.budget_tokens: Extra inputs are not permitted',
    ],
    [
      'sonnet-5-5',
      { thinking: { type: 'adaptive', display: 'full' } },
      /display: Input should be 'summarized' or 'omitted'$/,
    ],
    ['sonnet-5-5', { thinking: { type: 'adaptive', display: 'updates' } }, /display: Input should be/],
    ['sonnet-5-5', { thinking: { type: 'between_tools', display: 'omitted' } }, /display: Extra inputs/],
    [
      'sonnet-5-5',
      { thinking: { type: 'adaptive', block_binding: {} } },
      'thinking.adaptive.block_binding: Extra inputs are not permitted',
    ],
    [
      'sonnet-5-5',
      { tool_choice: { type: 'any' } },
      'Thinking may not be enabled when tool_choice forces tool use.',
    ],
    [
      'sonnet-5-5',
      { tool_choice: { type: 'tool' }, thinking: { type: 'between_tools' } },
      'tool_choice.type: "tool" is not supported by this model.',
    ],
    [
      'haiku-4-5',
      { tool_choice: { type: 'tool' }, thinking: { type: 'enabled', budget_tokens: 1_024 } },
      /forces tool use\.$/,
    ],
    ['sonnet-5-5', { temperature: 0 }, /^temperature: /],
    ['sonnet-5-5', { top_p: 0.9 }, /^top_p: /],
    ['opus-5-5', { top_k: 9 }, /^top_k: /],
  ])('%s refuses %j', (id, request, fault) => {
    expect(faultOf(id, request)).toEqual(asSentence(fault))
  })

  it.each(['adaptive', 'enabled', 'disabled', 'between_tools'])(
    'refuses %s of a model that cannot think',
    (type) => {
      const { capabilities, ...rest } = model('haiku-4-5')
      const none = { supported: false }
      const types = { adaptive: none, between_tools: none, disabled: none, enabled: none }
      const older = { ...rest, capabilities: { ...capabilities, thinking: { ...none, types } } }
      const asked = { max_tokens: 4_000, thinking: { type, budget_tokens: 2_000 } }
      expect(settingsFault(asked, older, [], true)).toBe(
        `thinking.type: "${type}" is not supported by this model.`,
      )
    },
  )

  it('may say more with a beta header', () => {
    const bound = (prefix_mismatch_behavior: string) => ({
      thinking: { type: 'adaptive', block_binding: { prefix_mismatch_behavior } },
    })
    expect(faultOf('sonnet-5-5', bound('drop_block'), [BINDING])).toBeNull()
    expect(faultOf('sonnet-5-5', bound('ignore'), [BINDING])).toMatch(
      /Input should be 'error' or 'drop_block'$/,
    )
    const updates = { thinking: { type: 'adaptive', display: 'updates' } }
    expect(faultOf('sonnet-5-5', updates, ['thinking-display-updates-2026-08-18'])).toBeNull()
    expect(faultOf('sonnet-5-5', { context_management: {} }, ['context-management-2025-06-27'])).toBeNull()
    expect(faultOf('sonnet-5-5', { thread: {} }, ['message-threads-2026-08-12'])).toMatch(/does not simulate/)
  })
})

describe('an answer at the end of the messages', () => {
  const end = (content: unknown) => [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content },
  ]
  const PREFILL = /^This model does not support assistant message prefill/
  it.each<readonly [string, unknown, RegExp | null]>([
    ['sonnet-5-5', 'The answer is', PREFILL],
    ['opus-5-5', [{ type: 'text', text: 'The answer is' }], PREFILL],
    ['haiku-4-5', 'The answer is', null],
    ['haiku-4-5', 'The answer is ', /cannot end with trailing whitespace$/],
    ['sonnet-5-5', [{ type: 'server_tool_use', id: 's', name: 'web_search', input: {} }], null],
    ['sonnet-5-5', [{ type: 'web_search_tool_result', tool_use_id: 's', content: [] }], null],
  ])('%s: %j', (id, content, fault) => {
    const found = prefillFault(end(content), model(id))
    expect(found).toEqual(asSentence(fault))
  })
})
