import { expect, test } from 'vitest'
import type { StatusReport, TimelineReport } from '../../../src/http/wire-reports.ts'
import type { StatusLine } from '../../../src/http/wire.ts'
import { headline } from './headline.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const after = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString()

const READY: StatusLine = {
  ready: true,
  status: 'ready',
  reason: null,
  sentence: 'Signed in and ready.',
  nextTryAt: null,
  waiting: 0,
  held: 0,
  parked: 0,
  sandbox: false,
  signIn: false,
}
const ENDED: StatusLine = {
  ...READY,
  ready: false,
  status: 'needs-login',
  sentence: "You've been signed out. Sign in to continue. 14 messages saved.",
  signIn: true,
}

function report(credential: Partial<StatusReport['credential']> = {}, parked = 0): StatusReport {
  return {
    gateway: {
      running: true,
      version: '1',
      pid: 1,
      url: null,
      startedAt: null,
      sandbox: false,
      status: 'ready',
      reason: null,
    },
    credential: {
      state: 'healthy',
      reason: null,
      source: 'own',
      kind: 'oauth',
      renewable: true,
      fingerprint: 'aaaaaaaa',
      expiresAt: after(300),
      secondsLeft: 300 * 60,
      loginExpiresAt: '2026-12-19T12:00:00Z',
      loginExpiryEstimated: false,
      lastRefresh: null,
      nextAttemptAt: null,
      consecutive401: 0,
      ...credential,
    },
    holding: null,
    channels: [],
    queue: { received: 0, answering: 0, held: 0, parked, oldestAt: null },
    incident: null,
    alerts: [],
    warnings: [],
  }
}

const timeline = { plannedRefreshAt: after(134) } as TimelineReport

test('all is well: when the next refresh is, and when the sign-in ends', () => {
  const { sentence, action, tone } = headline(READY, report(), timeline, NOW)
  expect(sentence).toBe('Signed in. Next refresh in 2 h 14 min; your sign-in expires on 19 December.')
  expect([tone, action]).toEqual(['good', null])
})

test('an estimated end is shown as approximate', () => {
  const { sentence } = headline(READY, report({ loginExpiryEstimated: true }), timeline, NOW)
  expect(sentence).toContain('expires on about 19 December')
})

test('an end within a day is said in hours', () => {
  const { sentence } = headline(READY, report({ loginExpiresAt: after(200) }), timeline, NOW)
  expect(sentence).toContain('your sign-in expires in 3 h 20 min')
})

test('an API key neither ends nor is renewed', () => {
  const given = report({ kind: 'api-key', expiresAt: null, loginExpiresAt: null })
  expect(headline(READY, given, null, NOW).sentence).toBe(
    "Signed in. An API key is in use; it doesn't expire.",
  )
})

test.each([
  [{ state: 'at-risk', reason: 'unrenewable' }, 'cannot be renewed. It expires in 5 h.', '/sign-in'],
  [{ state: 'at-risk', reason: 'endpoint' }, 'refreshing keeps failing. It expires in 5 h.', '/sign-in'],
] as const)('a sign-in that will not last is reported, with the remedy (%j)', (credential, words, path) => {
  const { sentence, action, tone } = headline(READY, report(credential), timeline, NOW)
  expect(sentence).toContain(words)
  expect([tone, action?.path]).toEqual(['wait', path])
})

test('the sign-in has ended: one button, and it signs in', () => {
  const { sentence, action, tone } = headline(ENDED, report(), timeline, NOW)
  expect(sentence).toBe("You've been signed out. Sign in to continue. 14 messages saved.")
  expect([tone, action]).toEqual(['bad', { label: 'Sign in', path: '/sign-in' }])
})

test('an outage that ends without help needs no action, and links to its incident', () => {
  const line = { ...ENDED, status: 'provider-unavailable', sentence: "Claude can't be reached right now." }
  expect(headline(line, report(), timeline, NOW).action?.path).toBe('/incidents')
})

test('an overload that is no incident yet links to the waiting messages, in a softer tone', () => {
  const line = {
    ...ENDED,
    status: 'provider-unavailable',
    sentence: 'Claude is overloaded; 3 messages wait.',
  }
  const holding = {
    status: 'provider-unavailable',
    reason: 'overloaded',
    since: after(0),
    nextTryAt: null,
    waiting: 3,
  }
  const { tone, action } = headline(line, { ...report(), holding }, timeline, NOW)
  expect([tone, action?.path]).toEqual(['wait', '/queue'])
})

test('parked messages are pointed to', () => {
  const one = headline(READY, report({}, 1), timeline, NOW)
  expect([one.detail, one.action?.path]).toEqual([
    'One message could not be answered and needs your decision.',
    '/queue',
  ])
  expect(headline(READY, report({}, 3), timeline, NOW).detail).toBe(
    '3 messages could not be answered and need your decision.',
  )
})

test('before the gateway has said anything, nothing is claimed', () => {
  expect(headline(null, null, null, NOW).tone).toBe('wait')
})
