import { describe, expect, it } from 'vitest'
import { compact, compactionFault, compactionSettingsFault } from './compaction.ts'
import type { Block } from './content.ts'
import { SIMULATED_MODELS, type SimulatedModel } from './model-table.ts'

const [SONNET, OPUS] = SIMULATED_MODELS
const HAIKU = SIMULATED_MODELS.at(-1)!
const ASKED = { system: 'Be kind.' }
const COMPACTS = { ...ASKED, compaction: { type: 'summarize' } }

const text = (value: string): Block => ({ type: 'text', text: value })
const user = (...content: Block[]) => ({ role: 'user', content })
const assistant = (...content: Block[]) => ({ role: 'assistant', content })
const TALK = [user(text('one')), assistant(text('1'))]
const BLOCK = compact(ASKED, TALK, SONNET!)
const NEXT = user(text('two'))

function code(
  json: object,
  messages: Parameters<typeof compactionFault>[1],
  model: SimulatedModel = SONNET!,
) {
  return compactionFault({ ...json }, messages, model)?.details?.['error_code'] ?? null
}

describe('what was compacted', () => {
  it('stands first, as it was returned, for its model and system prompt', () => {
    expect(code(ASKED, [assistant(BLOCK), NEXT])).toBeNull()
    expect(code(ASKED, [assistant({ ...BLOCK, cache_control: { type: 'ephemeral' } }), NEXT])).toBeNull()
  })

  it.each([
    ['block_misplaced', [NEXT, assistant(BLOCK), NEXT]],
    ['block_misplaced', [assistant(text('x'), BLOCK), NEXT]],
    ['block_ambiguous', [assistant(BLOCK, BLOCK), NEXT]],
    ['content_mismatch', [assistant({ ...BLOCK, content: 'x' }), NEXT]],
    ['signature_invalid', [assistant({ ...BLOCK, signature: 'x.y' }), NEXT]],
    ['signature_invalid', [assistant({ ...BLOCK, signature: null }), NEXT]],
    ['tool_changes_mismatch', [assistant({ ...BLOCK, tool_changes: null }), NEXT]],
  ])('is refused with compaction_%s', (expected, messages) => {
    expect(code(ASKED, messages)).toBe(`compaction_${expected}`)
  })

  it('is refused for another model and another system prompt', () => {
    expect(code(ASKED, [assistant(BLOCK), NEXT], OPUS)).toBe('compaction_signature_invalid')
    expect(code({ system: 'Be rude.' }, [assistant(BLOCK), NEXT])).toBe('compaction_signature_invalid')
  })

  it('replaces nothing without a content', () => {
    expect(code(ASKED, [NEXT, assistant({ type: 'compaction', content: null }), NEXT])).toBeNull()
  })
})

describe('a request to compact', () => {
  it.each<[string | null, Parameters<typeof compactionFault>[1]]>([
    [null, TALK],
    [null, [NEXT]],
    [null, [assistant(BLOCK), NEXT, assistant(text('2'))]],
    ['nothing_to_summarize', [assistant(BLOCK)]],
    ['incomplete_turn', [NEXT, assistant({ type: 'tool_use', id: '1', name: 'look', input: {} })]],
    ['incomplete_turn', [NEXT, user({ type: 'tool_result', tool_use_id: '1' })]],
    [
      'incomplete_turn',
      [NEXT, assistant({ type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} })],
    ],
  ])('is refused with %s', (expected, messages) => {
    expect(code(COMPACTS, messages)).toBe(expected && `compaction_${expected}`)
  })

  it.each<[RegExp | null, object]>([
    [null, {}],
    [null, COMPACTS],
    [null, { compaction: { type: 'summarize', instructions: 'Be short.' } }],
    [null, { ...COMPACTS, tool_choice: { type: 'none' } }],
    [/Input should be 'summarize'/, { compaction: { type: 'other' } }],
    [/should be an object/, { compaction: true }],
    [/instructions/, { compaction: { type: 'summarize', instructions: 1 } }],
    [/trigger: Extra inputs/, { compaction: { type: 'summarize', trigger: {} } }],
    [/context_management/, { ...COMPACTS, context_management: { edits: [] } }],
    [/stop_sequences/, { ...COMPACTS, stop_sequences: ['x'] }],
    [/tool_choice/, { ...COMPACTS, tool_choice: { type: 'any' } }],
    [/format/, { ...COMPACTS, output_config: { format: { type: 'json_schema' } } }],
  ])('with the fault %s: %j', (expected, json) => {
    const fault = compactionSettingsFault({ ...json }, SONNET!)
    expect(fault ?? 'none').toMatch(expected ?? /^none$/)
  })

  it('is for models that can', () => {
    expect(compactionSettingsFault(COMPACTS, HAIKU)).toMatch(/not supported by this model/)
  })
})
