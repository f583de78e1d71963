import { expect, test } from 'vitest'
import { DAY, MINUTE } from '../../../support/clock.ts'
import { positionAfter, formatPosition, parsePosition, windowOf } from './position.ts'

const NOW = 1_000 * DAY
const times = { begun: NOW - 100 * DAY, seenAt: NOW - DAY }

test('a position is good while the folder counts as before', () => {
  expect(windowOf({ uidValidity: '7', uid: 20 }, { uidValidity: 7n, uidNext: 21 }, times)).toBeNull()
  expect(windowOf({ uidValidity: '7', uid: 20 }, { uidValidity: 7n }, times)).toBeNull()
})

test.each([
  ['counts from the start again', { uidValidity: 8n, uidNext: 500 }],
  ['counts backwards', { uidValidity: 7n, uidNext: 20 }],
])('a folder that %s is read again from shortly before the last stored mail', (_what, folder) => {
  const window = windowOf({ uidValidity: '7', uid: 20 }, folder, times)!
  expect(window.since).toBe(NOW - 3 * DAY)
  expect(window.writtenSince).toBeLessThan(window.since)
})

test('the first start takes nothing that came before it', () => {
  const window = windowOf(null, { uidValidity: 7n, uidNext: 21 }, { begun: NOW, seenAt: 0 })
  expect(window).toEqual({ since: NOW - 2 * MINUTE, writtenSince: null })
})

test('a folder that counts from the start again before any mail was stored is read from the first start on', () => {
  const window = windowOf(
    { uidValidity: '7', uid: 20 },
    { uidValidity: 8n, uidNext: 3 },
    { begun: NOW, seenAt: 0 },
  )
  expect(window!.since).toBe(NOW - 2 * MINUTE)
})

test('a position is read back as it was written, and nonsense is none', () => {
  const position = { uidValidity: '1795359486', uid: 12 }
  expect(parsePosition(formatPosition(position))).toEqual(position)
  for (const text of [null, '', '12', 'a:b', '1:-2', '1:2:3']) expect(parsePosition(text)).toBeNull()
  expect(positionAfter({ uidValidity: 3n, uidNext: 9 }, [])).toEqual({ uidValidity: '3', uid: 8 })
  expect(positionAfter({ uidValidity: 3n }, [4, 6])).toEqual({ uidValidity: '3', uid: 6 })
})
