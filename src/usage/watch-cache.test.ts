import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import type { ModelAnswer, ModelRequest } from '../conversation/model.ts'
import { HOUR, SECOND } from '../support/clock.ts'
import type { CacheUse } from './cache-watch.ts'
import { cachedRequestOf, watchCache } from './watch-cache.ts'

const NOW = Date.UTC(2026, 10, 30, 12)

const ASKED: ModelRequest = {
  conversation: 'telegram:1',
  model: 'claude-sonnet-5',
  maxTokens: 100,
  system: null,
  messages: [{ role: 'user', text: 'Hello', attachments: [] }],
  cache: { ttl: '1h', scope: 'conversation' },
  epoch: { id: '3.7', reason: 'trim' },
}
const ANSWER: ModelAnswer = {
  text: 'Hello.',
  content: '[{"type":"text","text":"Hello."}]',
  calls: [],
  container: null,
  model: 'claude-sonnet-5',
  usage: { inputTokens: 30, outputTokens: 7, cacheReadTokens: 200, cacheWriteTokens: 100 },
  stopReason: 'end_turn',
  modelMs: 4 * SECOND,
}

test('an answer is recorded with its prompt', () => {
  const miss = { reason: 'messages_changed', tokens: 4 } as const
  expect(cachedRequestOf(ASKED, { ...ANSWER, cacheMiss: miss }, NOW)).toEqual({
    epoch: '3.7',
    epochReason: 'trim',
    model: 'claude-sonnet-5',
    toolChoice: null,
    pictures: 0,
    messages: 1,
    startedAt: NOW - 4 * SECOND,
    lifeMs: HOUR,
    inputTokens: 330,
    readTokens: 200,
    writtenTokens: 100,
    miss: 'messages_changed',
  })
})

test('pictures are counted wherever they stand, and words about them are not', () => {
  const file = (mediaType: string) => ({ mediaType, name: 'a', bytes: new Uint8Array() })
  const blocks = JSON.stringify([
    { type: 'text', text: 'I see "type":"image" there.' },
    { type: 'tool_result', tool_use_id: '1', content: [{ type: 'image' }, { type: 'image' }] },
  ])
  const messages = [
    {
      role: 'user',
      text: 'Look.',
      attachments: [file('image/png'), file('application/pdf')],
      further: [{ text: 'And there.', attachments: [file('image/jpeg')] }],
    },
    { role: 'assistant', text: '', attachments: [], blocks },
  ] as const
  expect(cachedRequestOf({ ...ASKED, messages }, ANSWER, NOW)?.pictures).toBe(4)
})

test('an answer with searches of the provider has asked several times: its prompt has no length', () => {
  const content = '[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}}]'
  expect(cachedRequestOf(ASKED, { ...ANSWER, content }, NOW)?.inputTokens).toBeNull()
})

test.each([
  ['of which nothing is kept', { cache: null }],
  ['whose messages are not sent again', { cache: { ttl: '5m', scope: 'system' } as const }],
  ['whose sender keeps the conversation', { epoch: undefined }],
  ['that belongs to no conversation', { conversation: undefined }],
] as const)('a request %s is not judged', async (_what, given) => {
  const added: string[] = []
  const { epoch, conversation, ...rest } = { ...ASKED, ...given }
  const asked = { ...rest, ...(epoch ? { epoch } : {}), ...(conversation ? { conversation } : {}) }
  const record = {
    add(id: string): CacheUse {
      added.push(id)
      return { kind: 'hit', possibleTokens: 0 }
    },
  }
  const model = watchCache({ answer: async () => ANSWER }, record, new FakeClock(NOW))
  const listener = { signal: AbortSignal.timeout(SECOND), onText: () => {} }
  expect(await model.answer(asked, listener)).toBe(ANSWER)
  await model.answer(ASKED, listener)
  expect(added).toEqual(['telegram:1'])
})

test('what else the model can do stays', async () => {
  const made = { block: '{}', text: 'Said.', model: 'm', usage: ANSWER.usage, modelMs: 1 }
  const model = { answer: async () => ANSWER, compact: async () => made }
  const { compact } = watchCache(
    model,
    { add: () => ({ kind: 'hit', possibleTokens: 0 }) },
    new FakeClock(NOW),
  )
  expect(await compact!(ASKED, { signal: new AbortController().signal })).toBe(made)
})
