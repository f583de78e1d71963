import { expect, test } from 'vitest'
import { MessageFixture } from '../../test/support/message-fixture.ts'
import { call, callingAnswer } from '../../test/support/provider/calling-answer.ts'
import { modelInfo } from '../../test/support/provider/model-info.ts'
import { plainAnswer } from '../../test/support/provider/plain-answer.ts'
import { TestTool } from '../../test/support/steps/test-tool.ts'
import type { MessageFact } from '../inbox/figures/observer.ts'
import { ModelSettings } from './model-settings.ts'
import type { CacheMiss } from './model.ts'

/** A model that may think, in a configuration that leaves it room to. */
function thinkingSettings(): ModelSettings {
  const info = modelInfo('claude-test', { thinking: ['adaptive'], maxTokens: 64_000 })
  return new ModelSettings({
    config: { default: 'claude-test', maxTokens: 'auto', contextLength: 'auto', effort: 'auto' },
    overrides: {},
    models: { current: () => ({ source: 'provider', fetchedAt: 0, models: [info] }), find: () => info },
    warn() {},
  })
}

test('every step of a chat asks for thinking, and names the response before it', async () => {
  const messaging = { tools: [new TestTool('look', 'read')], settings: thinkingSettings() }
  await using fixture = await MessageFixture.start({ messaging })
  const called = callingAnswer('', [call('1', 'look')], { responseId: 'msg_1' })
  const answer = (id: string) => plainAnswer('Done.', 'claude-test', { responseId: id })
  fixture.model.reply = ({ messages }) => (messages.length === 1 ? called : answer('msg_2'))
  await fixture.say('a', 'do it')
  await fixture.rest()
  fixture.model.reply = () => answer('msg_3')
  await fixture.say('a', 'and now?')
  await fixture.rest()
  await fixture.say('b', 'hello')
  await fixture.rest()
  const sent = fixture.model.requests.map(({ thinking, previousResponse }) => [thinking, previousResponse])
  expect(sent).toEqual([
    ['auto', null],
    ['auto', 'msg_1'],
    ['auto', 'msg_2'],
    ['auto', null],
  ])
})

test('a program that keeps the conversation gets the model’s own way of thinking, and asks nothing of the cache', async () => {
  const messaging = { settings: thinkingSettings() }
  await using fixture = await MessageFixture.start({ messaging })
  const context = { digest: 'd', system: null, model: null, maxTokens: null, stop: [], turns: [] }
  await fixture.messaging.receiver.receive('chat', [fixture.message('hello', { context })], [])
  await fixture.rest()
  const [request] = fixture.model.requests
  expect(request).toMatchObject({ cache: { scope: 'system' } })
  expect(request).not.toHaveProperty('thinking')
  expect(request).not.toHaveProperty('previousResponse')
})

test('what the cache has missed is counted', async () => {
  const facts: MessageFact[] = []
  let system = 'as it was'
  const messaging = { system: async () => system }
  await using fixture = await MessageFixture.start({ messaging })
  fixture.messaging.observer.subscribe((fact) => void facts.push(fact))
  const missing = (reason: CacheMiss['reason'], tokens: number | null) => {
    fixture.model.reply = () => plainAnswer('Well.', 'claude-test', { cacheMiss: { reason, tokens } })
  }
  const say = async () => {
    await fixture.say('a', 'hello')
    await fixture.rest()
  }
  await say()
  system = 'changed'
  missing('system_changed', 900)
  await say()
  missing('previous_message_not_found', null)
  await say()
  missing('messages_changed', 700)
  await say()
  const reasons = facts.flatMap((fact) => (fact.kind === 'cache-miss' ? [fact.reason] : []))
  expect(reasons).toEqual(['system_changed', 'previous_message_not_found', 'messages_changed'])
})
