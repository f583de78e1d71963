import { expect, test } from 'vitest'
import { rethrow } from '../../test/support/rethrow.ts'
import { DAY, MINUTE } from '../support/clock.ts'
import { createLog } from '../support/log.ts'
import { CacheRecord } from './cache-record.ts'
import type { CacheChange } from './cache-trouble.ts'
import type { CachedRequest } from './cache-watch.ts'

const NOW = Date.UTC(2026, 10, 30, 12)

async function opened() {
  const lines: string[] = []
  const log = await createLog({ format: 'json', destination: { write: (line) => void lines.push(line) } })
  const record = new CacheRecord(log, rethrow)
  const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { record, logged }
}

/** The `turn`-th request of a conversation, a minute after the one before. */
function request(turn: number, given: Partial<CachedRequest> = {}): CachedRequest {
  return {
    epoch: '1.1',
    epochReason: 'new',
    model: 'claude-sonnet-5',
    toolChoice: null,
    pictures: 0,
    messages: 2 * turn - 1,
    startedAt: NOW + turn * MINUTE,
    lifeMs: 5 * MINUTE,
    inputTokens: 10_000 * turn,
    readTokens: 10_000 * (turn - 1),
    writtenTokens: 10_000,
    miss: null,
    ...given,
  }
}
const missed = (turn: number): CachedRequest =>
  request(turn, { readTokens: 0, writtenTokens: 10_000 * turn, miss: 'tools_changed' })

test('what was read stands next to what could have been, with the reasons, what should not be first', async () => {
  const { record } = await opened()
  record.add('a', request(1), NOW)
  record.add('a', request(2), NOW)
  record.add('a', missed(3), NOW)
  record.add('b', request(1), NOW)
  expect(record.figures(NOW)).toEqual({
    inputTokens: 70_000,
    readTokens: 10_000,
    possibleTokens: 30_000,
    reasons: [
      { reason: 'tools_changed', isExpected: false, requests: 1 },
      { reason: 'first-request', isExpected: true, requests: 2 },
    ],
  })
})

test('each conversation is compared with itself alone', async () => {
  const { record } = await opened()
  record.add('a', request(1), NOW)
  expect(record.add('b', request(2), NOW).kind).toBe('expected')
  expect(record.add('a', request(2), NOW).kind).toBe('hit')
})

test('figures are of whole days, and only of those that are asked for', async () => {
  const { record } = await opened()
  record.add('a', request(1), NOW - 2 * DAY)
  record.add('b', request(1), NOW)
  expect(record.figures(NOW - 2 * DAY).inputTokens).toBe(20_000)
  expect(record.figures(NOW - DAY).inputTokens).toBe(10_000)
  expect(record.figures(NOW + DAY)).toMatchObject({ inputTokens: 0, reasons: [] })
})

test('days and conversations are forgotten in time: their number is bounded', async () => {
  const { record } = await opened()
  for (let day = 0; day < 200; day++) record.add('a', request(1), NOW + day * DAY)
  expect(record.figures(0).inputTokens).toBe(91 * 10_000)
  record.add('first', request(1), NOW)
  for (let other = 0; other < 10_000; other++) record.add(`c${other}`, request(1), NOW)
  expect(record.add('first', request(2), NOW)).toMatchObject({ reason: 'first-request' })
})

test('a conversation is logged once for each reason, and nothing that has to be is', async () => {
  const { record, logged } = await opened()
  record.add('a', request(1), NOW)
  for (let turn = 2; turn < 6; turn++) record.add('a', missed(turn), NOW)
  record.add('a', { ...missed(6), miss: 'system_changed' }, NOW)
  record.add('a', request(7, { epoch: '2.1', readTokens: 0 }), NOW)
  record.add('b', request(1), NOW)
  expect(logged().map(({ level, conversation, reason }) => [level, conversation, reason])).toEqual([
    ['warn', 'a', 'tools_changed'],
    ['warn', 'a', 'system_changed'],
  ])
})

test('misses that last are told to those who listen', async () => {
  const { record } = await opened()
  const heard: CacheChange[] = []
  record.subscribe((change) => heard.push(change))
  record.add('a', request(1), NOW)
  for (let turn = 2; turn < 80; turn++) record.add('a', missed(turn), NOW + turn * MINUTE)
  expect(heard.map(({ kind }) => kind)).toEqual(['lasting'])
})
