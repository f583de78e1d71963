import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import {
  MemoryChannel,
  MessageFixture,
  until,
  type MessageFixtureOptions,
} from '../../test/support/message-fixture.ts'
import { call, callingAnswer } from '../../test/support/provider/calling-answer.ts'
import { historyProblems } from '../../test/support/steps/history-problems.ts'
import { TestTool } from '../../test/support/steps/test-tool.ts'
import type { ToolResult } from '../agent/tool.ts'
import type { Inbox } from '../inbox/inbox.ts'
import type { TurnOutcome } from '../inbox/lease.ts'
import { HOUR, MINUTE, SECOND } from '../support/clock.ts'
import { StoreError, TransientError } from '../support/errors.ts'
import { ModelRefusal, type ModelAnswer, type ModelRequest } from './model.ts'

const look = () => new TestTool('look', 'read', 'Searching the web')
const act = () => new TestTool('act', 'effect')

/** Keeps what turns ended with. */
function noting(outcomes: TurnOutcome[], more: (inbox: Inbox) => Partial<Inbox> = () => ({})) {
  return (inbox: Inbox): Inbox => ({
    ...inbox,
    ...more(inbox),
    finish: (lease, outcome, now) => {
      outcomes.push(outcome)
      return inbox.finish(lease, outcome, now)
    },
  })
}

/** The model says these one after the other; each again where it is asked for again. */
function script(...answers: ReadonlyArray<ModelAnswer | string>) {
  return ({ messages }: ModelRequest) =>
    answers[messages.filter(({ blocks, role }) => blocks && role === 'assistant').length]!
}

function blocksOf(outcome: TurnOutcome | undefined): string {
  const blocks = outcome && 'blocks' in outcome ? outcome.blocks : null
  expect(historyProblems(blocks!, 'assistant')).toEqual([])
  return blocks!
}

/** The results that a request sends last. */
function resultsIn(request: ModelRequest | undefined): unknown[] {
  const blocks = JSON.parse(request!.messages.at(-1)!.blocks!) as Array<{ readonly content: unknown }>
  return blocks.map(({ content }) => content)
}

const afterAbort = (signal: AbortSignal, ms: number, result: ToolResult) =>
  new Promise<ToolResult>((resolve) =>
    signal.addEventListener('abort', () => setTimeout(resolve, ms, result)),
  )

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

test('an answer with tools is one message, and its history is what was said, byte by byte', async () => {
  const outcomes: TurnOutcome[] = []
  const tools = [look(), act()]
  await using fixture = await MessageFixture.start({ messaging: { tools }, wrapInbox: noting(outcomes) })
  const first = callingAnswer('I look it up.', [
    call('1', 'act', '{"b":1,"10":2}'),
    call('2', 'look'),
    call('3', 'look'),
  ])
  fixture.model.reply = script(first, 'Here it is.')
  await fixture.say('a', 'find it')
  await fixture.rest()
  expect(tools.map(({ ran }) => ran)).toEqual([['2', '3'], ['1']])
  expect(fixture.sendChannel.texts('a')).toEqual(['I look it up.\n\nHere it is.'])
  expect(fixture.model.requests).toHaveLength(2)
  const [asked, again] = fixture.model.requests
  expect(asked!.tools).toEqual(tools.map(({ definition }) => definition))
  expect(again!.messages.slice(0, -2)).toEqual(asked!.messages)
  expect(again!.messages.at(-2)!.blocks).toBe(first.content)
  const result = (id: string) => `{"type":"tool_result","tool_use_id":"${id}","content":"done"}`
  const results = `[${['1', '2', '3'].map(result).join(',')}]`
  expect(again!.messages.at(-1)).toEqual({ role: 'user', text: '', attachments: [], blocks: results })
  expect(outcomes).toMatchObject([
    { kind: 'answered', usage: { inputTokens: 20, outputTokens: 10 }, modelMs: 2 },
  ])
  expect(blocksOf(outcomes[0])).toBe(
    `[{"role":"assistant","content":${first.content}},{"role":"user","content":${results}},` +
      `{"role":"assistant","content":[{"type":"text","text":"Here it is."}]}]`,
  )
})

test('an answer without a call stores no step and no blocks', async () => {
  const outcomes: TurnOutcome[] = []
  let steps = 0
  const counting = (inbox: Inbox): Partial<Inbox> => ({
    saveStep: (...step) => {
      steps++
      return inbox.saveStep(...step)
    },
  })
  const options = { messaging: { tools: [look()] }, wrapInbox: noting(outcomes, counting) }
  await using fixture = await MessageFixture.start(options)
  await fixture.say('a', 'hello')
  await fixture.rest()
  expect(steps).toBe(0)
  expect(outcomes).toMatchObject([{ kind: 'answered', text: 'answer to hello' }])
  expect(outcomes[0]).not.toHaveProperty('blocks')
})

test('of a crash while tools ran, reads run again and effects do not', async () => {
  const tools = [look(), act()]
  const [reading, acting] = tools as [TestTool, TestTool]
  for (const tool of tools) tool.does = () => new Promise(() => {})
  const options: MessageFixtureOptions = {
    messaging: { tools, system: async () => 'as it was' },
    sendChannels: [new MemoryChannel()],
  }
  await using first = await MessageFixture.start(options)
  const calls = [call('1', 'look'), call('2', 'act'), call('3', 'act')]
  first.model.reply = script(callingAnswer('One moment.', calls))
  await first.say('a', 'do it')
  await until(() => acting.ran.length === 1)
  await first.crash()
  for (const tool of tools) tool.does = async () => ({ content: '"found"', isError: false })
  await using second = await MessageFixture.open({
    ...options,
    path: first.path,
    messaging: { tools, system: async () => 'changed since' },
  })
  second.model.reply = script('never asked', 'All done.')
  await second.messaging.start()
  await second.rest()
  expect(reading.ran).toEqual(['1', '1'])
  expect(acting.ran).toEqual(['2'])
  const [request] = second.model.requests
  expect(resultsIn(request)).toEqual([
    'found',
    'The gateway stopped while this ran. Its outcome is unknown: check before repeating it.',
    'Not run, because the outcome of an earlier call is unknown.',
  ])
  expect(request!.system).toBe('as it was')
  expect(second.model.requests).toHaveLength(1)
  expect(second.sendChannel.texts('a')).toEqual(['One moment.\n\nAll done.'])
})

test('an outage between two steps holds the turn, which continues with the same step', async () => {
  const clock = new FakeClock()
  const tools = [act()]
  let prompt = 'as it was'
  const messaging = { tools, system: async () => prompt }
  await using fixture = await MessageFixture.start({ clock, messaging })
  let isAway = true
  const answers = script(callingAnswer('', [call('1', 'act')]), 'Done.')
  fixture.model.reply = (request) => {
    if (request.messages.length > 1 && isAway) throw new TransientError('away', null, 'overloaded')
    return answers(request)
  }
  await fixture.say('a', 'do it')
  await fixture.pass(2 * MINUTE, 10 * SECOND)
  expect(fixture.sendChannel.texts('a').join()).not.toContain('Done.')
  isAway = false
  prompt = 'changed since'
  await fixture.pass(HOUR, MINUTE)
  expect(fixture.sendChannel.texts('a').at(-1)).toContain('Done.')
  expect(tools[0]!.ran).toEqual(['1'])
  const [first, ...others] = fixture.model.requests
  expect(others.length).toBeGreaterThan(1)
  for (const other of others) {
    expect(other.messages).toHaveLength(3)
    expect({ ...other, messages: other.messages.slice(0, 1) }).toEqual(first)
  }
})

test('a stop ends the running tools within a second, and the history has a result for every call', async () => {
  const outcomes: TurnOutcome[] = []
  const tools = [look(), act()]
  const [reading, acting] = tools as [TestTool, TestTool]
  // They end as they are told to, one after the other, and have found something by then.
  reading.does = (signal, id) =>
    afterAbort(signal, id === '1' ? 5 : 100, { content: `"found ${id}"`, isError: false })
  // It does not even listen.
  acting.does = () => new Promise(() => {})
  // Nothing is edited any more before the stop.
  const sendChannel = new MemoryChannel('chat', MINUTE)
  const options = { messaging: { tools }, sendChannels: [sendChannel], wrapInbox: noting(outcomes) }
  await using fixture = await MessageFixture.start(options)
  const calls = [call('1', 'look'), call('2', 'act'), call('3', 'act'), call('4', 'look')]
  fixture.model.reply = script(callingAnswer('One moment.', calls), 'never asked')
  await fixture.say('a', 'do it')
  // The draft is shown a second after the beginning.
  await until(() => sendChannel.texts('a').some((text) => text === 'One moment.\n\nSearching the web, act…'))
  const began = performance.now()
  await fixture.say('a', '/stop')
  await until(() => outcomes.length === 1)
  expect(performance.now() - began).toBeLessThan(1_000)
  await fixture.rest()
  expect(outcomes).toMatchObject([{ kind: 'stopped', text: 'One moment.' }])
  const blocks = JSON.parse(blocksOf(outcomes[0])) as Array<{ content: Array<{ content: unknown }> }>
  expect(blocks[1]!.content.map(({ content }) => content)).toEqual([
    'found 1',
    'Stopped; outcome unknown',
    'Stopped; outcome unknown',
    'found 4',
  ])
  expect(acting.ran).toEqual(['2'])
  expect(sendChannel.texts('a')).toEqual(['One moment.', 'Stopped.'])
  fixture.model.reply = () => 'again'
  await fixture.say('a', 'and now?')
  await fixture.rest()
  expect(sendChannel.texts('a').at(-1)).toBe('again')
})

test('a stop while the model writes its second response keeps what was shown of it', async () => {
  const outcomes: TurnOutcome[] = []
  await using fixture = await MessageFixture.start({
    messaging: { tools: [look()] },
    wrapInbox: noting(outcomes),
  })
  let isWriting = false
  fixture.model.reply = async ({ messages }, { onText, signal }) => {
    if (messages.length === 1) return callingAnswer('First.', [call('1', 'look')])
    onText('Seco')
    isWriting = true
    return await never(signal)
  }
  await fixture.say('a', 'do it')
  await until(() => isWriting)
  await fixture.say('a', '/stop')
  await fixture.rest()
  expect(outcomes).toMatchObject([{ kind: 'stopped', text: 'First.\n\nSeco' }])
  expect(blocksOf(outcomes[0])).toMatch(/{"role":"assistant","content":\[{"type":"text","text":"Seco"}\]}\]$/)
})

test('after a shutdown has begun no call begins, and the next process continues', async () => {
  const tools = [look(), act()]
  const [reading, acting] = tools as [TestTool, TestTool]
  let finish = () => {}
  acting.does = () =>
    new Promise((resolve) => (finish = () => resolve({ content: '"acted"', isError: false })))
  const options: MessageFixtureOptions = { messaging: { tools } }
  await using first = await MessageFixture.start(options)
  const calls = [call('1', 'act'), call('2', 'act'), call('3', 'look')]
  first.model.reply = script(callingAnswer('', calls), 'never asked')
  reading.does = never
  await first.say('a', 'do it')
  await until(() => acting.ran.length === 1 && reading.ran.length === 1)
  const stopped = first.messaging.stop(2_000)
  finish()
  await stopped
  expect(first.model.requests).toHaveLength(1)
  reading.does = async () => ({ content: '"found"', isError: false })
  await using second = await MessageFixture.start({ ...options, path: first.path })
  second.model.reply = script('never asked', 'Done.')
  await second.rest()
  expect(acting.ran).toEqual(['1'])
  expect(reading.ran).toEqual(['3', '3'])
  expect(resultsIn(second.model.requests[0])).toEqual([
    'acted',
    'Not run: the gateway stopped first. Call it again if it is still wanted.',
    'found',
  ])
  expect(second.sendChannel.texts('a')).toEqual(['Done.'])
})

test('a store that fails gets the response and the result again, and nothing is asked or done twice', async () => {
  let failures = 2
  // The response twice, and then the result once.
  const failing = <T>(store: () => Promise<T>) => {
    if (failures-- > 0) throw new StoreError('away')
    return store()
  }
  const tools = [act()]
  const wrapInbox = (inbox: Inbox): Inbox => ({
    ...inbox,
    saveStep: async (...step) => failing(() => inbox.saveStep(...step)),
    saveResult: async (...result) => {
      if (failures === -1) failures = 1
      return failing(() => inbox.saveResult(...result))
    },
  })
  await using fixture = await MessageFixture.start({ messaging: { tools }, wrapInbox })
  fixture.model.reply = script(callingAnswer('', [call('1', 'act')]), 'Done.')
  await fixture.say('a', 'do it')
  await until(() => fixture.sendChannel.texts('a').length > 0)
  expect(tools[0]!.ran).toEqual(['1'])
  expect(fixture.model.requests).toHaveLength(2)
})

test('calls that cannot run have an error as result: no such tool, no JSON, a tool that throws', async () => {
  const tools = [look()]
  tools[0]!.does = async () => {
    throw new TypeError('it broke')
  }
  await using fixture = await MessageFixture.start({ messaging: { tools } })
  const calls = [
    call('1', 'constructor'),
    call('2', 'look', '{"half'),
    call('3', 'look', '[]'),
    call('4', 'look'),
  ]
  fixture.model.reply = script(callingAnswer('', calls), 'Sorry.')
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(tools[0]!.ran).toEqual(['4'])
  expect(resultsIn(fixture.model.requests[1])).toEqual([
    'Not run: there is no tool of this name.',
    'Not run: the input is no complete JSON object.',
    'Not run: the input is no complete JSON object.',
    'It failed: it broke',
  ])
  expect(fixture.model.requests[1]!.messages.at(-1)!.blocks!.match(/"is_error":true/g)).toHaveLength(4)
})

test('an answer in which a call was cut is asked for again with more tokens, and both are paid for', async () => {
  const outcomes: TurnOutcome[] = []
  await using fixture = await MessageFixture.start({
    messaging: { tools: [look()] },
    wrapInbox: noting(outcomes),
  })
  fixture.model.maxTokens = 10_000
  fixture.model.reply = ({ maxTokens, messages }) => {
    if (messages.length > 1) return 'Done.'
    const isCut = maxTokens < 10_000
    return callingAnswer(
      '',
      [call('1', 'look', isCut ? '{"ha' : '{}')],
      isCut ? { stopReason: 'max_tokens' } : {},
    )
  }
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(fixture.model.requests.map(({ maxTokens }) => maxTokens)).toEqual([4_096, 8_192, 10_000, 4_096])
  expect(outcomes).toMatchObject([{ kind: 'answered', text: 'Done.', usage: { inputTokens: 40 } }])
})

test('messages that were answered together stay together once a step of their turn is stored', async () => {
  const clock = new FakeClock()
  const tools = [act()]
  await using fixture = await MessageFixture.start({ clock, messaging: { tools } })
  fixture.gate.usageLimited(clock.now() + HOUR)
  await fixture.say('a', 'one', 'two')
  fixture.model.reply = ({ messages }) => {
    if (messages.length > 1) throw new ModelRefusal('not-accepted')
    return callingAnswer('', [call('1', 'act')])
  }
  await fixture.pass(HOUR + MINUTE, 10 * MINUTE)
  expect(tools[0]!.ran).toEqual(['1'])
  expect(fixture.model.requests).toHaveLength(2)
  expect(fixture.sendChannel.texts('a').at(-1)).toBe("I can't answer this message. Please try rephrasing it.")
})

test('where there is no room for a result, the answer is what was said before it', async () => {
  const outcomes: TurnOutcome[] = []
  await using fixture = await MessageFixture.start({
    messaging: { tools: [look()] },
    wrapInbox: noting(outcomes),
  })
  fixture.model.reply = ({ messages }) => {
    if (messages.length > 1) throw new ModelRefusal('too-large')
    return callingAnswer('So far.', [call('1', 'look')])
  }
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(fixture.sendChannel.texts('a')).toEqual([
    'So far.\n\n(This answer reached its length limit. Send "continue" for the rest.)',
  ])
  expect(blocksOf(outcomes[0])).toContain('"tool_use_id":"1"')
})
