import { expect, test } from 'vitest'
import { HOUR, MINUTE } from '../support/clock.ts'
import { decideCacheUse, type CachedRequest } from './cache-watch.ts'

const FIRST: CachedRequest = {
  epoch: '1.1',
  epochReason: 'new',
  model: 'claude-sonnet-5',
  toolChoice: null,
  pictures: 0,
  messages: 1,
  startedAt: 0,
  lifeMs: 5 * MINUTE,
  inputTokens: 10_000,
  readTokens: 0,
  writtenTokens: 9_000,
  miss: null,
}
/** The next message of the same conversation, a minute later. */
const NEXT: CachedRequest = {
  ...FIRST,
  messages: 3,
  startedAt: MINUTE,
  inputTokens: 12_000,
  readTokens: 9_000,
  writtenTokens: 2_000,
}
/** The same, of which nothing was read. */
const MISSED: CachedRequest = { ...NEXT, readTokens: 0, writtenTokens: 11_000 }

test('what the request before has left was read: nothing was missed', () => {
  expect(decideCacheUse(FIRST, NEXT)).toEqual({ kind: 'hit', possibleTokens: 9_000 })
})

test('more than that was read, because another gateway asked in between', () => {
  expect(decideCacheUse(FIRST, { ...NEXT, readTokens: 11_000 })).toEqual({
    kind: 'hit',
    possibleTokens: 11_000,
  })
})

test.each([
  ['is the first that is known', null, MISSED, 'first-request'],
  ['goes to another model', FIRST, { ...MISSED, model: 'claude-opus-5' }, 'other-model'],
  ['begins another epoch', FIRST, { ...MISSED, epoch: '2.1', epochReason: 'system' }, 'epoch-system'],
  ['comes after the life of what was kept', FIRST, { ...MISSED, startedAt: 5 * MINUTE }, 'expired'],
  ['may have come just after it', FIRST, { ...MISSED, startedAt: 5 * MINUTE - 1 }, 'expired'],
  ['forbids calls', FIRST, { ...MISSED, toolChoice: 'none' }, 'tool-choice'],
  ['brings a picture', FIRST, { ...MISSED, pictures: 1 }, 'pictures'],
  ['stands in place of one that was refused', FIRST, { ...MISSED, messages: 1 }, 'replaced'],
  [
    'follows one that was too short to be kept',
    { ...FIRST, inputTokens: 4_095, writtenTokens: 0 },
    { ...MISSED, inputTokens: 4_200, writtenTokens: 0 },
    'too-short',
  ],
] as const)('a request that %s misses only what it has to', (_what, before, request, reason) => {
  expect(decideCacheUse(before, request)).toEqual({
    kind: 'expected',
    reason,
    possibleTokens: request.readTokens,
  })
})

test('what was kept for an hour is missed within the hour', () => {
  const kept = { ...FIRST, lifeMs: HOUR }
  expect(decideCacheUse(kept, { ...MISSED, startedAt: 50 * MINUTE }).kind).toBe('unexpected')
  expect(decideCacheUse(kept, { ...MISSED, startedAt: HOUR }).kind).toBe('expected')
})

test('a miss that nothing explains has the reason that the provider names, or none', () => {
  expect(decideCacheUse(FIRST, { ...MISSED, miss: 'tools_changed' })).toEqual({
    kind: 'unexpected',
    reason: 'tools_changed',
    possibleTokens: 9_000,
  })
  expect(decideCacheUse(FIRST, MISSED)).toMatchObject({ kind: 'unexpected', reason: 'not-known' })
})

test('a part of it is a miss as well, and what is left is possible', () => {
  expect(decideCacheUse(FIRST, { ...NEXT, readTokens: 2_000 })).toEqual({
    kind: 'unexpected',
    reason: 'not-known',
    possibleTokens: 9_000,
  })
})

test('counts that differ by a little are no miss', () => {
  expect(decideCacheUse(FIRST, { ...NEXT, readTokens: 8_960 }).kind).toBe('hit')
})

test('a long prompt of which nothing is kept is a miss of all of it', () => {
  expect(decideCacheUse({ ...FIRST, writtenTokens: 0 }, { ...MISSED, writtenTokens: 0 })).toEqual({
    kind: 'unexpected',
    reason: 'not-kept',
    possibleTokens: 10_000,
  })
})

test('of prompts that were counted together nobody knows how much was left: that is no miss', () => {
  const together = { ...FIRST, inputTokens: null, readTokens: 40_000 }
  expect(decideCacheUse(together, { ...NEXT, readTokens: 12_000 })).toEqual({
    kind: 'hit',
    possibleTokens: 12_000,
  })
})
