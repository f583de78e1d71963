import { describe, expect, test } from 'vitest'
import type { Step, StoredCall } from '../inbox/step.ts'
import { errorResult, unknownResult } from './call-result.ts'
import { decideStep, judgeAnswer, STOPPED_WHILE_RUNNING, type StepState } from './decide-step.ts'

type Kind = StoredCall['class']

function callOf(id: string, kind: Kind, more: Partial<StoredCall> = {}): StoredCall {
  return { id, tool: kind, class: kind, input: '{}', result: null, ...more }
}

const done = { result: '{"content":"done"}' }
const unknown = { result: unknownResult('Nobody knows.') }

function stateOf(calls: readonly StoredCall[], more: Partial<StepState> = {}): StepState {
  const step: Step = { index: 0, response: '{}', maxTokens: 1, calls }
  return {
    steps: [step],
    left: new Set(),
    running: new Set(),
    tools: new Set(['read', 'idempotent', 'effect']),
    maxSteps: 40,
    isLate: false,
    isSpent: false,
    isDraining: false,
    ...more,
  }
}

const AFTER_UNKNOWN = 'Not run, because the outcome of an earlier call is unknown.'
const STOPPED_FIRST = 'Not run: the gateway stopped first. Call it again if it is still wanted.'

/** What runs, or what is closed with which sentence. */
function moved(state: StepState): unknown {
  const move = decideStep(state)
  if (move.kind === 'run') return move.calls.map(({ id }) => id)
  if (move.kind !== 'close') return move.kind
  return Object.fromEntries(
    [...move.results].map(([id, result]) => [id, (JSON.parse(result) as { content: string }).content]),
  )
}

describe('of the calls of a step', () => {
  const mixed = [callOf('a', 'effect'), callOf('b', 'read'), callOf('c', 'idempotent'), callOf('d', 'read')]

  test.each<readonly [string, StepState, unknown]>([
    ['reads run side by side, and of the changes the first', stateOf(mixed), ['a', 'b', 'd']],
    ['a change waits for the one before it', stateOf(mixed, { running: new Set(['a', 'd']) }), ['b']],
    [
      'the next change follows the result of the one before it',
      stateOf([callOf('a', 'effect', done), callOf('c', 'idempotent'), callOf('e', 'effect')]),
      ['c'],
    ],
    [
      'what runs is waited for',
      stateOf([callOf('a', 'effect'), callOf('e', 'effect')], { running: new Set(['a']) }),
      'wait',
    ],
    ['the model is asked when all have results', stateOf([callOf('a', 'effect', done)]), 'ask'],
    [
      'after an unknown outcome no later effect runs',
      stateOf([callOf('a', 'effect', unknown), callOf('b', 'effect'), callOf('c', 'idempotent')]),
      { b: AFTER_UNKNOWN },
    ],
    [
      'after an unknown outcome what may be repeated runs',
      stateOf([callOf('a', 'effect', unknown), callOf('c', 'idempotent'), callOf('d', 'read')]),
      ['c', 'd'],
    ],
    [
      'an effect before the unknown one is not concerned',
      stateOf([callOf('a', 'effect'), callOf('b', 'effect', unknown)]),
      ['a'],
    ],
  ])('%s', (_, state, expected) => {
    expect(moved(state)).toEqual(expected)
  })
})

describe('of the calls that a process left without a result', () => {
  const left = (...calls: StoredCall[]) => stateOf(calls, { left: new Set(calls.map(({ id }) => id)) })

  test.each<readonly [string, StepState, unknown]>([
    ['reads and idempotent ones run again', left(callOf('a', 'read'), callOf('b', 'idempotent')), ['a', 'b']],
    [
      'the first effect may have been done, the later ones were not begun',
      left(callOf('a', 'effect'), callOf('b', 'effect'), callOf('c', 'read')),
      { a: STOPPED_WHILE_RUNNING, b: AFTER_UNKNOWN },
    ],
    [
      'an effect behind a change without a result was not begun',
      left(callOf('a', 'idempotent'), callOf('b', 'effect')),
      { b: STOPPED_FIRST },
    ],
    [
      'an effect is never run, also where its tool is gone',
      left(callOf('a', 'effect', { tool: 'gone' })),
      { a: STOPPED_WHILE_RUNNING },
    ],
  ])('%s', (_, state, expected) => {
    expect(moved(state)).toEqual(expected)
  })

  test('the model reads the sentence to the letter', () => {
    expect(STOPPED_WHILE_RUNNING).toBe(
      'The gateway stopped while this ran. Its outcome is unknown: check before repeating it.',
    )
  })
})

describe('at the end of a process', () => {
  const isDraining = true

  test.each<readonly [string, StepState, unknown]>([
    ['a turn without a step is answered', { ...stateOf([], { isDraining }), steps: [] }, 'ask'],
    ['no further step is asked for', stateOf([callOf('a', 'read', done)], { isDraining }), 'return'],
    ['reads are left to the next one', stateOf([callOf('a', 'read')], { isDraining }), 'return'],
    [
      'effects are closed, for the next one could not know that they were not begun',
      stateOf([callOf('a', 'effect'), callOf('b', 'effect')], { isDraining, running: new Set(['a']) }),
      { b: STOPPED_FIRST },
    ],
    [
      'what runs is waited for',
      stateOf([callOf('a', 'effect'), callOf('b', 'read')], { isDraining, running: new Set(['a']) }),
      'wait',
    ],
  ])('%s', (_, state, expected) => {
    expect(moved(state)).toEqual(expected)
  })
})

test.each<readonly [string, Partial<StoredCall>, Partial<StepState>, unknown]>([
  ['an unknown tool', { tool: 'constructor' }, {}, 'Not run: there is no tool of this name.'],
  ['an input that was cut', { input: '{"a":' }, {}, 'Not run: the input is no complete JSON object.'],
  ['an input that is no object', { input: '[1]' }, {}, 'Not run: the input is no complete JSON object.'],
  ['a call after the end of the time', {}, { isLate: true }, 'Not run: the time for this answer is over.'],
])('%s has an error result without running', (_, call, state, sentence) => {
  expect(moved(stateOf([callOf('a', 'effect', call)], state))).toEqual({ a: sentence })
})

test.each([
  [39, false, false],
  [40, false, true],
  [1, true, true],
])('after %i steps (late: %s) the next one is the last: %s', (count, isLate, isLast) => {
  const { steps } = stateOf([callOf('a', 'read', { result: errorResult('no') })])
  const state = stateOf([], { steps: Array.from({ length: count }, () => steps[0]!), isLate })
  expect(decideStep(state)).toEqual({ kind: 'ask', isLast })
})

const calls = [{ id: '1', name: 'read', input: '{}' }]
const asked = { isLast: false, maxTokens: 10, mostTokens: 20 }

test.each([
  ['calls', { calls, stopReason: 'tool_use' }, asked, 'step'],
  ['no calls', { calls: [], stopReason: 'tool_use' }, asked, 'answer'],
  ['the end', { calls: [], stopReason: 'end_turn' }, asked, 'answer'],
  ['calls in a last response', { calls, stopReason: 'tool_use' }, { ...asked, isLast: true }, 'answer'],
  ['calls before a refusal', { calls, stopReason: 'refusal' }, asked, 'answer'],
  ['calls where the context is full', { calls, stopReason: 'context_full' }, asked, 'answer'],
  ['calls that may be cut', { calls, stopReason: 'max_tokens' }, asked, 'again'],
  [
    'the same with all the room there is',
    { calls, stopReason: 'max_tokens' },
    { ...asked, maxTokens: 20 },
    'step',
  ],
  ['a cut text', { calls: [], stopReason: 'max_tokens' }, asked, 'answer'],
] as const)('a response with %s', (_, answer, request, expected) => {
  expect(judgeAnswer(answer, request)).toBe(expected)
})
