import { describe, expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
  THEN,
} from '../../../test/support/stores/rows.ts'
import type { Outage } from '../../inbox/arrival.ts'
import { TOO_OLD } from '../../inbox/message.ts'
import type { ConversationRow, MessageRow } from '../rows/rows.ts'
import { decideExpiry, decideHold } from './hold.ts'

const NOW = THEN + 1_000
const OUTAGE: Outage = { id: 'o1', reason: 'needs a sign-in', notice: 'Please wait.' }

function hold(
  waiting: readonly MessageRow[],
  { outage = OUTAGE, ...over }: Partial<ConversationRow> & { readonly outage?: Outage } = {},
) {
  const changes = noChanges()
  const conversation = conversationRow(over)
  const told = decideHold(conversation, waiting, { outage, now: NOW }, 40, changes)
  return { told, changes, conversation }
}

describe('an outage', () => {
  test('holds waiting messages, not what is being answered or held already', () => {
    const { changes } = hold([
      messageRow(1, { state: 'answering' }),
      messageRow(2, { state: 'held', held_base: 1, reason: 'before' }),
      messageRow(3),
      messageRow(4, { held_base: 9 }),
    ])
    expect(changedMessages(changes)).toEqual({
      m3: { state: 'held', reason: 'needs a sign-in', held_base: 40 },
      m4: { state: 'held', reason: 'needs a sign-in', held_base: 9 },
    })
  })

  test('held again, a message keeps its age and its conversation is not told again', () => {
    const row = messageRow(1)
    const first = hold([row])
    expect([first.told, row.state, row.held_base]).toEqual([true, 'held', 40])
    const second = noChanges()
    expect(decideHold(first.conversation, [row], { outage: OUTAGE, now: NOW }, 99, second)).toBe(false)
    expect(extentOf(second)).toEqual({})
    const other = noChanges()
    const next = { outage: { ...OUTAGE, id: 'o2' }, now: NOW }
    expect(decideHold(first.conversation, [row], next, 99, other)).toBe(true)
    expect(row.held_base).toBe(40)
  })

  test.each([
    { name: 'somebody asked', waiting: [messageRow(1)], told: true },
    {
      name: 'only what is being answered was addressed',
      waiting: [messageRow(1, { state: 'answering' }), messageRow(2, { addressed: 0 })],
      told: true,
    },
    { name: 'nobody asked', waiting: [messageRow(1, { addressed: false })], told: false },
    { name: 'it was told before', waiting: [messageRow(1)], over: { told_outage: 'o1' }, told: false },
    {
      name: 'the wait is short',
      waiting: [messageRow(1)],
      over: { outage: { ...OUTAGE, notice: null } },
      told: false,
    },
  ])('tells a conversation or not: $name', ({ waiting, over = {}, told }) => {
    const held = hold(waiting, over)
    expect(held.told).toBe(told)
    expect(held.changes.added.map(({ text }) => text)).toEqual(told ? ['Please wait.'] : [])
  })
})

describe('a message that was held for too long', () => {
  const expire = (over: Partial<MessageRow>) => {
    const changes = noChanges()
    const row = messageRow(1, { state: 'held', group_id: 'g', ...over })
    return { told: decideExpiry(conversationRow(), [row], 'Too old.', NOW, changes), changes }
  }

  test('is refused, and its sender told in reply', () => {
    const { told, changes } = expire({})
    expect(told).toBe(true)
    expect(changes.sent).toMatchObject([{ kind: 'notice', reply_to: 'p1' }])
    expect(changedMessages(changes)).toEqual({
      m1: { state: 'refused', reason: TOO_OLD, answered_by: changes.added[0]!.id, group_id: null },
    })
    expect(changes.queueChanged).toBe(true)
  })

  test('goes with its turn, where steps of that are stored, and is told once', () => {
    const changes = noChanges()
    const turn = [1, 2].map((key) => messageRow(key, { state: 'held', group_id: 'g', frozen: true }))
    expect(decideExpiry(conversationRow(), turn, 'Too old.', NOW, changes)).toBe(true)
    expect(changes.sent).toMatchObject([{ kind: 'notice', reply_to: 'p2' }])
    const change = { state: 'refused', group_id: null, frozen: false }
    expect(changedMessages(changes)).toMatchObject({ m1: change, m2: change })
    expect(changes.endedJournals).toEqual([1, 2])
  })

  test('goes silently where nobody asked', () => {
    const { told, changes } = expire({ addressed: 0 })
    expect(told).toBe(false)
    expect(changedMessages(changes)).toMatchObject({ m1: { state: 'refused', answered_by: null } })
    expect(changes.added).toEqual([])
  })
})
