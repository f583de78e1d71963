import { expect, test } from 'vitest'
import { MessageFixture } from '../../test/support/message-fixture.ts'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { findModel, ModelSettings } from '../conversation/model-settings.ts'
import type { Model, ModelRequest } from '../conversation/model.ts'
import { SIMULATED_MODELS } from '../sandbox/messages/model-table.ts'
import { systemClock } from '../support/clock.ts'
import { createLog } from '../support/log.ts'
import { CacheRecord } from '../usage/cache-record.ts'
import type { CachedRequest, CacheUse } from '../usage/cache-watch.ts'
import { watchCache } from '../usage/watch-cache.ts'
import { createModelClient } from './client.ts'
import { readModels } from './models/model-list.ts'

const MODEL = 'claude-sonnet-5-5'
const MODELS = readModels(SIMULATED_MODELS)
/** A GIF of one pixel. */
const PIXEL = 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'
/** Longer than the minimum of each model. */
const LONG = 'You are patient. '.repeat(1_500)

/** The core of messages with the real client at the simulated provider, whose cache is watched. */
async function watchedChat() {
  const sandbox = await useSandbox()
  const client = createModelClient({
    baseUrl: sandbox.url,
    door: new StaticDoor(credentialOf(sandbox.apiKey(), 'api-key')),
    health: { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} },
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model: MODEL,
    log: { warn() {} },
  })
  const world = { soul: LONG, change: (request: ModelRequest) => request }
  const changing: Model = { answer: (request, listener) => client.answer(world.change(request), listener) }
  const lines: string[] = []
  const log = await createLog({ format: 'json', destination: { write: (line) => void lines.push(line) } })
  const record = new CacheRecord(log, (error) => {
    throw error
  })
  const uses: CacheUse[] = []
  const noting = {
    add(conversation: string, request: CachedRequest, now: number): CacheUse {
      const use = record.add(conversation, request, now)
      uses.push(use)
      return use
    },
  }
  const fixture = await MessageFixture.start({
    messaging: {
      model: watchCache(changing, noting, systemClock),
      system: async () => world.soul,
      settings: new ModelSettings({
        config: { default: MODEL, maxTokens: 'auto', contextLength: 'auto', effort: 'auto' },
        overrides: {},
        models: {
          current: () => ({ source: 'provider', fetchedAt: 0, models: MODELS }),
          find: (id) => findModel(MODELS, id),
        },
        warn() {},
      }),
    },
  })
  const say = async (...texts: readonly string[]): Promise<readonly string[]> => {
    uses.length = 0
    for (const text of texts) {
      await fixture.say('a', text)
      await fixture.rest()
    }
    return uses.map((use) => (use.kind === 'hit' ? 'hit' : use.reason))
  }
  const show = async (mediaType: string, base64: string): Promise<readonly string[]> => {
    uses.length = 0
    const file = { mediaType, name: 'a file', bytes: Buffer.from(base64, 'base64') }
    const place = { address: 'a', chat: { id: 'a', kind: 'private', addressed: true } } as const
    const message = fixture.message('See this.', { ...place, attachments: [async () => file] })
    await fixture.messaging.receiver.receive('chat', [message], [])
    await fixture.rest()
    return uses.map((use) => (use.kind === 'hit' ? 'hit' : use.reason))
  }
  return { fixture, world, record, say, show, lines }
}

test('every request of an ordinary conversation reads what the one before has left', async () => {
  const chat = await watchedChat()
  await using _fixture = chat.fixture
  expect(await chat.say('one', 'two', 'three', 'four')).toEqual(['first-request', 'hit', 'hit', 'hit'])
  const { inputTokens, readTokens, possibleTokens } = chat.record.figures(Date.now())
  expect(readTokens).toBe(possibleTokens)
  expect(readTokens / inputTokens).toBeGreaterThan(0.7)
  expect(chat.lines).toEqual([])
})

test('what people and operators do to a conversation is no miss that nobody can explain', async () => {
  const chat = await watchedChat()
  await using _fixture = chat.fixture
  await chat.say('one', 'two', LONG)
  expect(await chat.say('/retry', 'four')).toEqual(['hit', 'hit'])
  expect(await chat.say('/undo', '/undo', 'five', LONG)).toEqual(['replaced', 'hit'])
  expect(await chat.say('/effort low', 'six', 'seven')).toEqual(['epoch-effort', 'hit'])
  chat.world.soul = `${LONG}And kind.`
  expect(await chat.say('eight', 'nine')).toEqual(['epoch-system', 'hit'])
  expect(await chat.say('/new', 'ten', 'eleven')).toEqual([expect.any(String), 'hit'])
  expect(chat.lines).toEqual([])
  expect(chat.record.figures(Date.now()).reasons.every(({ isExpected }) => isExpected)).toBe(true)
})

test('a picture makes the provider read all messages again, once', async () => {
  const chat = await watchedChat()
  await using _fixture = chat.fixture
  expect(await chat.say(LONG, 'two')).toEqual(['first-request', 'hit'])
  expect(await chat.show('image/gif', PIXEL)).toEqual(['pictures'])
  expect(await chat.say('three', 'four')).toEqual(['hit', 'hit'])
  expect(chat.lines).toEqual([])
})

test('a system prompt that changes behind the back of the conversation is found and logged', async () => {
  const chat = await watchedChat()
  await using _fixture = chat.fixture
  await chat.say('one', 'two')
  let now = 0
  chat.world.change = (request) => ({ ...request, system: `It is ${now++}. ${request.system}` })
  expect(await chat.say('three', 'four', 'five')).toEqual([
    'system_changed',
    'system_changed',
    'system_changed',
  ])
  expect(chat.lines).toHaveLength(1)
  expect(JSON.parse(chat.lines[0]!)).toMatchObject({
    level: 'warn',
    conversation: 'chat:a',
    reason: 'system_changed',
    readTokens: 0,
  })
})
