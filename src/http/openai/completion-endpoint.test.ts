import { expect, test } from 'vitest'
import { MessageFixture, until } from '../../../test/support/message-fixture.ts'
import { post, startTestGateway, type TestGateway } from '../../../test/support/web/http-gateway.ts'
import { OpenAiChannel } from '../../channels/openai/openai-channel.ts'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import type { MessagingOptions } from '../../conversation/messaging.ts'
import { ModelRefusal } from '../../conversation/model.ts'
import { HOUR, systemClock } from '../../support/clock.ts'
import { completionEndpoint } from './completion-endpoint.ts'

/** The endpoint over a real store, with a model that the test plays. */
async function open(messaging: Partial<MessagingOptions> = {}) {
  const channel = new OpenAiChannel(systemClock)
  const fixture = await MessageFixture.start({ sendChannels: [channel], messaging })
  await channel.start(fixture.messaging.receiver)
  const { storage, gate } = fixture
  const { events } = fixture.messaging
  const models = ['claude-test']
  const endpoint = completionEndpoint({ channel, conversations: storage.conversations, events, gate, models })
  const gateway = await startTestGateway({ endpoints: [endpoint] })
  return {
    fixture,
    gateway,
    ask: (text: string, more: { headers?: Record<string, string>; body?: object } = {}) =>
      ask(gateway, text, more),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await fixture[Symbol.asyncDispose]()
    },
  }
}

function ask(gateway: TestGateway, text: string, more: { headers?: Record<string, string>; body?: object }) {
  const body = { model: 'claude-test', messages: [{ role: 'user', content: text }], ...more.body }
  const init = post(body)
  return gateway.call('/v1/chat/completions', { ...init, headers: { ...init.headers, ...more.headers } })
}

const HOLD = { 'X-Hermes-Hold': 'true' }
const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string } }).error

test('an answer that ends because it is as long as it may be says so, and nothing is added to it', async () => {
  await using fixture = await open()
  fixture.fixture.model.stopReason = 'max_tokens'
  fixture.fixture.model.reply = () => ' half of it '
  const answer = await (await fixture.ask('a', { body: { max_tokens: 9 } })).json()
  expect(answer).toMatchObject({
    choices: [{ finish_reason: 'length', message: { content: ' half of it ' } }],
  })
  expect(fixture.fixture.model.requests[0]).toMatchObject({ maxTokens: 9, system: null, stop: [] })
})

test('what the model or the provider turns down is told in our words', async () => {
  await using fixture = await open()
  fixture.fixture.model.stopReason = 'refusal'
  const refusal = await fixture.ask('a')
  expect([refusal.status, (await errorOf(refusal)).code]).toEqual([400, 'content_filter'])
  fixture.fixture.model.reply = () => Promise.reject(new ModelRefusal('too-large'))
  const refused = await fixture.ask('b', { body: { stream: true } })
  expect(refused.status).toBe(400)
  expect(await errorOf(refused)).toMatchObject({ code: 'refused', message: DEFAULT_TEXTS.refused_too_large })
})

test('a full hold is told at once, and the same key may be used again afterwards', async () => {
  const hold = { maxAge: HOUR, maxPerConversation: 50, maxTotal: 1, merge: true }
  await using fixture = await open({ hold })
  fixture.fixture.gate.unavailable(HOUR, 'overloaded')
  const first = fixture.ask('first', { headers: HOLD })
  await until(async () => (await fixture.fixture.storage.inbox.counts()).held === 1)
  for (let count = 0; count < 2; count++) {
    const full = await fixture.ask('second', { headers: { ...HOLD, 'Idempotency-Key': 'k' } })
    expect([full.status, full.headers.get('retry-after') !== null]).toEqual([429, true])
  }
  fixture.fixture.gate.succeeded()
  expect((await (await first).json()) as object).toMatchObject({
    choices: [{ message: { content: 'answer to first' } }],
  })
  const second = await fixture.ask('second', { headers: { 'Idempotency-Key': 'k' } })
  expect(await second.json()).toMatchObject({ choices: [{ message: { content: 'answer to second' } }] })
  expect(fixture.fixture.model.asked).toEqual(['first', 'second'])
})

test('a request that the operator drops ends, and can be sent again under its key', async () => {
  await using fixture = await open()
  const { storage, messaging, gate } = fixture.fixture
  gate.unavailable(HOUR, 'overloaded')
  const headers = { ...HOLD, 'Idempotency-Key': 'k' }
  const waiting = fixture.ask('dropped', { headers })
  await until(async () => (await storage.inbox.counts()).held === 1)
  const [row] = await storage.inbox.queue({ states: ['held'], limit: 1 })
  await storage.inbox.drop(row!.id, Date.now())
  messaging.events.changed(row!.conversationId)
  // It was held, so its response had started with white space: the error is in the body.
  expect(await errorOf(await waiting)).toMatchObject({ code: 'withdrawn' })
  gate.succeeded()
  expect((await fixture.ask('dropped', { headers })).status).toBe(200)
})

test.each([
  ['running', (fixture: MessageFixture) => until(() => fixture.model.requests.length === 1)],
  ['held', (fixture: MessageFixture) => until(async () => (await fixture.storage.inbox.counts()).held === 1)],
])('a request that was %s when its token was revoked is told no answer', async (state, waits) => {
  await using fixture = await open()
  const { gateway, fixture: inner } = fixture
  const answer = Promise.withResolvers<string>()
  inner.model.reply = () => answer.promise
  if (state === 'held') inner.gate.unavailable(HOUR, 'overloaded')
  const issued = await gateway.call('/api/tokens', post({ scope: 'chat' }))
  const { id, token } = (await issued.json()) as { id: string; token: string }
  const asked = fixture.ask('a', { headers: { ...HOLD, authorization: `Bearer ${token}` } })
  await waits(inner)
  expect((await gateway.call(`/api/tokens/${id}`, { method: 'DELETE' })).status).toBe(200)
  inner.gate.succeeded()
  answer.resolve('the salary')
  const response = await asked
  const body = await response.text()
  expect(body).toContain('"invalid_api_key"')
  expect(body).not.toContain('salary')
})

test('a hiccup too short for a notice is waited for', async () => {
  await using fixture = await open()
  fixture.fixture.gate.unavailable(null, 'overloaded')
  const answer = await fixture.ask('a hiccup')
  expect(answer.status).toBe(200)
  expect(fixture.fixture.model.asked).toEqual(['a hiccup'])
})

test('a client waiting when the gateway stops gets an error, not half an answer', async () => {
  const fixture = await open()
  fixture.fixture.model.reply = async (_request, { onText, signal }) => {
    onText('half of')
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    throw signal.reason
  }
  const streamed = await fixture.ask('a', { body: { stream: true } })
  const whole = fixture.ask('b')
  await until(() => fixture.fixture.model.requests.length === 2)
  await fixture.gateway[Symbol.asyncDispose]()
  expect((await whole).status).toBe(503)
  const body = await streamed.text()
  expect(body).toContain('half of')
  expect(body).toContain('"code":"stopping"')
  expect(body).not.toContain('[DONE]')
  await fixture.fixture[Symbol.asyncDispose]()
})

test('a slash at the end of an address and a byte order mark before the body change nothing', async () => {
  await using fixture = await open()
  for (const path of ['/v1/models', '/v1/models/'])
    expect(await (await fixture.gateway.call(path)).json()).toMatchObject({ data: [{ id: 'claude-test' }] })
  const init = post({ model: 'claude-test', messages: [{ role: 'user', content: 'a' }] })
  const marked = { ...init, body: `\ufeff${String(init.body)}` }
  const answer = await fixture.gateway.call('/v1/chat/completions/', marked)
  expect(await answer.json()).toMatchObject({ choices: [{ message: { content: 'answer to a' } }] })
})
