import { describe, expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
  THEN,
} from '../../../test/support/stores/rows.ts'
import type { Step } from '../../inbox/step.ts'
import type { MessageRow } from '../rows/rows.ts'
import { decideResult, decideStep, endJournal, journalHead } from './journal.ts'

const NOW = THEN + 5_000
const KEY = {
  conversationId: 'telegram:42',
  turnId: 't1',
  generation: 3,
  messages: ['m1', 'm2'],
  person: 'anna',
  hasContext: false,
}
const READ = { id: 'c1', tool: 'web_search', class: 'read', input: '{}', result: null } as const
const UNKNOWN = { ...READ, id: 'c2', tool: 'unknown', result: '{"is_error":true}' }

const stepOf = (index: number): Step => ({
  index,
  response: `r${index}`,
  maxTokens: 9,
  calls: [READ, UNKNOWN],
})

const answering = (over: Partial<MessageRow> = {}) => [
  messageRow(1, { state: 'answering', ...over }),
  messageRow(2, { state: 'answering', ...over }),
  messageRow(3),
]
const frozen = () => answering({ frozen: true, group_id: 'g' })
const leased = (over = {}) => conversationRow({ lease_turn: 't1', lease_owner: 'a', ...over })

function save(index: number, stored: number, waiting: readonly MessageRow[], conversation = leased()) {
  const changes = noChanges()
  const saved = decideStep(
    { conversation, waiting, stored },
    KEY,
    { step: stepOf(index), terms: 't' },
    NOW,
    changes,
  )
  return { saved, changes }
}

function saveResult(call: { hasResult: boolean } | null, waiting = frozen(), conversation = leased()) {
  const changes = noChanges()
  const result = { index: 2, callId: 'c1', result: '{}' }
  const saved = decideResult({ conversation, waiting, call }, KEY, result, NOW, changes)
  return { saved, changes }
}

const LOST = [
  { name: 'another turn holds it', conversation: leased({ lease_turn: 't2' }) },
  { name: 'the same turn was leased again', conversation: leased({ generation: 4 }) },
  { name: 'it was revoked', conversation: leased({ lease_turn: null }) },
]

describe('a step', () => {
  test('freezes the messages of its turn when it is the first, and no others', () => {
    const { saved, changes } = save(0, 0, answering())
    expect(saved).toBe(true)
    const change = { frozen: true, group_id: 't1' }
    expect(changedMessages(changes)).toEqual({ m1: change, m2: change })
    expect(changes.steps).toEqual([
      { message: 1, step: 0, response: 'r0', max_tokens: 9, terms: 't', at: NOW },
    ])
    expect(changes.calls).toEqual([
      { message: 1, step: 0, place: 0, ...READ, done_at: null },
      { message: 1, step: 0, place: 1, ...UNKNOWN, done_at: NOW },
    ])
    expect(extentOf(changes)).toEqual({ changed: 2, steps: 1, calls: 2 })
  })

  test('leaves a group under its name', () => {
    const { changes } = save(0, 0, answering({ group_id: 'g' }))
    expect(changedMessages(changes)).toMatchObject({ m1: { group_id: 'g' }, m2: { group_id: 'g' } })
  })

  test('that follows changes no message, and brings no terms', () => {
    const { saved, changes } = save(2, 2, frozen())
    expect(saved).toBe(true)
    expect(changes.steps).toMatchObject([{ step: 2, terms: null }])
    expect(extentOf(changes)).toEqual({ steps: 1, calls: 2 })
  })

  test.each([
    { name: 'is stored already', index: 1, stored: 2, saved: true },
    { name: 'would leave a gap', index: 3, stored: 2, saved: false },
  ])('that $name changes nothing', ({ index, stored, saved }) => {
    const given = save(index, stored, frozen())
    expect([given.saved, extentOf(given.changes)]).toEqual([saved, {}])
  })

  test.each(LOST)('of a lost lease changes nothing: $name', ({ conversation }) => {
    const given = save(0, 0, answering(), conversation)
    expect([given.saved, extentOf(given.changes)]).toEqual([false, {}])
  })

  test('of a turn whose messages are gone changes nothing', () => {
    const given = save(0, 0, [messageRow(3)])
    expect([given.saved, extentOf(given.changes)]).toEqual([false, {}])
  })
})

describe('the result of a call', () => {
  test('is stored under the turn’s oldest message', () => {
    const { saved, changes } = saveResult({ hasResult: false })
    expect(saved).toBe(true)
    expect(changes.results).toEqual([{ message: 1, step: 2, id: 'c1', result: '{}', done_at: NOW }])
    expect(extentOf(changes)).toEqual({ results: 1 })
  })

  test.each([
    { name: 'that has one', call: { hasResult: true }, saved: true },
    { name: 'without an intent', call: null, saved: false },
  ])('$name changes nothing', ({ call, saved }) => {
    const given = saveResult(call)
    expect([given.saved, extentOf(given.changes)]).toEqual([saved, {}])
  })

  test.each(LOST)('of a lost lease changes nothing: $name', ({ conversation }) => {
    const given = saveResult({ hasResult: false }, frozen(), conversation)
    expect([given.saved, extentOf(given.changes)]).toEqual([false, {}])
  })
})

test('the end of a turn removes its steps, and costs nothing where there are none', () => {
  const [turn, others] = [noChanges(), noChanges()]
  endJournal(frozen().slice(0, 2), turn)
  expect(turn.endedJournals).toEqual([1, 2])
  expect(changedMessages(turn)).toEqual({ m1: { frozen: false }, m2: { frozen: false } })
  endJournal(answering(), others)
  expect(extentOf(others)).toEqual({})
})

test('steps are stored under the oldest message that is being answered', () => {
  expect(journalHead([messageRow(1), ...answering().slice(1)])?.key).toBe(2)
  expect(journalHead([messageRow(1)])).toBeNull()
})
