import { afterEach, expect, test } from 'vitest'
import { modelInfo } from '../../test/support/provider/model-info.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import type { Conversation } from '../inbox/message.ts'
import type { CommandCall } from './commands.ts'
import { modelCommands } from './model-commands.ts'
import { ModelSettings, findModel } from './model-settings.ts'

/** The account has three models; what a start without the provider knows is switched on by `isUnasked`. */
let isUnasked = false
const list = [
  modelInfo('claude-default', { efforts: ['low', 'high'] }),
  modelInfo('claude-small', { efforts: [] }),
  modelInfo('claude-tiny-1-20251001'),
]
const settings = new ModelSettings({
  config: { default: 'claude-default', maxTokens: 'auto', contextLength: 'auto', effort: 'auto' },
  overrides: {
    'chat:7': { model: 'claude-small', effort: null, systemPrompt: null, budgetDay: null },
    'chat:*': { model: null, effort: 'high', systemPrompt: null, budgetDay: null },
  },
  models: {
    current: () => ({ source: isUnasked ? 'built-in' : 'provider', fetchedAt: 0, models: list }),
    find: (id) => findModel(list, id),
  },
  warn() {},
})
afterEach(() => void (isUnasked = false))

const commands = modelCommands({ settings, texts: DEFAULT_TEXTS })

function call(name: string, rest: string, more: Partial<CommandCall> = {}) {
  return commands.get(name)!({
    name,
    rest,
    channel: 'chat',
    address: 'a',
    person: { id: '1', name: null },
    chat: { id: 'a', kind: 'private', addressed: true },
    role: 'user',
    conversation: null,
    now: 0,
    ...more,
  })
}

const chatWith = (choice: Partial<Conversation>): Conversation => ({
  id: 'chat:a',
  channel: 'chat',
  address: 'a',
  model: null,
  effort: null,
  ...choice,
})

test('everybody may choose what the account has, and nobody what it has not', async () => {
  expect((await call('model', 'claude-small')).effect).toEqual({ model: 'claude-small' })
  expect((await call('model', 'anthropic/claude-small')).effect).toEqual({ model: 'claude-small' })
  for (const role of ['user', 'operator'] as const) {
    for (const name of ['claude-typo', 'two words', 'x'.repeat(50_000)]) {
      expect((await call('model', name, { role })).effect).toBeNull()
    }
  }
})

test('a model is also known by its name without the date', async () => {
  expect((await call('model', 'claude-tiny-1')).effect).toEqual({ model: 'claude-tiny-1' })
})

test('an unknown model is answered with the names that are the most like it', async () => {
  expect((await call('model', 'small')).reply).toBe(
    "This account doesn't have that model. Closest: claude-small. /model lists all of them.",
  )
  expect((await call('model', 'claude-smell')).reply).toContain('Closest: claude-small, ')
})

test('as long as the provider could not be asked, an operator may name any model', async () => {
  isUnasked = true
  expect((await call('model', 'claude-new', { role: 'operator' })).effect).toEqual({ model: 'claude-new' })
  expect((await call('model', 'two words', { role: 'operator' })).effect).toBeNull()
  expect((await call('model', 'claude-new')).effect).toBeNull()
})

test('the default model is chosen by taking the choice back, so that a new default reaches the chat', async () => {
  expect((await call('model', 'claude-default')).effect).toEqual({ model: null })
})

test('without a name the models of the account are listed, the one in use marked', async () => {
  const conversation = chatWith({ model: 'claude-small' })
  expect((await call('model', '', { conversation })).reply).toBe(
    'Current model: claude-small. Available:\nclaude-default\nclaude-small (current)\nclaude-tiny-1-20251001',
  )
})

test('a chat has the model and the effort of the override that fits it best', async () => {
  const conversation = { ...chatWith({}), address: '7' }
  expect((await call('model', '', { address: '7' })).reply).toContain('claude-small (current)')
  expect((await call('model', 'claude-small', { conversation })).effect).toEqual({ model: null })
  expect((await call('model', '')).reply).toContain('claude-default (current)')
  expect((await call('effort', '')).reply).toContain('high (current)')
})

test('/effort lists the levels of the model, sets one, and goes back', async () => {
  const conversation = chatWith({ effort: 'low' })
  expect((await call('effort', '', { conversation })).reply).toBe(
    'Current effort: low. Available:\nauto\nlow (current)\nhigh',
  )
  expect((await call('effort', 'LOW')).effect).toEqual({ effort: 'low' })
  expect(await call('effort', 'auto', { conversation })).toEqual({
    effect: { effort: null },
    reply: 'Set the effort of this chat to high.',
  })
  expect(await call('effort', 'max')).toEqual({
    effect: null,
    reply: "I don't know that effort. Available: auto, low, high",
  })
})

test.each(['claude-small', 'claude-tiny-1', 'claude-gone'])(
  '/effort changes nothing for %s, which has none',
  async (model) => {
    const conversation = chatWith({ model })
    expect(await call('effort', 'low', { conversation })).toEqual({
      effect: null,
      reply: `${model} has no levels of effort that I know of.`,
    })
  },
)
