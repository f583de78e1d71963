import { describe, expect, test } from 'vitest'
import { modelInfo } from '../../../test/support/provider/model-info.ts'
import { readModelPage, readModels } from './model-list.ts'

const yes = { supported: true }
const no = { supported: false }

/** As the endpoint gives it. */
const ITEM = {
  type: 'model',
  id: 'claude-one',
  display_name: 'Claude One',
  lifecycle: 'deprecated',
  line: 'sonnet',
  created_at: '2026-01-01T00:00:00Z',
  deprecated_at: '2026-09-01T00:00:00Z',
  retires_at: '2027-01-22T00:00:00Z',
  max_input_tokens: 1_000_000,
  max_tokens: 128_000,
  capabilities: {
    context_management: { ...yes, compact_20260112: yes },
    effort: { ...yes, low: yes, medium: yes, high: yes, xhigh: null, max: no },
    server_tools: { ...yes, web_search: yes, code_execution: no },
    thinking: { ...yes, types: { adaptive: yes, between_tools: no, disabled: no, enabled: no } },
  },
}

const NOTHING_KNOWN = modelInfo('claude-x')

test('a model has its limits, its abilities and its end', () => {
  expect(readModels([ITEM])).toEqual([
    {
      id: 'claude-one',
      name: 'Claude One',
      lifecycle: 'deprecated',
      retiresAt: Date.UTC(2027, 0, 22),
      contextTokens: 1_000_000,
      maxTokens: 128_000,
      efforts: ['low', 'medium', 'high'],
      thinking: ['adaptive'],
      serverTools: ['web_search'],
      compaction: true,
    },
  ])
})

test('a model without abilities has none, and one that does not name them is not known to', () => {
  const none = { effort: no, server_tools: no, thinking: no, context_management: no }
  expect(readModels([{ ...ITEM, capabilities: none }])).toMatchObject([
    { efforts: [], serverTools: [], thinking: [], compaction: false },
  ])
  expect(readModels([{ ...ITEM, capabilities: null }])).toMatchObject([
    { efforts: null, serverTools: null, thinking: null, compaction: null },
  ])
})

test.each([
  [{ ...yes, summarize: yes }, no, true],
  [{ ...yes, summarize: no }, { ...yes, compact_20260112: yes }, false],
  [no, { ...yes, compact_20260112: yes }, false],
  [null, { ...yes, compact_20260112: yes }, true],
  [undefined, { ...yes, compact_20260112: null }, false],
  [undefined, undefined, null],
])('compaction on demand (%j) wins over the older form (%j)', (compaction, management, expected) => {
  const capabilities = { compaction, context_management: management }
  expect(readModels([{ ...ITEM, capabilities }])).toMatchObject([{ compaction: expected }])
})

describe('what is odd', () => {
  test.each([
    ['max_tokens', 0],
    ['max_tokens', -5],
    ['max_tokens', 1.5],
    ['max_tokens', '64000'],
    ['max_tokens', 1e300],
    ['max_input_tokens', Number.NaN],
    ['max_input_tokens', []],
    ['retires_at', 'soon'],
    ['retires_at', 7],
    ['retires_at', '2027-99-99T00:00:00Z'],
    ['lifecycle', 'asleep'],
    ['display_name', ''],
    ['display_name', {}],
    ['capabilities', 'all'],
    ['capabilities', { effort: { supported: 'yes', low: yes }, thinking: [], server_tools: null }],
  ])('%s of %j is as if it were not given', (field, value) => {
    expect(readModels([{ id: 'claude-x', [field]: value }])).toEqual([NOTHING_KNOWN])
  })

  test.each([
    [null],
    ['claude-x'],
    [[]],
    [{}],
    [{ id: 7 }],
    [{ id: '' }],
    [{ id: 'a b' }],
    [{ id: 'x'.repeat(101) }],
  ])('%j is no model and keeps no other from being one', (item) => {
    expect(readModels([item, { id: 'claude-x' }])).toEqual([NOTHING_KNOWN])
  })

  test('a name cannot command a terminal, nor fill a screen', () => {
    const [model] = readModels([{ id: 'claude-x', display_name: `\u001B[2J\nOne\u202E ${'y'.repeat(500)}` }])
    expect(model!.name).toMatch(/^\[2J One y+$/)
    expect(model!.name.length).toBeLessThanOrEqual(100)
  })

  test('an id that comes twice is one model', () => {
    expect(readModels([ITEM, { ...ITEM, max_tokens: 1 }])).toMatchObject([{ maxTokens: 128_000 }])
  })

  test('a list without an end has one here', () => {
    const endless = Array.from({ length: 5_000 }, (_, index) => ({ id: `claude-${index}` }))
    expect(readModels(endless)).toHaveLength(1_000)
  })
})

describe('a page', () => {
  test('names where the next one begins', () => {
    expect(readModelPage({ data: [1], has_more: true, last_id: 'claude-one' })).toEqual({
      items: [1],
      after: 'claude-one',
    })
    expect(readModelPage({ data: [], has_more: false, last_id: 'claude-one' })?.after).toBeNull()
    expect(readModelPage({ data: [], has_more: true, last_id: 'no id at all' })?.after).toBeNull()
  })

  test.each([[null], [[]], ['data'], [{}], [{ data: {} }], [{ data: Array(1_001) }], [{ error: {} }]])(
    '%j is none',
    (body) => {
      expect(readModelPage(body)).toBeNull()
    },
  )
})
