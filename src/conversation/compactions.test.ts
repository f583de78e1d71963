import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture, type MessageFixtureOptions } from '../../test/support/message-fixture.ts'
import { modelInfo } from '../../test/support/provider/model-info.ts'
import type { TurnCost } from '../inbox/lease.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import { ModelSettings } from './model-settings.ts'
import { ModelRefusal, type Compacted, type ModelRequest } from './model.ts'

const USAGE = { inputTokens: 1_000, outputTokens: 100, cacheReadTokens: 10, cacheWriteTokens: 1 }
const FILLER = 'words '.repeat(300)
/** Room for a dozen turns. */
const CONTEXT = 16_000
/** More than there is room for. */
const TURNS = 12

/** The provider while it compacts. */
interface Compacting {
  readonly request: ModelRequest
  readonly signal: AbortSignal
  readonly spend: (cost: TurnCost) => void
  readonly finish: (made: Partial<Compacted> | Error | null) => void
}

/** A chat with a model that compacts when it is told to. */
class Chat {
  readonly fixture: MessageFixture
  readonly compacting: Compacting[] = []
  readonly epochs: string[] = []
  #said = 0

  constructor(fixture: MessageFixture) {
    this.fixture = fixture
    const { model } = fixture
    model.context = CONTEXT
    model.reply = (request) =>
      request.system?.startsWith('You keep the memory') ? 'Our own summary.' : `re ${FILLER}`
    model.compact = (request, { signal, onLost }) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        this.compacting.push({
          request,
          signal,
          spend: (cost) => onLost?.(cost),
          finish: (made) =>
            made instanceof Error
              ? reject(made)
              : resolve(made && { ...block(this.compacting.length), ...made }),
        })
      })
    fixture.messaging.observer.subscribe((fact) => {
      if (fact.kind === 'epoch') this.epochs.push(fact.reason)
    })
  }

  static async start(options: MessageFixtureOptions = {}): Promise<Chat> {
    return new Chat(await MessageFixture.start(options))
  }

  async say(text = `${this.#said++} ${FILLER}`): Promise<void> {
    await this.fixture.say('a', text)
    await this.fixture.rest()
  }

  /** Says so much that the provider begins to compact. */
  async fill(): Promise<Compacting> {
    const before = this.compacting.length
    for (let turn = 0; turn < TURNS && this.compacting.length === before; turn++) await this.say()
    return this.compacting[before]!
  }

  get last(): ModelRequest {
    return this.fixture.model.requests.at(-1)!
  }

  /** What the newest request begins with. */
  get opening(): string {
    const [first] = this.last.messages
    return first!.blocks ?? first!.before?.join() ?? first!.text.slice(0, 20)
  }

  get answers(): number {
    return this.fixture.sendChannel.texts('a').filter((text) => text.startsWith('re ')).length
  }

  async spent(): Promise<number> {
    return (await this.fixture.storage.conversations.usage('chat:a')).total.inputTokens
  }
}

function block(no: number): Compacted {
  const text = `Compacted ${no}.`
  return {
    block: `{"type":"compaction","content":"${text}","signature":"s${no}","10":1.50,"9":[]}`,
    text,
    model: 'claude-test',
    usage: USAGE,
    modelMs: 1,
  }
}

const opened = (no: number) => `[${block(no).block}]`

test('a full conversation is compacted behind its answer, and continues with the block and its last turn', async () => {
  const chat = await Chat.start()
  await using fixture = chat.fixture
  const { request, finish } = await chat.fill()
  const asked = chat.last
  const answered = chat.answers
  // What the turn has sent, up to its question.
  const { previousResponse: _, ...sent } = asked
  expect(request).toEqual({ ...sent, messages: asked.messages.slice(0, -1) })
  const before = await chat.spent()
  finish({})
  await fixture.rest()
  expect((await chat.spent()) - before).toBe(USAGE.inputTokens)
  await chat.say()
  expect([chat.answers, chat.opening]).toEqual([answered + 1, opened(1)])
  expect(chat.last.messages.map(({ role }) => role)).toEqual(['assistant', 'user', 'assistant', 'user'])
  expect(chat.last.messages[1]!.text).toBe(asked.messages.at(-1)!.text)
  const first = chat.last
  await chat.say()
  expect(chat.last.messages.slice(0, 4)).toEqual(first.messages)
  expect(chat.epochs).toEqual(['new', 'compaction'])
  await (await chat.fill()).finish({})
  await chat.say()
  expect([chat.opening, chat.epochs.at(-1)]).toEqual([opened(2), 'compaction'])
})

test('messages do not wait for it: their turns begin as before, and stay behind the block', async () => {
  const chat = await Chat.start({ clock: new FakeClock() })
  await using fixture = chat.fixture
  // Room for three more.
  fixture.model.context = 2 * CONTEXT
  await chat.fill()
  const [{ finish, request } = await chat.fill()] = chat.compacting
  const answered = chat.answers
  await chat.say()
  expect([chat.answers, chat.last.messages[0]]).toEqual([answered + 1, request.messages[0]])
  let release = () => {}
  const { reply } = fixture.model
  fixture.model.reply = async (...asked) => {
    await new Promise<void>((resolve) => (release = resolve))
    return await reply(...asked)
  }
  await chat.say()
  finish({})
  await fixture.pass(4 * SECOND, SECOND)
  const running = await fixture.storage.conversations.usage('chat:a')
  release()
  fixture.model.reply = reply
  await fixture.rest()
  await fixture.pass(4 * SECOND, SECOND)
  expect((await chat.spent()) - running.total.inputTokens).toBe(USAGE.inputTokens + 10)
  await chat.say()
  // The turn that asked for it, two later ones, and the question.
  expect([chat.opening, chat.last.messages.length]).toEqual([opened(1), 1 + 3 * 2 + 1])
  expect(chat.compacting).toHaveLength(1)
})

test.each<[string, (chat: Chat) => Promise<unknown>, string]>([
  ['/new', (chat) => chat.say('/new'), 'after'],
  ['/undo of what it holds', async (chat) => (await chat.say('/undo'), chat.say('/undo')), '0 words'],
  ['another model', async (chat) => (await chat.say('/model claude-other'), chat.say('x')), '0 words'],
  [
    'the deletion of its person',
    (chat) => chat.fixture.storage.conversations.deletePerson('chat', 'person'),
    'after',
  ],
])('after %s it is thrown away', async (_, change, begins) => {
  const chat = await Chat.start()
  await using fixture = chat.fixture
  const { finish } = await chat.fill()
  await change(chat)
  finish({})
  await fixture.rest()
  await chat.say('after')
  expect(chat.opening.startsWith(begins)).toBe(true)
  expect(JSON.stringify(chat.last.messages)).not.toContain('Compacted')
})

test('the last exchange can be taken back and asked again behind it', async () => {
  const chat = await Chat.start()
  await using fixture = chat.fixture
  const { finish } = await chat.fill()
  const asked = chat.last.messages.at(-1)!.text
  finish({})
  await fixture.rest()
  await chat.say('/retry')
  expect([chat.opening, chat.last.messages.length, chat.last.messages[1]!.text]).toEqual([
    opened(1),
    2,
    asked,
  ])
  await chat.say('/undo')
  await chat.say('other')
  expect([chat.opening, chat.last.messages.length]).toEqual([opened(1), 2])
})

test.each<[string, (chat: Chat, world: { soul: string }) => Promise<unknown>, string]>([
  ['model', (chat) => chat.say('/model claude-other'), 'model'],
  ['system prompt', async (_, world) => (world.soul = 'You are B.'), 'system'],
])('another %s is sent its text as a summary', async (_, change, reason) => {
  const world = { soul: 'You are A.' }
  const chat = await Chat.start({ messaging: { system: async () => world.soul } })
  await using fixture = chat.fixture
  const { finish } = await chat.fill()
  finish({})
  await fixture.rest()
  await chat.say('one')
  await change(chat, world)
  await chat.say('two')
  expect(chat.opening).toBe('Summary of the earlier part of this conversation:\nCompacted 1.')
  expect(chat.last.messages[0]!.role).toBe('user')
  expect(chat.epochs).toEqual(['new', 'compaction', reason])
})

test.each(['compaction', 'not-accepted'] as const)(
  'a block that is refused as %s is dropped for its text, for good',
  async (reason) => {
    const chat = await Chat.start()
    await using fixture = chat.fixture
    const { finish } = await chat.fill()
    finish({})
    await fixture.rest()
    await chat.say('one')
    const { reply } = fixture.model
    fixture.model.reply = (request, listener) => {
      if (request.messages[0]!.role === 'assistant') throw new ModelRefusal(reason)
      return reply(request, listener)
    }
    const asked = fixture.model.requests.length
    const answered = chat.answers
    await chat.say('two')
    await chat.say('three')
    expect([fixture.model.requests.length - asked, chat.answers - answered]).toEqual([3, 2])
    expect(chat.opening).toContain('Compacted 1.')
    expect(chat.epochs).toEqual(['new', 'compaction', 'summary'])
  },
)

test('a message that is refused with and without it does not cost the block', async () => {
  const chat = await Chat.start()
  await using fixture = chat.fixture
  const { finish } = await chat.fill()
  finish({})
  await fixture.rest()
  const { reply } = fixture.model
  fixture.model.reply = () => {
    throw new ModelRefusal('not-accepted')
  }
  await chat.say('bad')
  fixture.model.reply = reply
  await chat.say('good')
  expect(chat.opening).toBe(opened(1))
})

test.each<[string, Partial<Compacted> | Error | null]>([
  ['fails', new TransientError('reset', null, 'provider')],
  ['is refused', new ModelRefusal('compaction')],
  ['makes nothing', { block: null, text: '' }],
  ['is not to be had', null],
])('where it %s the conversation is summarised by us, and continues', async (_, made) => {
  const clock = new FakeClock()
  const chat = await Chat.start({ clock })
  await using fixture = chat.fixture
  const { finish } = await chat.fill()
  finish(made)
  for (let turn = 0; turn < TURNS; turn++) await chat.say()
  expect(fixture.gate.current()).toEqual({ open: true })
  expect(chat.opening).toContain('Our own summary.')
  // It is not asked for again at once.
  expect(chat.compacting).toHaveLength(1)
})

test('a process that ends in between loses nothing but its cost, and a later turn begins again', async () => {
  const clock = new FakeClock()
  const chat = await Chat.start({ clock })
  await using first = chat.fixture
  await chat.fill()
  await first.crash()
  const again = new Chat(await MessageFixture.open({ clock, path: first.path }))
  await using second = again.fixture
  await second.messaging.start()
  await again.say('one')
  expect(again.compacting).toHaveLength(0)
  await second.pass(11 * MINUTE, MINUTE)
  await again.say('two')
  expect(again.compacting).toHaveLength(1)
  again.compacting[0]!.finish({})
  await second.rest()
  await again.say('three')
  expect(again.opening).toBe(opened(1))
})

test('a stop aborts it and counts what it has cost so far', async () => {
  const chat = await Chat.start()
  await using fixture = chat.fixture
  const { signal, spend } = await chat.fill()
  const before = await chat.spent()
  signal.addEventListener('abort', () => spend({ model: 'claude-test', usage: USAGE, modelMs: 1 }))
  await fixture.messaging.stop(1_000)
  expect(signal.aborted).toBe(true)
  expect((await chat.spent()) - before).toBe(USAGE.inputTokens)
})

test('one that never ends is ended, and what it has made while the conversation was never free is not used', async () => {
  const clock = new FakeClock()
  const chat = await Chat.start({ clock })
  await using fixture = chat.fixture
  const { signal } = await chat.fill()
  await fixture.pass(6 * MINUTE, MINUTE)
  expect(signal.aborted).toBe(true)
  await fixture.pass(5 * MINUTE, MINUTE)
  await chat.say()
  const { reply } = fixture.model
  fixture.model.reply = () => new Promise(() => {})
  await chat.say()
  const before = await chat.spent()
  chat.compacting[1]!.finish({})
  await fixture.pass(11 * MINUTE, 10 * SECOND)
  expect((await chat.spent()) - before).toBe(USAGE.inputTokens)
  fixture.model.reply = reply
})

test('a model of which nothing is known compacts nothing', async () => {
  const info = modelInfo('claude-test', { contextTokens: CONTEXT })
  const settings = new ModelSettings({
    config: { default: 'claude-test', maxTokens: 4_096, contextLength: 'auto', effort: 'auto' },
    overrides: {},
    models: { current: () => ({ source: 'provider', fetchedAt: 0, models: [info] }), find: () => info },
    warn() {},
  })
  const chat = await Chat.start({ messaging: { settings } })
  await using fixture = chat.fixture
  for (let turn = 0; turn < TURNS; turn++) await chat.say()
  expect([chat.compacting.length, chat.opening]).toEqual([
    0,
    expect.stringContaining('Our own summary.') as string,
  ])
  expect(fixture.gate.current()).toEqual({ open: true })
})
