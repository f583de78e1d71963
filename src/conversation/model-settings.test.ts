import { expect, test } from 'vitest'
import { modelInfo } from '../../test/support/provider/model-info.ts'
import { ModelSettings, type ModelSettingsOptions, type ModelInfo } from './model-settings.ts'

const LIST = [
  modelInfo('claude-large', {
    maxTokens: 128_000,
    contextTokens: 1_000_000,
    efforts: ['low', 'medium', 'high'],
  }),
  modelInfo('claude-short', { maxTokens: 4_000, contextTokens: 100_000, efforts: [] }),
  modelInfo('claude-old', { lifecycle: 'retired' }),
]
const warnings: string[] = []

function settingsWith(
  config: Partial<ModelSettingsOptions['config']> = {},
  overrides: ModelSettingsOptions['overrides'] = {},
  list: readonly ModelInfo[] = LIST,
) {
  warnings.length = 0
  return new ModelSettings({
    config: { default: 'claude-large', maxTokens: 'auto', contextLength: 'auto', effort: 'auto', ...config },
    overrides,
    models: {
      current: () => ({ source: 'provider', fetchedAt: 0, models: list }),
      find: (id) => list.find((model) => model.id === id) ?? null,
    },
    warn: (sentence) => warnings.push(sentence),
  })
}

const chat = { channel: 'telegram', address: '-1001234' }

test.each([
  ['claude-large', { maxTokens: 32_000, contextTokens: 1_000_000 }],
  ['claude-short', { maxTokens: 4_000, contextTokens: 100_000 }],
  ['claude-unknown', { maxTokens: 8_192, contextTokens: 200_000 }],
])('without numbers in the configuration %s has %j', (model, limits) => {
  expect(settingsWith().forTurn(chat, model)).toMatchObject({ model, ...limits, effort: null })
  expect(warnings).toEqual([])
})

test.each<[string, Partial<ModelInfo>, number | 'auto', 'auto' | null]>([
  ['can', { thinking: ['adaptive', 'disabled'] }, 'auto', 'auto'],
  ['must', { thinking: ['adaptive', 'between_tools'] }, 'auto', 'auto'],
  ['can, but with so few tokens would never come to an answer', { thinking: ['adaptive'] }, 4_096, null],
  ['thinks within a budget only', { thinking: ['disabled', 'enabled'] }, 'auto', null],
  ['cannot', { thinking: [] }, 'auto', null],
  ['is not known', {}, 'auto', null],
])('a model that %s is asked to think accordingly', (_, known, maxTokens, expected) => {
  const list = [modelInfo('claude-large', { maxTokens: 128_000, contextTokens: 1_000_000, ...known })]
  expect(settingsWith({ maxTokens }, {}, list).forTurn(chat, null).thinking).toBe(expected)
})

test('in a small context window the answer leaves room for the conversation', () => {
  expect(settingsWith({ contextLength: 16_000 }).forTurn(chat, null).maxTokens).toBe(4_000)
  expect(settingsWith({ contextLength: 16_000, maxTokens: 9_000 }).forTurn(chat, null).maxTokens).toBe(9_000)
})

test('a number wins, also for a model that is in no list', () => {
  const settings = settingsWith({ maxTokens: 100_000, contextLength: 500_000 })
  for (const model of ['claude-large', 'claude-unknown']) {
    expect(settings.forTurn(chat, model)).toMatchObject({ maxTokens: 100_000, contextTokens: 500_000 })
  }
  expect(settings.longestContext()).toBe(500_000)
})

test('a number that the model refuses is lowered, with one warning', () => {
  const settings = settingsWith({ default: 'claude-short', maxTokens: 9_000 })
  expect([settings.forTurn(chat, null), settings.forTurn(chat, null)]).toMatchObject([
    { maxTokens: 4_000 },
    { maxTokens: 4_000 },
  ])
  expect(warnings).toEqual(['model.max_tokens is 9000, and claude-short allows 4000: that is used.'])
})

test('an effort is sent to a model that has it', () => {
  expect(settingsWith({ effort: 'medium' }).forTurn(chat, null).effort).toBe('medium')
  expect(settingsWith().forTurn({ ...chat, effort: 'low' }, null).effort).toBe('low')
  expect(settingsWith().forTurn({ ...chat, effort: 'nonsense' }, null).effort).toBeNull()
  expect(warnings).toEqual([])
})

test('an effort is ignored by a model without levels, with one warning', () => {
  const settings = settingsWith({ effort: 'high' })
  for (const model of ['claude-short', 'claude-short', 'claude-unknown']) {
    expect(settings.forTurn(chat, model).effort).toBeNull()
  }
  expect(warnings).toHaveLength(2)
  expect(warnings[0]).toBe('The effort high is ignored: claude-short is not known to have levels of effort.')
})

test('a level that a model has not got is the next lower one', () => {
  expect(settingsWith({ effort: 'max' }).forTurn(chat, null).effort).toBe('high')
  expect(warnings).toEqual(['The effort max is not one of claude-large: high is used.'])
})

test('what a chat has chosen wins over its override, and that over the configuration', () => {
  const settings = settingsWith(
    { effort: 'high' },
    {
      'telegram:-1001234': {
        model: 'claude-short',
        effort: null,
        systemPrompt: 'Here speak French.',
        budgetDay: null,
      },
      'telegram:*': { model: 'claude-other', effort: 'low', systemPrompt: ' ', budgetDay: null },
    },
  )
  expect(settings.model(chat)).toBe('claude-short')
  expect(settings.effort(chat)).toBe('low')
  expect(settings.model({ ...chat, address: '-1001234/7' })).toBe('claude-short')
  expect(settings.model({ ...chat, address: '5' })).toBe('claude-other')
  expect(settings.model({ ...chat, model: 'claude-large' })).toBe('claude-large')
  expect(settings.effort({ ...chat, effort: 'medium' })).toBe('medium')
  expect(settings.systemPrompt({ ...chat, address: '-1001234/7' })).toBe('Here speak French.')
  expect(settings.systemPrompt({ ...chat, address: '5' })).toBeNull()
  const web = { channel: 'web', address: 'toString' }
  expect(settings.systemPrompt(web)).toBeNull()
  expect([settings.model(web), settings.effort(web)]).toEqual(['claude-large', 'high'])
  expect(settings.configured()).toEqual(['claude-large', 'claude-short', 'claude-other'])
})

test('the default of a chat can be chosen although no list has it, and a retired model cannot', () => {
  const settings = settingsWith({ default: 'claude-mine' })
  expect(settings.choices(chat)).toEqual(['claude-mine', 'claude-large', 'claude-short'])
  const isChoice = ['claude-mine', 'claude-short', 'claude-old', 'claude-none'].map((id) =>
    settings.isChoice(chat, id),
  )
  expect(isChoice).toEqual([true, true, false, false])
})

test('as much history is read as the longest context holds', () => {
  expect(settingsWith().longestContext()).toBe(1_000_000)
  expect(settingsWith({}, {}, []).longestContext()).toBe(200_000)
})

test('the context of a configured model counts, although the account does not list it', () => {
  const settings = new ModelSettings({
    config: { default: 'claude-large', maxTokens: 'auto', contextLength: 'auto', effort: 'auto' },
    overrides: {},
    models: {
      current: () => ({ source: 'provider', fetchedAt: 0, models: [] }),
      find: (id) => LIST.find((model) => model.id === id) ?? null,
    },
    warn() {},
  })
  expect(settings.longestContext()).toBe(1_000_000)
})
