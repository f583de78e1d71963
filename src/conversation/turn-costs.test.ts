import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture, lastText, type FakeModel } from '../../test/support/message-fixture.ts'
import { plainAnswer } from '../../test/support/provider/plain-answer.ts'
import type { Tool } from '../agent/tool.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { Spent, TurnCost } from '../inbox/lease.ts'
import { SECOND } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import type { AnswerListener, ModelRequest } from './model.ts'

const LOST: TurnCost = {
  model: 'claude-sonnet-5-5',
  usage: { inputTokens: 70, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 },
  modelMs: 5,
}
const FILLER = 'words '.repeat(600)

const look: Tool = {
  definition: { name: 'look', description: 'looks', inputSchema: '{"type":"object"}' },
  class: 'read',
  title: 'look',
  run: async () => ({ content: '"seen"', isError: false }),
}

/** Writes down what is stored of costs, as `kind` or `kind tool`, by the outcome or `step`. */
function booking(booked: string[]): (inbox: Inbox) => Inbox {
  const words = (name: string, spent: readonly Spent[] = []) =>
    `${name}: ${spent.map(({ kind, tool }) => (tool ? `${kind} ${tool}` : kind)).join(', ')}`
  return (inbox) => ({
    ...inbox,
    finish: (lease, outcome, now) => {
      booked.push(words(outcome.kind, outcome.spent))
      return inbox.finish(lease, outcome, now)
    },
    saveStep: (lease, step, now) => {
      booked.push(words('step', step.spent))
      return inbox.saveStep(lease, step, now)
    },
  })
}

const isSummary = ({ system }: ModelRequest) => system?.startsWith('You keep the memory') ?? false

/** A conversation in which the next turn needs a summary. */
async function fill(fixture: MessageFixture): Promise<void> {
  fixture.model.context = 9_000
  fixture.model.reply = () => `re ${FILLER}`
  for (let index = 0; index < 2; index++) {
    await fixture.say('a', `${index} ${FILLER}`)
    await fixture.rest()
  }
}

const untilAborted = ({ signal, onLost }: AnswerListener): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      onLost?.(LOST)
      reject(signal.reason as Error)
    })
  })

test('a plain turn is one entry, with the price of its model', async () => {
  const outcomes: Array<readonly Spent[] | undefined> = []
  const wrapInbox = (inbox: Inbox): Inbox => ({
    ...inbox,
    finish: (lease, outcome, now) => {
      outcomes.push(outcome.spent)
      return inbox.finish(lease, outcome, now)
    },
  })
  await using fixture = await MessageFixture.start({ wrapInbox })
  fixture.model.reply = () => plainAnswer('hi', 'claude-sonnet-5-5', { isSubscription: true })
  await fixture.say('a', 'hello')
  await fixture.rest()
  // 10 tokens of input, 5 of output.
  expect(outcomes).toMatchObject([[{ kind: 'answer', requests: 1, cost: 70_000, isSubscription: true }]])
})

test('a summary that was made for a turn is booked where the turn is interrupted, and so is what that cut off', async () => {
  const booked: string[] = []
  await using fixture = await MessageFixture.start({ wrapInbox: booking(booked) })
  await fill(fixture)
  booked.length = 0
  let hangs = true
  fixture.model.reply = (request, listener) => {
    if (isSummary(request)) return 'They talked about words.'
    return hangs && lastText(request).startsWith('third') ? untilAborted(listener) : 'fine'
  }
  await fixture.say('a', `third ${FILLER}`)
  await fixture.rest()
  hangs = false
  await fixture.say('a', 'and one more')
  await fixture.rest()
  expect(booked).toEqual(['returned: summary, lost', 'answered: summary, answer'])
})

test('a summary that is stopped while it is made is booked as lost', async () => {
  const booked: string[] = []
  await using fixture = await MessageFixture.start({ wrapInbox: booking(booked) })
  await fill(fixture)
  booked.length = 0
  fixture.model.reply = (request, listener) => (isSummary(request) ? untilAborted(listener) : 'fine')
  await fixture.say('a', `third ${FILLER}`)
  await fixture.rest()
  await fixture.say('a', '/stop')
  await fixture.rest()
  expect(booked).toEqual(['stopped: lost'])
})

test('a summary of no use is paid all the same', async () => {
  const booked: string[] = []
  await using fixture = await MessageFixture.start({ wrapInbox: booking(booked) })
  await fill(fixture)
  booked.length = 0
  fixture.model.reply = (request) => (isSummary(request) ? ' ' : 'fine')
  await fixture.say('a', `third ${FILLER}`)
  await fixture.rest()
  expect(booked).toEqual(['answered: discarded, answer'])
})

test.each<{ name: string; reply: FakeModel['reply']; booked: readonly string[] }>([
  {
    name: 'refused',
    reply: () => plainAnswer('', 'm', { stopReason: 'refusal' }),
    booked: ['refused: discarded'],
  },
  {
    name: 'empty',
    reply: () => ' ',
    booked: ['refused: discarded'],
  },
  {
    name: 'cut off by the connection',
    reply: (_, { onLost }) => {
      onLost?.(LOST)
      onLost?.(LOST)
      throw new TransientError('reset', null, 'network')
    },
    booked: ['held: lost, lost'],
  },
  {
    name: 'a failure of ours after something was paid',
    reply: (_, { onLost }) => {
      onLost?.(LOST)
      throw new TypeError('a fault of ours')
    },
    booked: ['failed: lost'],
  },
])('an answer that is $name is booked', async ({ reply, booked: expected }) => {
  const booked: string[] = []
  await using fixture = await MessageFixture.start({
    clock: new FakeClock(),
    wrapInbox: booking(booked),
  })
  fixture.model.reply = reply
  await fixture.say('a', 'hello')
  await fixture.pass(SECOND, SECOND)
  expect(booked.slice(0, 1)).toEqual(expected)
})

test('the parts of a turn with tools are booked with their steps, each for the tool whose result it was sent', async () => {
  const booked: string[] = []
  await using fixture = await MessageFixture.start({
    messaging: { tools: [look] },
    wrapInbox: booking(booked),
  })
  const call = { id: 'c1', name: 'look', input: '{}' }
  const block = '{"type":"tool_use","id":"c1","name":"look","input":{}}'
  fixture.model.reply = (request) =>
    request.messages.at(-1)!.blocks === undefined
      ? plainAnswer('', 'm', { content: `[${block}]`, calls: [call], stopReason: 'tool_use' })
      : 'seen it'
  await fixture.say('a', 'look')
  await fixture.rest()
  expect(booked).toEqual(['step: step', 'answered: answer look'])
  const { turns, total } = await fixture.storage.conversations.usage('chat:a')
  expect([turns, total.inputTokens]).toEqual([1, 20])
})

test('what a chat has cost is said there, and nothing of the others', async () => {
  await using fixture = await MessageFixture.start({ clock: new FakeClock() })
  fixture.model.reply = () => plainAnswer('hi', 'claude-sonnet-5-5', { usage: USAGE })
  await fixture.say('a', 'hello')
  await fixture.say('b', 'hello')
  await fixture.rest()
  await fixture.say('a', '/usage')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a').at(-1)).toBe(
    'This chat today: $2.00. This month: $2.00. So far: $2.00, 1000000 input tokens, of these 0 % from the cache, and 0 output tokens. Answers: 1.',
  )
})

const USAGE = { inputTokens: 1_000_000, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
