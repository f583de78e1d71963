import { describe, expect, test } from 'vitest'
import { messageRow, THEN } from '../../../test/support/stores/rows.ts'
import type { IncomingMessage } from '../../inbox/arrival.ts'
import type { MessageRow } from '../rows/rows.ts'
import { groupName, groupOf, joinsTurn, NEWEST_WAITING, piecesOf, readyAt } from './group.ts'

const NOW = THEN + 10_000
const ALBUM = { group_id: 'pieces of anna album' }
const held = (key: number, over: Partial<MessageRow> = {}) => messageRow(key, { state: 'held', ...over })
const answering = (key: number, over: Partial<MessageRow> = {}) =>
  messageRow(key, { state: 'answering', leases: 1, ...over })
const ben = (key: number, over: Partial<MessageRow> = {}) => messageRow(key, { person_id: 'ben', ...over })

interface Grouped {
  readonly name: string
  readonly waiting: readonly MessageRow[]
  readonly ids: readonly string[]
  readonly merge?: boolean
}

describe('what is answered together', () => {
  test.each<Grouped>([
    { name: 'nothing of nothing', waiting: [], ids: [] },
    { name: 'what one person wrote', waiting: [messageRow(1), messageRow(2)], ids: ['m1', 'm2'] },
    { name: 'what was held, and what came behind it', waiting: [held(1), messageRow(2)], ids: ['m1', 'm2'] },
    { name: 'up to the first of another person', waiting: [held(1), ben(2), held(3)], ids: ['m1'] },
    { name: 'each alone where merging is off', waiting: [held(1), held(2)], ids: ['m1'], merge: false },
    { name: 'not with one that is answered alone', waiting: [held(1), held(2, { solo: 1 })], ids: ['m1'] },
    { name: 'one that is answered alone', waiting: [held(1, { solo: 1 }), held(2)], ids: ['m1'] },
    { name: 'not with a command', waiting: [held(1), held(2, { text: '/retry' }), held(3)], ids: ['m1'] },
    { name: 'a word of the sandbox alone', waiting: [held(1, { text: '!expire' }), held(2)], ids: ['m1'] },
    {
      name: 'not of nobody',
      waiting: [held(1, { person_id: null }), held(2, { person_id: null })],
      ids: ['m1'],
    },
    {
      name: 'those of one turn, however merging is set',
      waiting: [messageRow(1, { group_id: 'g' }), messageRow(2, { group_id: 'g' }), messageRow(3)],
      ids: ['m1', 'm2'],
      merge: false,
    },
    {
      name: 'those of one turn of which nothing is out, and what came behind them',
      waiting: [messageRow(1, { group_id: 'g', leases: 2 }), messageRow(2, { group_id: 'g' }), messageRow(3)],
      ids: ['m1', 'm2', 'm3'],
    },
    {
      name: 'no more where something was shown',
      waiting: [
        messageRow(1, { group_id: 'g', draft: 'd' }),
        messageRow(2, { group_id: 'g' }),
        messageRow(3),
      ],
      ids: ['m1', 'm2'],
    },
    { name: 'no more than the one that was shown', waiting: [held(1, { draft: 'd' }), held(2)], ids: ['m1'] },
    {
      name: 'no more than the one that failed',
      waiting: [messageRow(1, { failures: 1 }), messageRow(2)],
      ids: ['m1'],
    },
    {
      name: 'no more than the one that was there whenever the process ended',
      waiting: [messageRow(1, { leases: 3 }), messageRow(2)],
      ids: ['m1'],
    },
    {
      name: 'not with one that failed',
      waiting: [messageRow(1), messageRow(2, { failures: 1 })],
      ids: ['m1'],
    },
    { name: 'not with those of another turn', waiting: [held(1), held(2, { group_id: 'g' })], ids: ['m1'] },
    {
      name: 'pieces, where merging is off',
      waiting: [messageRow(1, ALBUM), messageRow(2, ALBUM), messageRow(3)],
      ids: ['m1', 'm2'],
      merge: false,
    },
    {
      name: 'pieces, and the messages around them',
      waiting: [messageRow(1), messageRow(2, ALBUM), messageRow(3, ALBUM), messageRow(4)],
      ids: ['m1', 'm2', 'm3', 'm4'],
    },
    {
      name: 'all pieces, whatever others wrote between them',
      waiting: [messageRow(1), messageRow(2, ALBUM), ben(3), messageRow(4, ALBUM), messageRow(5)],
      ids: ['m1', 'm2', 'm4'],
    },
    {
      name: 'all pieces, where one of them comes first',
      waiting: [messageRow(1, ALBUM), ben(2), messageRow(3, ALBUM)],
      ids: ['m1', 'm3'],
      merge: false,
    },
  ])('$name', ({ waiting, ids, merge = true }) => {
    expect(groupOf(waiting, merge).rows.map(({ id }) => id)).toEqual(ids)
  })

  test('a turn has the name of its first message, if it has one', () => {
    expect(groupName([messageRow(1)], 't')).toBeNull()
    expect(groupName([messageRow(1), messageRow(2)], 't')).toBe('t')
    expect(groupName([messageRow(1, { group_id: 'g' }), messageRow(2)], 't')).toBe('g')
    expect(groupName([messageRow(1, ALBUM), messageRow(2)], 't')).toBe('t')
  })
})

describe('when a turn may begin', () => {
  test.each<{ name: string; waiting: readonly MessageRow[]; at: number }>([
    { name: 'now', waiting: [messageRow(1), messageRow(2, { not_before: NOW })], at: 0 },
    {
      name: 'after the last wait',
      waiting: [messageRow(1, { not_before: NOW + 9 }), messageRow(2)],
      at: NOW + 9,
    },
    {
      name: 'after the last piece',
      waiting: [messageRow(1), messageRow(2, { ...ALBUM, not_before: NOW + 900 })],
      at: NOW + 900,
    },
    {
      name: 'now, where the clock was set back since',
      waiting: [messageRow(1, { ...ALBUM, not_before: NOW + 3_001 })],
      at: 0,
    },
  ])('$name', ({ waiting, at }) => {
    expect(readyAt(waiting, NOW)).toBe(at)
  })
})

describe('a message that comes while a turn runs', () => {
  const many = Array.from({ length: NEWEST_WAITING }, (_, index) => answering(index + 1))
  test.each<{ name: string; waiting: readonly MessageRow[]; arrived?: Partial<MessageRow>; joins: boolean }>([
    { name: 'belongs to it', waiting: [answering(1)], joins: true },
    { name: 'belongs to it behind another that does', waiting: [answering(1), messageRow(2)], joins: true },
    { name: 'belongs to it as a piece', waiting: [answering(1)], arrived: ALBUM, joins: true },
    {
      name: 'belongs to several',
      waiting: [answering(1, { group_id: 'g' }), answering(2, { group_id: 'g' })],
      joins: true,
    },
    { name: 'belongs to none where none runs', waiting: [messageRow(1)], joins: false },
    { name: 'not of another person', waiting: [answering(1)], arrived: { person_id: 'ben' }, joins: false },
    { name: 'not behind another person', waiting: [answering(1), ben(2)], joins: false },
    { name: 'not a command', waiting: [answering(1)], arrived: { text: '/retry' }, joins: false },
    {
      name: 'not a word of the sandbox',
      waiting: [answering(1)],
      arrived: { text: ' !expire' },
      joins: false,
    },
    { name: 'not to a word of the sandbox', waiting: [answering(1, { text: '!slow' })], joins: false },
    { name: 'not of a program', waiting: [answering(1)], arrived: { solo: true }, joins: false },
    { name: 'not to one of a program', waiting: [answering(1, { solo: true })], joins: false },
    {
      name: 'not where something was shown',
      waiting: [answering(1, { draft: 'd' }), answering(2)],
      joins: false,
    },
    { name: 'not where it has failed', waiting: [answering(1, { failures: 1 })], joins: false },
    { name: 'not where there are more than were read', waiting: many, joins: false },
  ])('$name', ({ waiting, arrived, joins }) => {
    expect(joinsTurn(waiting, messageRow(99, arrived))).toBe(joins)
  })
})

describe('pieces that arrive', () => {
  const MESSAGE: IncomingMessage = {
    channel: 'telegram',
    address: '42',
    platformMessageId: 'p9',
    personId: 'anna',
    personName: 'Anna',
    text: 'words',
    attachments: [],
    addressed: true,
  }
  const SPLIT = { piece: { of: null } }
  const album = { piece: { of: 'album' } }
  const open = (key: number, over: Partial<MessageRow> = {}) =>
    messageRow(key, { ...ALBUM, at: NOW - 500, not_before: NOW + 500, ...over })
  const pasted = (key: number, over: Partial<MessageRow> = {}) =>
    open(key, { group_id: 'pieces from p1', ...over })

  test.each<{
    name: string
    message?: Partial<IncomingMessage>
    waiting?: readonly MessageRow[]
    mergeWindow?: number
    pieces: { readonly group_id: string; readonly not_before: number } | null
  }>([
    { name: 'none of a whole message', pieces: null },
    { name: 'the first of an album', message: album, pieces: { ...ALBUM, not_before: NOW + 1_000 } },
    {
      name: 'the next of an album',
      message: album,
      waiting: [open(1)],
      pieces: { ...ALBUM, not_before: NOW + 1_000 },
    },
    {
      name: 'the next of an album, at most three seconds after its first',
      message: album,
      waiting: [open(1, { at: NOW - 2_500, not_before: NOW + 1 }), open(2, { at: NOW - 100 })],
      pieces: { ...ALBUM, not_before: NOW + 500 },
    },
    {
      name: 'another of what somebody else says is the same',
      message: { ...album, personId: 'ben' },
      waiting: [open(1)],
      pieces: { group_id: 'pieces of ben album', not_before: NOW + 1_000 },
    },
    {
      name: 'the first of another album, not much later for the person who waits',
      message: { piece: { of: 'other' } },
      waiting: [open(1, { at: NOW - 2_900, not_before: NOW + 1 })],
      pieces: { group_id: 'pieces of anna other', not_before: NOW + 100 },
    },
    {
      name: 'one of an album that is answered already',
      message: album,
      waiting: [answering(1, { group_id: 't', at: NOW - 5_000, not_before: NOW - 4_000 })],
      pieces: { ...ALBUM, not_before: NOW + 1_000 },
    },
    {
      name: 'the first of a split text',
      message: SPLIT,
      pieces: { group_id: 'pieces from p9', not_before: NOW + 1_000 },
    },
    {
      name: 'the next of a split text',
      message: SPLIT,
      waiting: [pasted(1)],
      pieces: { group_id: 'pieces from p1', not_before: NOW + 1_000 },
    },
    {
      name: 'the last of a split text',
      waiting: [pasted(1)],
      pieces: { group_id: 'pieces from p1', not_before: NOW + 1_000 },
    },
    { name: 'no longer after the wait', waiting: [pasted(1, { not_before: NOW })], pieces: null },
    { name: 'not of another person', waiting: [pasted(1, { person_id: 'ben' })], pieces: null },
    { name: 'no words behind an album', waiting: [open(1)], pieces: null },
    { name: 'no command', message: { ...SPLIT, text: '/new x' }, waiting: [pasted(1)], pieces: null },
    { name: 'nothing of a program', message: { ...SPLIT, alone: true }, pieces: null },
    {
      name: 'no longer than three seconds',
      message: album,
      mergeWindow: 60_000,
      pieces: { ...ALBUM, not_before: NOW + 3_000 },
    },
  ])('$name', ({ message, waiting = [], mergeWindow = 1_000, pieces }) => {
    expect(piecesOf({ ...MESSAGE, ...message }, waiting, { now: NOW, mergeWindow })).toEqual(pieces)
  })

  test('none where pieces are not waited for', () => {
    expect(piecesOf({ ...MESSAGE, ...album }, [], { now: NOW })).toBeNull()
  })
})
