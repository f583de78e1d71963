import { expect, test } from 'vitest'
import { startWithBudgets } from '../../test/support/budget-fixture.ts'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { UNMERGED, lastText } from '../../test/support/message-fixture.ts'
import { call, callingAnswer } from '../../test/support/provider/calling-answer.ts'
import { plainAnswer } from '../../test/support/provider/plain-answer.ts'
import { DEFAULT_LIMITS, TestTool } from '../../test/support/steps/test-tool.ts'
import type { Usage } from '../inbox/lease.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'

const SAVED = "I've reached today's budget. Your message is saved, and I'll answer it at 00:00 UTC."

/** Of a model whose million tokens cost 1 and 10 USD: 1 cent, of which 0.9 are output. */
const CENT: Usage = { inputTokens: 1_000, outputTokens: 900, cacheReadTokens: 0, cacheWriteTokens: 0 }
const NANO_PER_CENT = 10_000_000

const cents = (count: number, text = 'answer') =>
  plainAnswer(text, 'claude-test', {
    usage: { ...CENT, inputTokens: 1_000 * count, outputTokens: 900 * count },
  })

test('fifty turns at once at the edge of the day: never more than its budget, the others wait and are told once', async () => {
  const { fixture, spent, clock } = await startWithBudgets({ limits: { day: 0.2 } })
  await using _ = fixture
  let allowed = 0
  fixture.model.reply = async ({ maxTokens }) => {
    // All that was allowed, while all others ask.
    await new Promise((resolve) => setImmediate(resolve))
    allowed += maxTokens * 10_000
    return plainAnswer('long', 'claude-test', {
      usage: { ...CENT, inputTokens: 500, outputTokens: maxTokens },
    })
  }
  await Promise.all(Array.from({ length: 50 }, (_, chat) => fixture.say(`chat-${chat}`, 'hello')))
  await fixture.pass(10 * SECOND, SECOND)
  const limit = 0.2 * 1e9
  expect((await spent())['day']).toBeLessThanOrEqual(limit)
  expect((await spent())['day']).toBeGreaterThan(limit * 0.8)
  expect(allowed).toBeLessThanOrEqual(limit)
  const answered = fixture.model.requests.length
  const shown = Array.from({ length: 50 }, (_, chat) => fixture.sendChannel.texts(`chat-${chat}`))
  expect(shown.filter(([text]) => text?.startsWith('long'))).toHaveLength(answered)
  expect(shown.filter(([text]) => text === SAVED)).toHaveLength(50 - answered)
  expect(shown.every((texts) => texts.length === 1)).toBe(true)
  // Held from 22:00 to midnight: all others, and nobody is told again.
  fixture.model.reply = () => cents(0.1, 'next day')
  await fixture.pass(2 * HOUR, 10 * MINUTE)
  await fixture.pass(2 * MINUTE, 10 * SECOND)
  expect(clock.now()).toBeGreaterThan(Date.UTC(2026, 10, 30))
  const later = Array.from({ length: 50 }, (_, chat) => fixture.sendChannel.texts(`chat-${chat}`))
  expect(later.filter((texts) => texts.at(-1)!.endsWith('next day'))).toHaveLength(50 - answered)
  expect(later.every((texts) => texts.length <= 2)).toBe(true)
})

test('an answer has as many tokens as the budget buys, and the tools stay', async () => {
  const { fixture, spent } = await startWithBudgets({
    limits: { day: 0.1 },
    messaging: { tools: [new TestTool('look', 'read')] },
  })
  await using _ = fixture
  fixture.model.reply = () => cents(7)
  await fixture.say('a', 'one')
  await fixture.rest()
  await fixture.say('a', 'two')
  await fixture.rest()
  const [first, second] = fixture.model.requests
  expect(first!.maxTokens).toBe(4_096)
  expect(second!.maxTokens).toBeLessThan(3_000)
  expect(second!.maxTokens).toBeGreaterThan(2_000)
  expect(second!.tools).toEqual(first!.tools)
  expect((await spent())['day']).toBe(14 * NANO_PER_CENT)
})

test('a call that is cut because of the budget is not asked for with tokens that nobody can pay', async () => {
  const { fixture } = await startWithBudgets({
    limits: { day: 0.03 },
    messaging: { tools: [new TestTool('look', 'read')] },
  })
  await using _ = fixture
  fixture.model.maxTokens = 32_000
  fixture.model.reply = ({ messages }) =>
    messages.length > 1
      ? cents(0.1, 'done')
      : callingAnswer('', [call('c', 'look', '{"cu')], {
          stopReason: 'max_tokens',
          usage: { ...CENT, inputTokens: 10, outputTokens: 10 },
        })
  await fixture.say('a', 'look')
  await fixture.rest()
  expect(fixture.model.requests).toHaveLength(2)
  expect(fixture.model.requests[0]!.maxTokens).toBeLessThan(4_096)
  expect(fixture.sendChannel.texts('a')).toEqual(['done'])
})

test('a turn that finds no room in its middle continues with the same step when the budget opens', async () => {
  const look = new TestTool('look', 'read')
  const { fixture, spent } = await startWithBudgets({ limits: { day: 0.1 }, messaging: { tools: [look] } })
  await using _ = fixture
  let steps = 0
  fixture.model.reply = () =>
    ++steps === 1
      ? callingAnswer('One moment.', [call('c', 'look')], {
          usage: { ...CENT, inputTokens: 9_500, outputTokens: 9_000 },
        })
      : cents(1, 'All done.')
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([SAVED])
  expect(await spent()).toEqual({ day: 99_500_000 })
  await fixture.say('a', 'and more')
  await fixture.pass(2 * HOUR, 10 * MINUTE)
  await fixture.pass(MINUTE, 10 * SECOND)
  expect(look.ran).toEqual(['c'])
  expect(fixture.model.requests).toHaveLength(3)
  expect(fixture.model.requests[1]!.messages.at(-1)!.blocks).toContain('tool_result')
  expect(fixture.sendChannel.texts('a').at(1)).toContain('One moment.\n\nAll done.')
})

test('/budget shows what is spent, and +5 raises it for today, for operators in their private chat alone', async () => {
  const clock = new FakeClock(Date.UTC(2026, 10, 28, 12))
  const { fixture, watch } = await startWithBudgets({ clock, limits: { day: 0.1, month: 1 } })
  await using _ = fixture
  const order = (text: string, id = 'operator', kind: 'private' | 'group' = 'private') =>
    fixture.messaging.receiver.receive(
      'chat',
      [
        fixture.message(text, {
          address: 'office',
          person: { id, name: null },
          chat: { id: 'office', kind, addressed: true },
        }),
      ],
      [],
    )
  const told = () => fixture.sendChannel.texts('office').at(-1)
  fixture.model.reply = (request) => (lastText(request) === 'dear' ? cents(9.9) : cents(1, 'cheap'))
  await fixture.say('a', 'dear')
  await fixture.rest()
  await fixture.say('b', 'question')
  await fixture.pass(2 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('b')).toEqual([SAVED])
  expect(watch.reached()).toMatchObject({ kind: 'day', resetsAt: Date.UTC(2026, 10, 29) })
  await order('/budget')
  await fixture.rest()
  expect(told()).toBe("Spent:\nToday's budget: $0.10 of $0.10\nThis month's budget: $0.10 of $1.00")
  for (const [text, id, kind] of [
    ['/budget +5', 'somebody', 'private'],
    ['/budget +5', 'operator', 'group'],
  ] as const) {
    await order(text, id, kind)
    await fixture.rest()
    expect(told()).toBe('Only an operator can see or raise the budget, and only in a private chat.')
  }
  for (const text of ['/budget 5', '/budget +0', '/budget +1e9', '/budget -5', '/budget more']) {
    await order(text)
    await fixture.rest()
    expect(told()).toBe('Send /budget to see what is spent, or /budget +5 to add 5 USD for today.')
  }
  expect(fixture.sendChannel.texts('b')).toHaveLength(1)
  await order('/budget +5')
  await fixture.pass(2 * SECOND, SECOND)
  expect(fixture.sendChannel.texts('office').at(-1)).toContain("Today's budget: $0.10 of $5.10")
  expect(fixture.sendChannel.texts('b').at(-1)).toContain('cheap')
  expect(watch.reached()).toBeNull()
  // For today alone.
  await fixture.pass(13 * HOUR, HOUR)
  await order('/budget')
  await fixture.rest()
  expect(told()).toBe("Spent:\nToday's budget: $0.00 of $0.10\nThis month's budget: $0.11 of $1.00")
})

test('a month that is reached opens at its end, also for what was held before a restart', async () => {
  const clock = new FakeClock(Date.UTC(2026, 10, 29, 12))
  const first = await startWithBudgets({ clock, limits: { month: 0.1 } })
  await using _ = first.fixture
  first.fixture.model.reply = () => cents(9.9)
  await first.fixture.say('a', 'dear')
  await first.fixture.rest()
  await first.fixture.say('a', 'question')
  await first.fixture.pass(2 * SECOND, SECOND)
  expect(first.fixture.sendChannel.texts('a').at(-1)).toBe(
    "I've reached this month's budget. Your message is saved, and I'll answer it on Tuesday 00:00 UTC.",
  )
  await first.fixture.crash()
  const second = await startWithBudgets({
    clock,
    limits: { month: 0.1 },
    path: first.fixture.path,
    owner: 'process-2',
  })
  await using __ = second.fixture
  await second.fixture.pass(DAY, 6 * HOUR)
  expect(second.fixture.model.requests).toEqual([])
  expect(second.fixture.messaging.stalled).toBe(false)
  second.fixture.model.reply = () => cents(1, 'in December')
  await second.fixture.pass(13 * HOUR, HOUR)
  expect(second.fixture.sendChannel.texts('a').at(-1)).toContain('in December')
})

test('a person and a chat have budgets of their own, and others are answered', async () => {
  const { fixture } = await startWithBudgets({ limits: { personDay: 0.05 }, messaging: UNMERGED })
  await using _ = fixture
  const from = async (id: string, address: string) => {
    const chat = { id: address, kind: 'private', addressed: true } as const
    const event = fixture.message('hello', { address, person: { id, name: null }, chat })
    await fixture.messaging.receiver.receive('chat', [event], [])
    await fixture.rest()
  }
  fixture.model.reply = () => cents(4.9, 'hello yourself')
  await from('anna', 'a')
  await from('anna', 'b')
  await from('ben', 'c')
  expect(fixture.sendChannel.texts('b')).toEqual([SAVED])
  expect(fixture.sendChannel.texts('c')).toEqual(['hello yourself'])
  // What nobody attends is on nobody's account.
  await from('hook:ci', 'd')
  await from('hook:ci', 'd')
  expect(fixture.sendChannel.texts('d')).toEqual(['hello yourself', 'hello yourself'])
})

test('what comes by webhooks has a budget of its own, and people have none', async () => {
  const { fixture } = await startWithBudgets({ limits: { unattendedDay: 0.05 } })
  await using _ = fixture
  fixture.model.reply = () => cents(4.9)
  for (const id of ['hook:ci', 'hook:mail', 'anna', 'anna']) {
    await fixture.messaging.receiver.receive(
      'chat',
      [fixture.message('hi', { address: id, person: { id, name: null } })],
      [],
    )
    await fixture.rest()
  }
  expect(fixture.sendChannel.texts('hook:ci')).toEqual(['answer'])
  expect(fixture.sendChannel.texts('hook:mail')).toEqual([SAVED])
  expect(fixture.sendChannel.texts('anna')).toHaveLength(2)
})

test('without a price the dearest is counted, and without figures all that was reserved', async () => {
  const { fixture, watch, spent } = await startWithBudgets({
    limits: { day: 100 },
    prices: { dear: { input: 1_000, output: 5_000 } },
  })
  await using _ = fixture
  fixture.model.reply = () => cents(1)
  await fixture.say('a', 'unpriced')
  await fixture.rest()
  expect(watch.unpriced).toEqual(['claude-test'])
  const dearest = 1_000 * 1_000_000 + 900 * 5_000_000
  expect(await spent()).toEqual({ day: dearest })
  fixture.model.reply = () =>
    plainAnswer('odd', 'claude-test', {
      usage: { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 },
    })
  await fixture.say('a', 'without figures')
  await fixture.rest()
  const stands = (await spent())['day']! - dearest
  expect(stands).toBeGreaterThan(4_096 * 5_000_000)
})

test('a request that fails costs nothing, and one that was stopped what it had cost', async () => {
  const { fixture, spent, clock } = await startWithBudgets({ limits: { day: 10 } })
  await using _ = fixture
  let tries = 0
  fixture.model.reply = () => {
    if (++tries === 1) throw new TransientError('overloaded', 0, 'overloaded')
    return cents(1)
  }
  await fixture.say('a', 'hello')
  await fixture.pass(20 * SECOND, SECOND)
  expect([fixture.model.requests.length, await spent()]).toEqual([2, { day: NANO_PER_CENT }])
  fixture.model.reply = (_, { signal, onLost }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        onLost?.({ model: 'claude-test', usage: CENT, modelMs: 1 })
        reject(signal.reason as Error)
      })
    })
  await fixture.say('a', 'long')
  await fixture.rest()
  await fixture.say('a', '/stop')
  await fixture.pass(SECOND)
  expect(await spent()).toEqual({ day: 2 * NANO_PER_CENT })
  expect(await fixture.storage.budgets.use([], clock.now())).toEqual([])
})

test('an answer that breaks off is asked for again only where there is room for all of it once more', async () => {
  const { fixture, spent } = await startWithBudgets({ limits: { day: 0.1 } })
  await using _ = fixture
  fixture.model.reply = async ({ maxTokens }, { onLost, beforeRetry }) => {
    const usage = { ...CENT, inputTokens: 500, outputTokens: maxTokens }
    onLost?.({ model: 'claude-test', usage, modelMs: 1 })
    await beforeRetry?.()
    return plainAnswer('whole', 'claude-test', { usage })
  }
  await fixture.say('a', 'one')
  await fixture.pass(SECOND)
  // Twice four cents.
  expect(fixture.sendChannel.texts('a')).toEqual(['whole'])
  expect((await spent())['day']).toBe(2 * (500 * 1_000 + 4_096 * 10_000))
  await fixture.say('b', 'two')
  await fixture.pass(SECOND)
  expect(fixture.sendChannel.texts('b')).toEqual([SAVED])
  expect((await spent())['day']).toBeLessThanOrEqual(0.1 * 1e9)
})

test('where nothing is limited the budgets are not asked', async () => {
  const calls: string[] = []
  const { fixture } = await startWithBudgets({
    wrapStorage: (storage) => ({
      ...storage,
      budgets: new Proxy(storage.budgets, {
        get(target, name) {
          calls.push(String(name))
          return Reflect.get(target, name) as unknown
        },
      }),
    }),
    messaging: { tools: [new TestTool('look', 'read')] },
  })
  await using _ = fixture
  // As a process begins.
  calls.length = 0
  let steps = 0
  fixture.model.reply = () => (++steps === 1 ? callingAnswer('', [call('c', 'look')]) : cents(1))
  await fixture.say('a', 'hello')
  await fixture.rest()
  expect(fixture.model.requests).toHaveLength(2)
  expect(calls).toEqual([])
})

test('a turn that has cost what it may runs the calls that it has, and answers without further ones', async () => {
  const look = new TestTool('look', 'read')
  const { fixture } = await startWithBudgets({
    messaging: { tools: [look], limits: { ...DEFAULT_LIMITS, cost: 2 * NANO_PER_CENT } },
  })
  await using _ = fixture
  fixture.model.reply = ({ messages, toolChoice }) =>
    toolChoice === 'none'
      ? 'That is all.'
      : callingAnswer('', [call(`${messages.length}`, 'look')], { usage: CENT })
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(fixture.model.requests.map(({ toolChoice }) => toolChoice)).toEqual([undefined, undefined, 'none'])
  expect(fixture.model.requests.every(({ tools }) => tools?.length === 1)).toBe(true)
  expect(look.ran).toHaveLength(2)
  expect(fixture.sendChannel.texts('a')).toEqual(['That is all.'])
})

test('the summary of a long conversation is paid from the budget, and is not left out where it is reached', async () => {
  const { fixture, spent } = await startWithBudgets({ limits: { day: 0.1 } })
  await using _ = fixture
  const isSummary = (system: string | null) => system?.startsWith('You keep the memory') === true
  fixture.model.context = 12_000
  fixture.model.reply = ({ system }) =>
    isSummary(system) ? cents(2, 'They talked.') : cents(1, 'x'.repeat(9_000))
  for (const text of ['one', 'two', 'three']) {
    await fixture.say('a', text)
    await fixture.rest()
  }
  const summaries = fixture.model.requests.filter(({ system }) => isSummary(system)).length
  const answers = fixture.model.requests.length - summaries
  expect(summaries).toBeGreaterThan(0)
  expect(await spent()).toEqual({ day: (2 * summaries + answers) * NANO_PER_CENT })
})
