import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MessageFixture } from '../../test/support/message-fixture.ts'
import { call, callingAnswer } from '../../test/support/provider/calling-answer.ts'
import { DEFAULT_LIMITS, TestTool } from '../../test/support/steps/test-tool.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import type { ModelAnswer, ModelRequest } from './model.ts'

const look = () => new TestTool('look', 'read')
const act = () => new TestTool('act', 'effect')

/** The results that a request sends last. */
function resultsIn(request: ModelRequest | undefined): unknown[] {
  const blocks = JSON.parse(request!.messages.at(-1)!.blocks!) as Array<{ readonly content: unknown }>
  return blocks.map(({ content }) => content)
}

const never = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

/** The model says one, and with its results the other. */
const callsOnce = (answer: ModelAnswer) => (request: ModelRequest) =>
  request.messages.some(({ blocks }) => blocks) ? 'Done.' : answer

test('a turn at its limit of steps answers without further calls, and at its limit of time as well', async () => {
  const clock = new FakeClock()
  const tools = [look(), act()]
  const limits = { ...DEFAULT_LIMITS, steps: 2, timeMs: MINUTE, resultBytes: 100 }
  await using fixture = await MessageFixture.start({ clock, messaging: { tools, limits } })
  fixture.model.reply = ({ messages, toolChoice }) =>
    toolChoice === 'none' ? 'That is all.' : callingAnswer('', [call(`${messages.length}`, 'look')])
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(fixture.model.requests.map(({ toolChoice }) => toolChoice)).toEqual([undefined, undefined, 'none'])
  expect(fixture.model.requests.every((request) => request.tools?.length === 2)).toBe(true)
  for (const tool of tools) tool.does = never
  const calls = [call('b1', 'act'), call('b2', 'act'), call('b3', 'look')]
  fixture.model.reply = ({ toolChoice }) =>
    toolChoice === 'none' ? 'Out of time.' : callingAnswer('', calls)
  await fixture.say('b', 'do it')
  await fixture.rest()
  await fixture.pass(2 * MINUTE, 10 * SECOND)
  expect(fixture.sendChannel.texts('b')).toEqual(['Out of time.'])
  expect(resultsIn(fixture.model.requests.at(-1))).toEqual([
    'It took too long and was ended. Its outcome is unknown: check before repeating it.',
    'Not run, because the outcome of an earlier call is unknown.',
    'It took too long and was ended.',
  ])
})

test('a call too many of one tool within a minute is not run, and the model is told when it may be', async () => {
  const clock = new FakeClock()
  const tools = [look(), act()]
  const limits = { ...DEFAULT_LIMITS, callsPerMinute: 2 }
  await using fixture = await MessageFixture.start({ clock, messaging: { tools, limits } })
  const calls = [call('1', 'look'), call('2', 'act'), call('3', 'look'), call('4', 'look'), call('5', 'act')]
  fixture.model.reply = callsOnce(callingAnswer('', calls))
  await fixture.say('a', 'do it')
  await fixture.rest()
  expect(tools.map(({ ran }) => ran)).toEqual([
    ['1', '3'],
    ['2', '5'],
  ])
  const tooOften = 'Not run: this tool is called too often. It may be called again in 60 s.'
  expect(resultsIn(fixture.model.requests[1])).toEqual(['done', 'done', 'done', tooOften, 'done'])
  // Of all chats.
  fixture.model.reply = callsOnce(callingAnswer('', [call('6', 'look')]))
  await fixture.pass(20 * SECOND, 10 * SECOND)
  await fixture.say('b', 'do it')
  await fixture.rest()
  expect(tools[0]!.ran).toEqual(['1', '3'])
  expect(resultsIn(fixture.model.requests.at(-1))).toEqual([tooOften.replace('60', '40')])
  await fixture.pass(40 * SECOND, 10 * SECOND)
  await fixture.say('c', 'do it')
  await fixture.rest()
  expect(tools[0]!.ran).toEqual(['1', '3', '6'])
})
