import { expect, test } from 'vitest'
import type { StoredMessage } from '../../inbox/message.ts'
import { compactedRecord, countSent, shouldCompact } from './compaction.ts'
import { compactionFor, readEpochRecord, withoutCompaction, writeEpochRecord, type Epoch } from './epoch.ts'

const EPOCH = {
  no: 1,
  reason: 'new',
  model: 'one',
  effort: null,
  system: 's',
  tools: '',
  leftOutUpTo: -1,
  namedUpTo: -1,
  earlierUpTo: -1,
  firstSeq: 1,
} satisfies Epoch

test.each<[string, { turns: number; question?: number; answer?: number; budget?: number }, boolean]>([
  ['a full one', { turns: 750 }, true],
  ['one with room', { turns: 749 }, false],
  ['the question counts', { turns: 700, question: 50 }, true],
  ['the answer counts', { turns: 700, answer: 50 }, true],
  ['a short one with a long question is not worth it', { turns: 375, question: 376 }, false],
  ['nor with a long answer', { turns: 400, answer: 401 }, false],
  ['half of it is', { turns: 400, answer: 400 }, true],
  ['one without any room is trimmed', { turns: 1, budget: 0 }, false],
])('%s: %j', (_, { turns, question = 0, answer = 0, budget = 1_000 }, expected) => {
  const history = { tokens: { turns, question }, budget, upTo: 9 }
  expect(shouldCompact(history, () => answer)).toBe(expected)
})

test('the answer of a short conversation is not read', () => {
  const history = { tokens: { turns: 370, question: 0 }, budget: 1_000, upTo: 9 }
  const unasked = (): number => {
    throw new Error('asked')
  }
  expect(shouldCompact(history, unasked)).toBe(false)
})

test('what the model was sent is counted behind what is left out, notices aside', () => {
  const rows = (['user', 'assistant', 'notice', 'user', 'user', 'assistant'] as const).map(
    (role, index) => ({ role, seq: index + 1 }) as StoredMessage,
  )
  expect(countSent(rows, EPOCH)).toBe(5)
  expect(countSent(rows, { ...EPOCH, leftOutUpTo: 2 })).toBe(3)
  expect(countSent(rows, { ...EPOCH, leftOutUpTo: 6 })).toBe(0)
})

test('a compaction is for its model and system prompt, a summary for all; earlier versions find the summary', () => {
  const block = '{"10":1.50,"9":"\\u0000"}'
  const record = compactedRecord(EPOCH, 4, { block, text: 'They met.' })
  expect(JSON.parse(record)).toMatchObject({ upTo: 4, text: 'They met.', epoch: EPOCH })
  const read = readEpochRecord(record)
  expect(writeEpochRecord(read)).toBe(record)
  expect(compactionFor(read.summary, EPOCH)?.block).toBe(block)
  expect(compactionFor(read.summary, { ...EPOCH, model: 'two' })).toBeNull()
  expect(compactionFor(read.summary, { ...EPOCH, system: 't' })).toBeNull()
  expect(withoutCompaction(read).summary).toEqual({ upTo: 4, text: 'They met.' })
})

test.each([null, 'x', { model: 'one', system: 's' }, { model: 'one', system: 's', block: 1 }])(
  'a summary with %j has no compaction',
  (compaction) => {
    const stored = JSON.stringify({ upTo: 4, text: 'They met.', compaction, epoch: EPOCH })
    expect(readEpochRecord(stored).summary).toEqual({ upTo: 4, text: 'They met.' })
  },
)
