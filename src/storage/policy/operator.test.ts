import { describe, expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
} from '../../../test/support/stores/rows.ts'
import { type MessageState, DROPPED } from '../../inbox/message.ts'
import { decideDrop, decideRetry } from './operator.ts'

const STATES: readonly MessageState[] = [
  'received',
  'answering',
  'held',
  'answered',
  'refused',
  'withdrawn',
  'parked',
]

describe('a retry', () => {
  const retry = (over: Parameters<typeof messageRow>[1]) => {
    const changes = noChanges()
    return { done: decideRetry(conversationRow(), messageRow(1, over), [], changes), changes }
  }

  test('is for what is parked, held, or waits for its next attempt', () => {
    expect(STATES.filter((state) => retry({ state }).done)).toEqual(['held', 'parked'])
    expect(retry({ state: 'received', not_before: 5 }).done).toBe(true)
    expect(extentOf(retry({ state: 'answered' }).changes)).toEqual({})
  })

  test('begins again, and wakes the conversation', () => {
    const { changes } = retry({ state: 'parked', reason: 'x', failures: 3, leases: 9, not_before: 8 })
    expect(changedMessages(changes)).toEqual({
      m1: { state: 'received', reason: null, failures: 0, leases: 0, not_before: 0, answered_by: null },
    })
    expect(extentOf(changes)).toEqual({ changed: 1, woken: 1 })
  })
})

describe('one message of a turn with stored steps', () => {
  const turn = (state: MessageState) =>
    [1, 2].map((key) => messageRow(key, { state, group_id: 'g', frozen: true }))

  test.each(['parked', 'held'] as const)(
    'that is %s is retried with the others, and their steps stay',
    (state) => {
      const changes = noChanges()
      expect(decideRetry(conversationRow(), turn(state)[1]!, turn(state), changes)).toBe(true)
      expect(changedMessages(changes)).toMatchObject({ m1: { state: 'received' }, m2: { state: 'received' } })
      expect(changes.endedJournals).toEqual([])
    },
  )

  test.each(['parked', 'held', 'received', 'answering'] as const)(
    'that is %s is dropped with the others and their steps',
    (state) => {
      const [conversation, changes] = [conversationRow({ lease_turn: 't1', lease_owner: 'a' }), noChanges()]
      expect(decideDrop(conversation, turn(state)[1]!, turn(state), changes)).toBe(true)
      const change = { state: 'withdrawn', reason: DROPPED, frozen: false }
      expect(changedMessages(changes)).toEqual({ m1: change, m2: change })
      expect(changes.endedJournals).toEqual([1, 2])
      expect(conversation.lease_turn).toBe(state === 'answering' ? null : 't1')
    },
  )
})

describe('a message that the operator drops', () => {
  const leased = () => conversationRow({ lease_turn: 't1', lease_owner: 'a' })

  test('waits, is parked, or is being answered', () => {
    const dropped = STATES.filter((state) => {
      const row = messageRow(1, { state })
      return decideDrop(leased(), row, [row], noChanges())
    })
    expect(dropped).toEqual(['received', 'answering', 'held', 'parked'])
  })

  test('lets the next one be tried', () => {
    const [conversation, changes] = [leased(), noChanges()]
    decideDrop(conversation, messageRow(1, { state: 'parked' }), [], changes)
    expect(changedMessages(changes)).toEqual({ m1: { state: 'withdrawn', reason: DROPPED } })
    expect(extentOf(changes)).toEqual({ changed: 1, woken: 1 })
    expect(conversation.lease_turn).toBe('t1')
  })

  test('while it is answered loses its turn; the others of the turn wait again', () => {
    const [conversation, changes] = [leased(), noChanges()]
    const answering = [messageRow(1, { state: 'answering' }), messageRow(2, { state: 'answering' })]
    // Another read of the same message.
    decideDrop(conversation, messageRow(1, { state: 'answering' }), answering, changes)
    expect(changedMessages(changes)).toEqual({
      m1: { state: 'withdrawn', reason: DROPPED },
      m2: { state: 'received', reason: null },
    })
    expect(changes.changed.get(1)!.row).toMatchObject({ state: 'withdrawn' })
    expect(conversation).toMatchObject({ lease_turn: null, generation: 4 })
    expect(changes.woken.size).toBe(1)
  })
})
