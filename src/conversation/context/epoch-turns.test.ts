import { pino } from 'pino'
import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MessageFixture, until } from '../../../test/support/message-fixture.ts'
import { call, callingAnswer } from '../../../test/support/provider/calling-answer.ts'
import { plainAnswer } from '../../../test/support/provider/plain-answer.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { TestTool } from '../../../test/support/steps/test-tool.ts'
import type { Tool } from '../../agent/tool.ts'
import type { MessageFact } from '../../inbox/figures/observer.ts'
import type { Lease, TurnOutcome } from '../../inbox/lease.ts'
import type { StoredMessage } from '../../inbox/message.ts'
import { MINUTE } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import type { TurnSettings } from '../model-settings.ts'
import type { Model } from '../model.ts'
import { ContextBuilder, type BuildOptions, type TurnContext } from './context.ts'

const SETTINGS: TurnSettings = {
  model: 'one',
  maxTokens: 1_000,
  contextTokens: 200_000,
  effort: null,
  thinking: null,
}
const LOOK = { name: 'look', description: 'Looks.', inputSchema: '{"type":"object"}' }
const THINKING = '{"type":"thinking","thinking":"","signature":"sig","10":1,"9":1.50}'
const CALL = '{"type":"tool_use","id":"1","name":"look","input":{}}'
const RESULT = '{"type":"tool_result","tool_use_id":"1","content":"found"}'

/** Turns of a question and an answer after a call. */
function called(count: number, text = 'short'): StoredMessage[] {
  return Array.from({ length: count }, (_, turn) => {
    const said = JSON.stringify({ type: 'text', text })
    const blocks = [
      `{"role":"assistant","content":[${THINKING},${CALL}]}`,
      `{"role":"user","content":[${RESULT}]}`,
      `{"role":"assistant","content":[${THINKING},${said}]}`,
    ]
    const common = { attachments: [], text, at: 0 }
    return [
      { ...common, seq: 2 * turn + 1, role: 'user', blocks: null },
      { ...common, seq: 2 * turn + 2, role: 'assistant', blocks: `[${blocks.join(',')}]` },
    ]
  }).flat() as unknown as StoredMessage[]
}

class Builder {
  summaries = 0
  readonly #builder = new ContextBuilder({
    model: { answer: async () => plainAnswer(`Summary ${++this.summaries}.`, 'one') },
    inbox: { attachment: async () => null },
    clock: new FakeClock(),
    log: pino({ level: 'silent' }),
    cache: 'auto',
    observer: new Emitter<MessageFact>(rethrow),
  })

  build(
    history: readonly StoredMessage[],
    record: string | null,
    settings: Partial<TurnSettings> = {},
    options: BuildOptions = { tools: [LOOK] },
  ): Promise<TurnContext> {
    const question = {
      seq: history.length + 1,
      role: 'user',
      text: 'now',
      attachments: [],
      at: 0,
      blocks: null,
    }
    const lease = { history, messages: [question], summary: record } as unknown as Lease
    const { signal } = new AbortController()
    return this.#builder.build(lease, { ...SETTINGS, ...settings }, 'Be kind.', signal, options)
  }
}

const contents = ({ messages }: TurnContext) => messages.map(({ blocks, text }) => blocks ?? text)

test('answers are sent as they came within their epoch, later without thinking, without tools as text', async () => {
  const builder = new Builder()
  const { record } = await builder.build([], null)
  expect(contents(await builder.build(called(1), record))).toEqual([
    'short',
    `[${THINKING},${CALL}]`,
    `[${RESULT}]`,
    `[${THINKING},{"type":"text","text":"short"}]`,
    'now',
  ])
  const other = await builder.build(called(1), record, { model: 'two' })
  const said = '[{"type":"text","text":"short"}]'
  expect([other.began, contents(other)]).toEqual([
    'model',
    ['short', `[${CALL}]`, `[${RESULT}]`, said, 'now'],
  ])
  const both = await builder.build(called(2), other.record, { model: 'two' })
  expect([both.began, contents(both).slice(0, 4)]).toEqual([null, contents(other).slice(0, 4)])
  expect(contents(both).slice(5, 8)).toEqual(contents(await builder.build(called(1), record)).slice(1, 4))
  const bare = await builder.build(called(1), record, {}, {})
  expect([bare.began, contents(bare)]).toEqual(['tools', ['short', 'short', 'now']])
})

test('tools of the provider are a part of what is frozen', async () => {
  const builder = new Builder()
  const { record } = await builder.build([], null)
  const options = { tools: [LOOK], serverTools: ['{"type":"web_search"}'] }
  expect((await builder.build(called(1), record, {}, options)).began).toBe('tools')
})

test('a turn that continues in another process is sent as it was, with the summary that was made for it', async () => {
  const [first, second] = [new Builder(), new Builder()]
  const { record } = await first.build([], null)
  const history = called(8, 'words '.repeat(500))
  const asked = await first.build(history, record, { contextTokens: 12_000 })
  expect([asked.began, first.summaries, asked.cost]).toMatchObject(['trim', 1, { modelMs: 1 }])
  const again = await second.build(history, record, {}, { tools: [LOOK], record: asked.record })
  expect(second.summaries).toBe(0)
  expect(again).toEqual({ ...asked, cost: null, history: null })
  expect(asked.messages[0]!.before).toEqual([expect.stringContaining('Summary 1.')])
})

test('what was stored of an epoch is stored once', async () => {
  const builder = new Builder()
  const first = await builder.build([], null)
  expect(first.stored).toEqual({ summary: first.record })
  expect((await builder.build(called(1), first.record)).stored).toEqual({})
})

test('a turn that is stopped before its epoch has an answer leaves no thinking behind, a later one does', async () => {
  const outcomes: TurnOutcome[] = []
  const tool: Tool = {
    definition: LOOK,
    class: 'read',
    title: 'look',
    run: async () => ({ content: '"found"', isError: false }),
  }
  let isStopping = true
  const model: Model = {
    answer: async ({ messages }, { signal, onText }) => {
      const isFirst = messages.at(-1)!.blocks === undefined
      if (!isFirst && isStopping)
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      if (!isFirst || !isStopping) {
        onText('done')
        return plainAnswer('done', 'claude-test')
      }
      const calls = [{ id: '1', name: 'look', input: '{}' }]
      return plainAnswer('', 'claude-test', {
        content: `[${THINKING},${CALL}]`,
        isPlain: false,
        calls,
        stopReason: 'tool_use',
      })
    },
  }
  await using fixture = await MessageFixture.start({
    messaging: { model, tools: [tool] },
    wrapInbox: (inbox) => ({
      ...inbox,
      finish: (lease, outcome, now) => {
        outcomes.push(outcome)
        return inbox.finish(lease, outcome, now)
      },
    }),
  })
  const say = async (text: string) => {
    await fixture.say('a', text)
    await fixture.rest()
  }
  await say('one')
  await say('/stop')
  isStopping = false
  await say('two')
  isStopping = true
  await say('three')
  await say('/stop')
  const blocks = outcomes.map((outcome) => ('blocks' in outcome ? outcome.blocks! : ''))
  expect(outcomes.map(({ kind }) => kind)).toEqual(['stopped', 'answered', 'stopped'])
  expect([blocks[0]!.includes('thinking'), blocks[2]!.includes(THINKING)]).toEqual([false, true])
  expect(blocks[0]).toContain(CALL)
})

test('a parked turn with steps that is tried again takes up the summary that was made in the meantime', async () => {
  const clock = new FakeClock()
  const tools = [new TestTool('look', 'read')]
  await using fixture = await MessageFixture.start({ clock, messaging: { tools } })
  fixture.model.context = 16_000
  let isBroken = true
  fixture.model.reply = ({ system, messages }) => {
    if (system?.startsWith('You keep the memory')) return 'The summary.'
    const isFurther = messages.at(-1)!.blocks !== undefined
    if (isFurther && isBroken) throw new TypeError('it broke')
    return messages.at(-1)!.text === 'look' ? callingAnswer('', [call('1', 'look')]) : 'words '.repeat(300)
  }
  const say = async (text: string) => {
    await fixture.say('a', text)
    await fixture.pass(2 * MINUTE, MINUTE)
  }
  await say('look')
  for (let turn = 0; turn < 25; turn++) await say('words '.repeat(300))
  const opening = () => fixture.model.requests.at(-1)!.messages[0]!.before?.join()
  expect(opening()).toContain('The summary.')
  isBroken = false
  const [parked] = await fixture.storage.inbox.queue({ states: ['parked'], limit: 1 })
  await fixture.storage.inbox.retry(parked!.id, clock.now())
  fixture.messaging.dispatcher.wake('chat:a')
  await fixture.rest()
  expect(await fixture.storage.inbox.message(parked!.id)).toMatchObject({ state: 'answered' })
  expect(opening()).toContain('The summary.')
  await say('and now?')
  expect(opening()).toContain('The summary.')
})

test('a message right after a stop knows what the tools of the stopped turn have done', async () => {
  const tool = new TestTool('act', 'effect')
  await using fixture = await MessageFixture.start({ messaging: { tools: [tool] } })
  fixture.model.reply = ({ messages }) =>
    messages.at(-1)!.text === 'one' ? callingAnswer('', [call('1', 'act')]) : 'done'
  // It takes its time to end.
  tool.does = (signal) =>
    new Promise((resolve) =>
      signal.addEventListener('abort', () =>
        setTimeout(() => resolve({ content: '"acted"', isError: false }), 100),
      ),
    )
  await fixture.say('a', 'one')
  await until(() => tool.ran.length === 1)
  await fixture.say('a', '/stop')
  await fixture.say('a', 'two')
  await until(() => fixture.sendChannel.texts('a').includes('done'))
  await fixture.say('a', 'three')
  await fixture.rest()
  const [, second, third] = fixture.model.requests
  expect(contents({ messages: second!.messages } as TurnContext).join()).toContain('acted')
  expect(third!.messages.slice(0, second!.messages.length)).toEqual(second!.messages)
})
