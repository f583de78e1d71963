import { describe, expect, test } from 'vitest'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { dayInWords, latePreface, noticeAt, spanInWords, tellAt, timeInWords, tooOldNotice } from './gate.ts'

/** A Sunday. */
const NOW = Date.UTC(2026, 10, 22, 14, 30)

test('a wait that is known to be long is told at once, an unknown one after 30 s', () => {
  expect(tellAt(NOW, NOW, NOW + HOUR)).toBe(NOW)
  expect(tellAt(NOW, NOW, NOW + 30 * SECOND)).toBe(NOW)
  expect(tellAt(NOW, NOW, NOW + 29 * SECOND)).toBe(NOW + 30 * SECOND)
  expect(tellAt(NOW, NOW + 10 * SECOND, null)).toBe(NOW + 30 * SECOND)
})

test.each([
  ['no try is planned', { tellAt: NOW, until: null }, NOW, NOW],
  ['it is not due yet', { tellAt: NOW + 20 * SECOND, until: NOW + 9 * SECOND }, NOW, NOW + 20 * SECOND],
  ['the next try is far', { tellAt: NOW, until: NOW + 6 * SECOND }, NOW, NOW],
  ['the next try is near', { tellAt: NOW, until: NOW + 5 * SECOND }, NOW, NOW + 15 * SECOND],
  ['a try is under way', { tellAt: NOW - MINUTE, until: NOW - SECOND }, NOW, NOW + 9 * SECOND],
  ['a try takes too long', { tellAt: NOW - MINUTE, until: NOW - 10 * SECOND }, NOW, NOW],
  ['it falls due during a try', { tellAt: NOW + 2 * SECOND, until: NOW }, NOW, NOW + 10 * SECOND],
])(
  'people are notified when it is due, or after the try that may spare them: %s',
  (_when, outage, now, at) => {
    expect(noticeAt(outage, now)).toBe(at)
  },
)

test('only an answer later than two minutes says what it answers', () => {
  expect(latePreface(NOW - 2 * MINUTE, NOW, DEFAULT_TEXTS)).toBeNull()
  expect(latePreface(NOW - 2 * MINUTE - 1, NOW, DEFAULT_TEXTS)).toBe(
    '(Replying to your message from 2 min ago)',
  )
  expect(latePreface(NOW - 2 * HOUR, NOW, DEFAULT_TEXTS)).toBe('(Replying to your message from 2 h ago)')
  expect(latePreface(NOW + HOUR, NOW, DEFAULT_TEXTS)).toBeNull()
})

test.each([
  [59 * SECOND, '1 min'],
  [59 * MINUTE, '59 min'],
  [HOUR, '1 h'],
  [47 * HOUR, '47 h'],
  [2 * DAY, '2 days'],
  [6.9 * DAY, '6 days'],
])('a span of %d ms is called %s', (span, words) => {
  expect(spanInWords(span)).toBe(words)
})

describe('days and times', () => {
  test('a day of the last week has its name, an older one its date', () => {
    expect(dayInWords(NOW - 2 * DAY, NOW)).toBe('Friday')
    expect(dayInWords(NOW - 9 * DAY, NOW)).toBe('13 November')
    expect(tooOldNotice(NOW - 2 * DAY, NOW, DEFAULT_TEXTS)).toBe(
      'I was away too long to answer your message of Friday; send it again if it still matters.',
    )
  })

  test('a time names its day where that is another one', () => {
    expect(timeInWords(Date.UTC(2026, 10, 22, 15), NOW)).toBe('15:00 UTC')
    expect(timeInWords(Date.UTC(2026, 10, 23, 9, 5), NOW)).toBe('Monday 09:05 UTC')
    expect(timeInWords(Date.UTC(2026, 11, 1), NOW)).toBe('1 December 00:00 UTC')
  })
})
