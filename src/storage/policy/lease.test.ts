import { describe, expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
  THEN,
} from '../../../test/support/stores/rows.ts'
import type { LeaseRequest } from '../../inbox/lease.ts'
import { NEVER_FINISHED } from '../../inbox/message.ts'
import { NO_JOURNAL } from '../../inbox/step.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import { MAX_LEASES } from './group.ts'
import { decideLease, endLease, grantedLease, holdsLease, isGranted } from './lease.ts'

const NOW = THEN + 60_000
const REQUEST: LeaseRequest = {
  conversationId: 'telegram:42',
  owner: 'a',
  now: NOW,
  historyLimit: 100,
  merge: true,
}

interface Given {
  readonly conversation?: ConversationRow
  readonly complete?: boolean
  readonly ownerGone?: boolean
  readonly request?: Partial<LeaseRequest>
}

function decide(waiting: readonly MessageRow[], given: Given = {}) {
  const { conversation = conversationRow(), complete = true, ownerGone = false, request } = given
  const changes = noChanges()
  const decided = decideLease(
    { conversation, waiting, complete, ownerGone },
    { ...REQUEST, ...request },
    changes,
  )
  const ids = isGranted(decided) ? decided.rows.map(({ id }) => id) : decided
  return { decided, ids, changes, conversation }
}

const held = (key: number, over: Partial<MessageRow> = {}) => messageRow(key, { state: 'held', ...over })
const leased = () => conversationRow({ lease_turn: 't1', lease_owner: 'b', lease_at: THEN, generation: 5 })

describe('who answers what next', () => {
  test('the oldest message, alone, with a new generation', () => {
    const waiting = [messageRow(1), messageRow(2, { person_id: 'ben' })]
    const { decided, changes, conversation } = decide(waiting)
    expect(decided).toMatchObject({ rows: [{ id: 'm1', state: 'answering' }] })
    expect(changedMessages(changes)).toEqual({
      m1: { state: 'answering', reason: null, leases: 1, group_id: null },
    })
    expect(conversation).toMatchObject({ generation: 4, lease_owner: 'a', lease_at: NOW })
    expect(conversation.lease_turn).toBe((decided as { turnId: string }).turnId)
    expect(changes.queueChanged).toBe(true)
  })

  test('nobody while nothing waits', () => {
    const { decided, changes, conversation } = decide([])
    expect(decided).toBeNull()
    expect(extentOf(changes)).toEqual({})
    expect(conversation.generation).toBe(3)
  })

  test('nobody before the latest moment at which one of the turn may be tried', () => {
    const waiting = [messageRow(1, { not_before: NOW + 1 }), messageRow(2, { not_before: NOW + 5 })]
    const { decided, changes, conversation } = decide(waiting)
    expect(decided).toEqual({ notBefore: NOW + 5 })
    expect(extentOf(changes)).toEqual({})
    expect(conversation.generation).toBe(3)
    expect(decide(waiting, { request: { merge: false } }).decided).toEqual({ notBefore: NOW + 1 })
    expect(decide(waiting, { request: { now: NOW + 5 } }).ids).toEqual(['m1', 'm2'])
  })

  test('merged messages are frozen as one turn, and keep the name of the turn that froze them', () => {
    const first = decide([held(1), held(2)])
    const { turnId } = first.decided as { turnId: string }
    expect(first.changes.changed.get(2)!.change.group_id).toBe(turnId)
    const again = decide([messageRow(1, { group_id: 'g' }), messageRow(2, { group_id: 'g' })])
    expect(again.changes.changed.get(2)!.change.group_id).toBe('g')
  })

  test('pieces get the name of their turn: one that comes later is none of them', () => {
    const { decided, changes } = decide([
      messageRow(1, { group_id: 'pieces of x' }),
      messageRow(2, { group_id: 'pieces of x' }),
    ])
    const { turnId } = decided as { turnId: string }
    expect(changedMessages(changes)).toMatchObject({ m1: { group_id: turnId }, m2: { group_id: turnId } })
    const single = decide([messageRow(1, { group_id: 'pieces of x' })])
    expect(changedMessages(single.changes)).toMatchObject({ m1: { group_id: null } })
  })
})

describe('more rows are asked for', () => {
  test.each<{ name: string; waiting: MessageRow[] }>([
    { name: 'there may be more merged messages', waiting: [held(1), held(2)] },
    {
      name: 'there may be more pieces',
      waiting: [messageRow(1, { group_id: 'pieces of x' }), messageRow(2, { person_id: 'b' })],
    },
    { name: 'the frozen group may be longer', waiting: [messageRow(1, { group_id: 'g' })] },
    { name: 'all that was read is parked', waiting: [messageRow(1, { leases: MAX_LEASES })] },
    { name: 'nothing was read', waiting: [] },
  ])('where $name', ({ waiting }) => {
    const { decided, changes, conversation } = decide(waiting, { complete: false })
    expect(decided).toBe('more')
    expect(extentOf(changes)).toEqual({})
    expect(conversation.generation).toBe(3)
  })

  test('not where the turn ends within what was read', () => {
    const ben = messageRow(2, { person_id: 'ben' })
    expect(decide([messageRow(1), ben], { complete: false }).ids).toEqual(['m1'])
    expect(decide([held(1), ben], { complete: false }).ids).toEqual(['m1'])
    const alone = [messageRow(1, { solo: true }), messageRow(2, { text: '!word' })]
    for (const row of alone) expect(decide([row], { complete: false }).ids).toEqual([row.id])
    expect(decide([messageRow(1)], { complete: false, request: { merge: false } }).ids).toEqual(['m1'])
  })
})

describe('a conversation that is leased already', () => {
  const answering = () => [
    messageRow(1, { state: 'answering', leases: 1 }),
    messageRow(2, { person_id: 'ben' }),
  ]

  test('is refused to everybody', () => {
    for (const owner of ['a', 'b']) {
      const { decided, changes } = decide(answering(), { conversation: leased(), request: { owner } })
      expect(decided).toBeNull()
      expect(extentOf(changes)).toEqual({})
    }
  })

  test('is refused to another process that got no answer about its own lease', () => {
    expect(decide(answering(), { conversation: leased(), request: { again: true } }).decided).toBeNull()
  })

  test.each<{ name: string; given: Given }>([
    { name: 'its owner got no answer', given: { request: { owner: 'b', again: true } } },
    { name: 'its owner is dead', given: { ownerGone: true } },
  ])('is leased again where $name: the old result is refused', ({ given }) => {
    const conversation = leased()
    const old = {
      conversationId: conversation.id,
      turnId: 't1',
      generation: 5,
      messages: ['m1'],
      person: 'anna',
      hasContext: false,
    }
    const { ids, changes } = decide(answering(), { conversation, ...given })
    expect(ids).toEqual(['m1'])
    expect(changedMessages(changes)).toMatchObject({ m1: { state: 'answering', leases: 2 } })
    expect(conversation.generation).toBe(7)
    expect(holdsLease(conversation, old)).toBe(false)
  })

  test('is not taken over before all that waits was read', () => {
    const { decided, changes } = decide(answering(), {
      conversation: leased(),
      complete: false,
      ownerGone: true,
    })
    expect(decided).toBe('more')
    expect(extentOf(changes)).toEqual({})
  })
})

describe('a turn with stored steps', () => {
  const frozen = (key: number, over: Partial<MessageRow> = {}) =>
    messageRow(key, { group_id: 'g', frozen: true, ...over })

  test.each<{ name: string; waiting: MessageRow[]; ids: string[]; merge?: boolean }>([
    { name: 'alone', waiting: [frozen(1), messageRow(2)], ids: ['m1'] },
    { name: 'without what is held behind it', waiting: [frozen(1, { state: 'held' }), held(2)], ids: ['m1'] },
    { name: 'whole, also without merging', waiting: [frozen(1), frozen(2)], ids: ['m1', 'm2'], merge: false },
    {
      name: 'whole, whatever was retried between its messages',
      waiting: [frozen(1), messageRow(2), frozen(3)],
      ids: ['m1', 'm3'],
    },
    { name: 'after what was retried before it', waiting: [messageRow(1), frozen(2)], ids: ['m1'] },
  ])('is leased $name, under its own name', ({ waiting, ids, merge = true }) => {
    const { ids: found, changes } = decide(waiting, { request: { merge } })
    expect(found).toEqual(ids)
    const groups = waiting.filter(({ state }) => state === 'answering').map(({ group_id }) => group_id)
    expect(groups).toEqual(ids.map(() => (waiting[0]!.frozen ? 'g' : null)))
    expect(changes.endedJournals).toEqual([])
  })

  test('needs all that waits, wherever its messages are', () => {
    expect(decide([frozen(1), messageRow(2)], { complete: false }).decided).toBe('more')
  })

  test('that was leased again and again is parked whole, with its steps', () => {
    const waiting = [frozen(1, { leases: MAX_LEASES }), messageRow(2), frozen(3)]
    const { ids, changes } = decide(waiting)
    expect(ids).toEqual(['m2'])
    expect(waiting.map(({ state }) => state)).toEqual(['parked', 'answering', 'parked'])
    expect(waiting.map(({ frozen }) => frozen)).toEqual([true, false, true])
    expect(changes.endedJournals).toEqual([])
  })
})

describe('a message that was leased again and again', () => {
  const poisoned = { leases: MAX_LEASES }

  test('is parked with all that were frozen with it, and the next one is answered', () => {
    const waiting = [
      messageRow(1, { ...poisoned, group_id: 'g' }),
      messageRow(2, { group_id: 'g' }),
      messageRow(3),
    ]
    const { ids, changes } = decide(waiting)
    const parked = { state: 'parked', reason: NEVER_FINISHED }
    expect(changedMessages(changes)).toMatchObject({ m1: parked, m2: parked, m3: { state: 'answering' } })
    expect(ids).toEqual(['m3'])
  })

  test('leaves those that would only have been merged', () => {
    expect(decide([held(1, poisoned), held(2)]).ids).toEqual(['m2'])
  })

  test('is parked also where nothing else waits', () => {
    const { decided, changes } = decide([messageRow(1, poisoned)])
    expect(decided).toBeNull()
    expect(changedMessages(changes)).toEqual({ m1: { state: 'parked', reason: NEVER_FINISHED } })
  })
})

describe('the end of a lease', () => {
  const waiting = () => [messageRow(1, { state: 'answering', reason: 'x' }), messageRow(2)]

  test('gives the messages of the turn back, wakes the conversation, and makes a late result void', () => {
    const [conversation, changes] = [leased(), noChanges()]
    endLease(conversation, waiting(), 'received', changes)
    expect(changedMessages(changes)).toEqual({ m1: { state: 'received', reason: null } })
    expect(conversation).toMatchObject({ lease_turn: null, lease_owner: null, lease_at: null, generation: 6 })
    expect(extentOf(changes)).toEqual({ changed: 1, saved: 1, woken: 1 })
  })

  test('wakes nobody for what is withdrawn, and does nothing where there is no lease', () => {
    const withdrawn = noChanges()
    endLease(leased(), waiting(), 'withdrawn', withdrawn)
    expect(withdrawn.woken.size).toBe(0)
    const nothing = noChanges()
    endLease(conversationRow(), waiting(), 'received', nothing)
    expect(extentOf(nothing)).toEqual({})
  })
})

test('a lease is handed out with its messages, the most failures, and the first draft that was shown', () => {
  const rows = [
    messageRow(1, { failures: 2, attachments: '[{"id":"f","mediaType":"text/plain","name":"a","size":1}]' }),
    messageRow(2, { draft: 'd2' }),
    messageRow(3, { failures: 1, draft: 'd3' }),
  ]
  const handout = { history: 'packed', summary: 's', context: null, journal: NO_JOURNAL }
  const lease = grantedLease(conversationRow(), { turnId: 't9', rows }, handout)
  expect(lease).toMatchObject({ turnId: 't9', generation: 3, failures: 2, draft: 'd2', history: 'packed' })
  expect(lease.messages.map(({ id }) => id)).toEqual(['m1', 'm2', 'm3'])
  expect(lease.messages[0]!.attachments).toEqual([{ id: 'f', mediaType: 'text/plain', name: 'a', size: 1 }])
  expect(lease).not.toHaveProperty('context')
})
