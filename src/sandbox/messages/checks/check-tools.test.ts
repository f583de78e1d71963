import { describe, expect, it } from 'vitest'
import { asSentence } from '../../../../test/support/as-sentence.ts'
import { SIMULATED_MODELS } from '../model-table.ts'
import { toolsFault } from './check-tools.ts'

const [SONNET, , , HAIKU_4_5] = SIMULATED_MODELS.map(({ rules }) => rules)
const schema = { type: 'object' }
const tool = (more: object = {}) => ({ name: 'read_file', input_schema: schema, ...more })
const search = (more: object = {}) => ({ type: 'web_search_20260318', name: 'web_search', ...more })

describe('the tools of a request', () => {
  it.each<readonly [string, object, string | RegExp | null]>([
    ['none', {}, null],
    ['a tool', { tools: [tool()] }, null],
    [
      'a tool with all that it may have',
      {
        tools: [
          tool({
            type: 'custom',
            description: 'x',
            strict: true,
            defer_loading: true,
            eager_input_streaming: null,
            input_examples: [],
            allowed_callers: ['direct'],
            cache_control: { type: 'ephemeral' },
          }),
        ],
      },
      null,
    ],
    [
      'the tools that the service knows',
      {
        tools: [
          search(),
          { type: 'memory_20250818', name: 'memory' },
          { type: 'code_execution_20260521', name: 'code_execution' },
        ],
      },
      null,
    ],
    ['no list', { tools: {} }, 'tools: Input should be a valid list'],
    ['no name', { tools: [{ input_schema: schema }] }, 'tools.0.custom.name: Field required'],
    [
      'a dot in a name',
      { tools: [tool({ name: 'a.b' })] },
      "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    ],
    ['a name of 129 characters', { tools: [tool({ name: 'a'.repeat(129) })] }, /String should match pattern/],
    ['a name of 128 characters', { tools: [tool({ name: 'a'.repeat(128) })] }, null],
    ['no schema', { tools: [{ name: 'a' }] }, 'tools.0.custom.input_schema: Field required'],
    [
      'a schema without a type',
      { tools: [tool({ input_schema: {} })] },
      'tools.0.custom.input_schema.type: Field required',
    ],
    [
      'a schema of an array',
      { tools: [tool({ input_schema: { type: 'array' } })] },
      "tools.0.custom.input_schema.type: Input should be 'object'",
    ],
    [
      'a field that nobody knows',
      { tools: [tool({ server: 'x' })] },
      'tools.0.custom.server: Extra inputs are not permitted',
    ],
    ['a name twice', { tools: [tool(), tool()] }, 'tools: Tool names must be unique.'],
    [
      'the name of a server tool',
      { tools: [search(), tool({ name: 'web_search' })] },
      'tools: Tool names must be unique.',
    ],
    [
      'an unknown type',
      { tools: [{ type: 'telepathy_20260101', name: 'telepathy' }] },
      /^tools\.0\.type: Input tag 'telepathy_20260101'/,
    ],
    [
      'another name of a known type',
      { tools: [search({ name: 'search' })] },
      "tools.0.web_search_20260318.name: Input should be 'web_search'",
    ],
    [
      'domains of both kinds',
      { tools: [search({ allowed_domains: ['a'], blocked_domains: ['b'] })] },
      /Only one of/,
    ],
    ['an empty list and another', { tools: [search({ allowed_domains: [], blocked_domains: ['b'] })] }, null],
    [
      'a choice without tools',
      { tool_choice: { type: 'auto' } },
      'tool_choice: tool_choice may only be specified while providing tools.',
    ],
    ['another choice', { tools: [tool()], tool_choice: { type: 'required' } }, /^tool_choice: Input tag/],
    [
      'a choice of nothing',
      { tools: [tool()], tool_choice: { type: 'tool' } },
      'tool_choice.tool.name: Field required',
    ],
    [
      'a choice that is not there',
      { tools: [tool()], tool_choice: { type: 'tool', name: 'b' } },
      "tool_choice: Tool 'b' not found in provided tools",
    ],
    ['a choice', { tools: [tool()], tool_choice: { type: 'none' } }, null],
  ])('%s', (_what, request, fault) => {
    expect(toolsFault({ ...request }, SONNET!)).toEqual(asSentence(fault))
  })

  it('are called by code only where the model can', () => {
    expect(toolsFault({ tools: [search()] }, HAIKU_4_5!)).toMatch(
      /allowed_callers: This model does not support/,
    )
    expect(toolsFault({ tools: [search({ allowed_callers: ['direct'] })] }, HAIKU_4_5!)).toBeNull()
    const basic = { type: 'web_search_20250305', name: 'web_search' }
    expect(toolsFault({ tools: [basic] }, HAIKU_4_5!)).toBeNull()
  })
})
