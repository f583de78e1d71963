import { expect, test } from 'vitest'
import type { StoredMessage } from '../../inbox/message.ts'
import {
  decideEpoch,
  epochTerms,
  readEpochRecord,
  writeEpochRecord,
  type Epoch,
  type EpochFacts,
  type EpochReason,
} from './epoch.ts'
import { BEGINNING, type Turn } from './history.ts'

const row = (seq: number, role: StoredMessage['role'], sizes: readonly number[] = []) =>
  ({
    seq,
    role,
    attachments: sizes.map((size) => ({ mediaType: 'image/png', name: 'p', size })),
  }) as unknown as StoredMessage

/** Turns of two messages each, of which the first is `from`. */
function turns(count: number, from = 1): Turn[] {
  return Array.from({ length: count }, (_, index) => {
    const seq = from + 2 * index
    return [row(seq, 'user'), row(seq + 1, 'assistant')]
  })
}

const SETTINGS = { model: 'one', effort: null, thinking: null }
const terms = epochTerms(SETTINGS, 'Be kind.', [{ name: 'look' }])
const NOTHING_GONE = { leftOutUpTo: BEGINNING, namedUpTo: BEGINNING }

/** A turn behind `before`. Each message counts ten tokens, its thinking another ten. */
function decide(known: Epoch | null, before: readonly Turn[], more: Partial<EpochFacts> = {}): Epoch {
  const next = (before.at(-1)?.at(-1)?.seq ?? 0) + 1
  const { epoch } = decideEpoch({
    known,
    turns: before,
    question: [row(next, 'user')],
    terms,
    budget: 1_000,
    tokensOf: (_, earlier) => (earlier ? 10 : 20),
    gone: NOTHING_GONE,
    isNewlySummarised: false,
    isCompacted: false,
    ...more,
  })
  return epoch
}

const FIRST = decide(null, [])

test('a conversation begins with an epoch, in which everything is sent', () => {
  expect(FIRST).toEqual({
    ...terms,
    ...NOTHING_GONE,
    no: 1,
    reason: 'new',
    earlierUpTo: BEGINNING,
    firstSeq: 1,
  })
})

test('it continues while only turns are added, in every process', () => {
  for (let count = 1; count < 10; count++) {
    const again = readEpochRecord(writeEpochRecord({ summary: null, epoch: FIRST })).epoch
    expect(decide(again, turns(count))).toEqual(FIRST)
  }
})

test.each<[EpochReason, Partial<EpochFacts>]>([
  ['model', { terms: { ...terms, model: 'two' } }],
  ['effort', { terms: { ...terms, effort: 'low' } }],
  ['thinking', { terms: { ...terms, thinking: 'auto' } }],
  ['system', { terms: epochTerms(SETTINGS, 'Be short.', [{ name: 'look' }]) }],
  ['system', { terms: epochTerms(SETTINGS, null, [{ name: 'look' }]) }],
  ['tools', { terms: epochTerms(SETTINGS, 'Be kind.', [{ name: 'find' }]) }],
  ['tools', { terms: epochTerms(SETTINGS, 'Be kind.', []) }],
  ['history', { turns: turns(4, 3) }],
  ['trim', { gone: { leftOutUpTo: 2, namedUpTo: BEGINNING } }],
  ['compaction', { gone: { leftOutUpTo: 2, namedUpTo: BEGINNING }, turns: turns(4, 3), isCompacted: true }],
  ['attachments', { gone: { leftOutUpTo: BEGINNING, namedUpTo: 4 } }],
  ['summary', { isNewlySummarised: true }],
  ['trim', { budget: 100 }],
])('another one begins with the reason %s', (reason, more) => {
  const epoch = decide(FIRST, turns(5), more)
  expect(epoch).toMatchObject({ no: 2, reason, earlierUpTo: 10 })
  const after = [...(more.turns ?? turns(5)), [row(11, 'user'), row(12, 'assistant')]]
  expect(decide(epoch, after, { ...more, isNewlySummarised: false, turns: after })).toEqual(epoch)
})

test('what is taken back at the end, asked again or edited continues the same epoch', () => {
  const sent = turns(5)
  for (let left = 4; left > 0; left--) expect(decide(FIRST, sent.slice(0, left))).toEqual(FIRST)
  expect(decide(FIRST, [...sent.slice(0, 3), [row(20, 'user'), row(21, 'assistant')]])).toEqual(FIRST)
})

test('a conversation that was taken back whole continues with its next question', () => {
  const question = [row(9, 'user')]
  const epoch = decide(FIRST, [], { question })
  expect(epoch).toEqual({ ...FIRST, firstSeq: 9 })
  expect(decide(epoch, turns(1, 9))).toEqual(epoch)
})

test('a later epoch that is taken back sends the same beginning still', () => {
  const second = decide(FIRST, turns(5), { terms: { ...terms, model: 'two' } })
  expect(decide(second, turns(2), { terms: { ...terms, model: 'two' } })).toEqual(second)
})

test('a trim leaves half of the room, and what it leaves fits for a while', () => {
  const trimmed = decide(FIRST, turns(20), { budget: 420 })
  expect(trimmed).toMatchObject({ reason: 'trim', leftOutUpTo: 20, earlierUpTo: 40, firstSeq: 21 })
  expect(decide(trimmed, turns(22), { budget: 420 })).toEqual(trimmed)
  expect(decide(trimmed, turns(26), { budget: 420 })).toMatchObject({ no: 3, reason: 'trim' })
})

test('a question for which there is no room alone trims nothing that is not there', () => {
  expect(decide(FIRST, [], { budget: 0 }).reason).toBe('new')
  const alone = decide(FIRST, turns(1), { budget: 0 })
  expect(alone).toMatchObject({ reason: 'trim', leftOutUpTo: 2, firstSeq: 3 })
  expect(decide(alone, turns(1), { budget: 0 })).toEqual(alone)
})

test('a record of an earlier version brings its summary, and the next turn begins an epoch', () => {
  const record = readEpochRecord('{"upTo":4,"text":"They met."}')
  expect(record).toEqual({ summary: { upTo: 4, text: 'They met.' }, epoch: null })
  const gone = { leftOutUpTo: 4, namedUpTo: BEGINNING }
  expect(decide(null, turns(5), { gone })).toMatchObject({ reason: 'history', leftOutUpTo: 4, firstSeq: 5 })
  expect(decide(null, [], { gone })).toMatchObject({ reason: 'history', leftOutUpTo: 4 })
})

test('earlier versions find the summary in a record', () => {
  const record = { summary: { upTo: 4, text: 'They met.' }, epoch: FIRST }
  expect(JSON.parse(writeEpochRecord(record))).toMatchObject({ upTo: 4, text: 'They met.' })
  expect(readEpochRecord(writeEpochRecord(record))).toEqual(record)
})

test.each([null, '', 'They met.', 'null', '7', '[]', '{"upTo":"4","text":"x"}', '{"epoch":{"no":1}}'])(
  '%j is no record',
  (stored) => {
    expect(readEpochRecord(stored)).toEqual({ summary: null, epoch: null })
  },
)

test.each<Partial<Record<keyof Epoch, unknown>>>([
  { no: null },
  { reason: 'other' },
  { model: 1 },
  { effort: 1 },
  { firstSeq: '1' },
])('an epoch with %j is none', (odd) => {
  expect(readEpochRecord(JSON.stringify({ epoch: { ...FIRST, ...odd } })).epoch).toBeNull()
})
