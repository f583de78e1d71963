import { expect, test } from 'vitest'
import { MessageFixture } from '../../test/support/message-fixture.ts'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { findModel, ModelSettings } from '../conversation/model-settings.ts'
import type { Model, ModelRequest } from '../conversation/model.ts'
import type { MessageFact } from '../inbox/figures/observer.ts'
import { SIMULATED_MODELS } from '../sandbox/messages/model-table.ts'
import type { SandboxOptions } from '../sandbox/sandbox.ts'
import { systemClock } from '../support/clock.ts'
import { createModelClient } from './client.ts'
import { readModels } from './models/model-list.ts'

const MODELS = readModels(SIMULATED_MODELS)
const LONG = 'You are patient. '.repeat(400)

/** The core of messages with the real client, at the simulated provider. */
async function chatWith(model: string, options: SandboxOptions = {}) {
  const sandbox = await useSandbox(options)
  const warnings: unknown[] = []
  const requests: ModelRequest[] = []
  const client = createModelClient({
    baseUrl: sandbox.url,
    door: new StaticDoor(credentialOf(sandbox.apiKey(), 'api-key')),
    health: { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} },
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model,
    log: { warn: (...words: unknown[]) => void warnings.push(words) },
  })
  const asking: Model = {
    answer(request, listener) {
      requests.push(request)
      return client.answer(request, listener)
    },
  }
  const world = { soul: LONG }
  const messaging = {
    model: asking,
    system: async () => world.soul,
    settings: new ModelSettings({
      config: { default: model, maxTokens: 'auto', contextLength: 'auto', effort: 'auto' },
      overrides: {},
      models: {
        current: () => ({ source: 'provider', fetchedAt: 0, models: MODELS }),
        find: (id) => findModel(MODELS, id),
      },
      warn() {},
    }),
  } as const
  const fixture = await MessageFixture.start({ messaging })
  const facts: MessageFact[] = []
  fixture.messaging.observer.subscribe((fact) => void facts.push(fact))
  const say = async (text: string): Promise<string | undefined> => {
    await fixture.say('a', text)
    await fixture.rest()
    return fixture.sendChannel.texts('a').at(-1)
  }
  const misses = () => facts.flatMap((fact) => (fact.kind === 'cache-miss' ? [fact.reason] : []))
  return { sandbox, fixture, requests, warnings, world, say, misses }
}

/** The answers of the chat, as the next message is sent them. */
async function lastRequest(chat: Awaited<ReturnType<typeof chatWith>>): Promise<ModelRequest> {
  await chat.say('and now?')
  return chat.requests.at(-1)!
}

test.each(['claude-sonnet-5-5', 'claude-haiku-5-5'])(
  'what %s has thought goes back to it and to nobody else',
  async (model) => {
    const chat = await chatWith(model)
    await using fixture = chat.fixture
    expect(await chat.say('!think of secret things')).toBe('I have thought about it.')
    const answer = (await lastRequest(chat)).messages[1]!
    expect(answer.blocks).toContain('"type":"thinking","thinking":"of secret things"')
    // The model refuses what is behind thinking that has changed.
    expect(await chat.say('still there?')).toContain('message 3 of')
    const { conversations } = fixture.storage
    const rows = await conversations.messages('chat:a', { limit: 9, beforeSeq: null })
    expect(JSON.stringify(rows.filter(({ role }) => role === 'assistant'))).not.toContain('secret things')
    const exported = (await conversations.exportPerson('chat', 'person')) as {
      readonly conversations: ReadonlyArray<{ readonly messages: ReadonlyArray<{ readonly role: string }> }>
    }
    const answers = exported.conversations[0]!.messages.filter(({ role }) => role === 'assistant')
    expect(answers.length).toBeGreaterThan(1)
    expect(JSON.stringify(answers)).not.toMatch(/secret things|signature|msg_/)
    expect(chat.sandbox.requests.every(({ status }) => status === 200)).toBe(true)
    expect(chat.warnings).toEqual([])
  },
)

test('a model that cannot think so is not asked to', async () => {
  const chat = await chatWith('claude-haiku-4-5')
  await using _ = chat.fixture
  expect(await chat.say('!think')).toContain('`thinking.type` is `disabled`')
  await chat.say('and now?')
  expect(chat.requests.map(({ thinking }) => thinking)).toEqual([undefined, undefined])
  expect(chat.sandbox.requests.map(({ status }) => status)).toEqual([200, 200])
})

test('a chat to which messages are only added misses nothing of the cache, thinking or not', async () => {
  const chat = await chatWith('claude-sonnet-5-5', { answer: { thinks: true } })
  await using _ = chat.fixture
  for (const text of ['one', '!think twice', 'three', '/undo', 'four', '/retry', 'five']) await chat.say(text)
  expect(chat.requests.map(({ previousResponse }) => previousResponse)).toEqual([
    null,
    ...Array.from({ length: 5 }, () => expect.stringMatching(/^msg_sandbox_/)),
  ])
  expect(chat.misses()).toEqual([])
  expect(chat.warnings).toEqual([])
})

test('what has changed before the messages is named, once', async () => {
  const chat = await chatWith('claude-sonnet-5-5')
  await using _ = chat.fixture
  await chat.say('one')
  chat.world.soul = `${LONG} And brief.`
  await chat.say('two')
  await chat.say('three')
  expect(chat.misses()).toEqual(['system_changed'])
  await chat.say('/model claude-opus-5-5')
  await chat.say('four')
  expect(chat.misses()).toEqual(['system_changed', 'model_changed'])
})
