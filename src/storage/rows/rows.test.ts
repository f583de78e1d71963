import { describe, expect, test } from 'vitest'
import { oldestWithin, unpackHistory, type PackedMessage, type Placed } from './rows.ts'

describe('the cut of a history', () => {
  // Newest first: the turn at 9 has a question of 4 characters and an answer of 6, that at 5 of 10 and 20.
  const messages: readonly Placed[] = [
    [9, 6],
    [9, 4],
    [5, 20],
    [5, 10],
  ]

  test.each([
    { limit: 40, from: 5, cut: false, name: 'all of it fits' },
    { limit: 39, from: 9, cut: true, name: 'a turn of which only the answer fits is left out whole' },
    { limit: 10, from: 9, cut: true, name: 'a turn that just fits stays' },
    { limit: 9, from: null, cut: true, name: 'not even the newest turn fits' },
  ])('$name', ({ limit, from, cut }) => {
    expect(oldestWithin(messages, limit)).toEqual({ from, cut })
  })

  test('nothing was said yet', () => {
    expect(oldestWithin([], 10)).toEqual({ from: null, cut: false })
  })
})

test('a packed message is what it was, and only its attachments are read', () => {
  const packed: ReadonlyArray<PackedMessage<string>> = [
    ['m1', 3, 'user', 'hello', null, 'p1', 'u1', 'Ada', 'one file', '{"zone":"UTC"}', 1_000, 'm2', 7, null],
    [
      'm2',
      4,
      'assistant',
      'good day',
      'thinking',
      null,
      null,
      null,
      null,
      null,
      2_000,
      null,
      8,
      '["as stored"]',
    ],
  ]
  const file = { id: 'a1', mediaType: 'text/plain', name: 'note.txt', size: 3 }
  const read: string[] = []
  const messages = unpackHistory(packed, 'c1', (written) => {
    read.push(written)
    return [file]
  })
  expect(read).toEqual(['one file'])
  expect(messages).toEqual([
    {
      id: 'm1',
      conversationId: 'c1',
      seq: 3,
      role: 'user',
      text: 'hello',
      preface: null,
      blocks: null,
      state: 'answered',
      reason: null,
      platformMessageId: 'p1',
      personId: 'u1',
      personName: 'Ada',
      attachments: [file],
      about: { zone: 'UTC' },
      at: 1_000,
      answeredBy: 'm2',
      revision: 7,
    },
    {
      id: 'm2',
      conversationId: 'c1',
      seq: 4,
      role: 'assistant',
      text: 'good day',
      preface: 'thinking',
      blocks: '["as stored"]',
      state: 'answered',
      reason: null,
      platformMessageId: null,
      personId: null,
      personName: null,
      attachments: [],
      about: null,
      at: 2_000,
      answeredBy: null,
      revision: 8,
    },
  ])
})
