import { expect, test } from 'vitest'
import type { Holding } from '../../inbox/gate/readiness.ts'
import { statusLine } from './status-line.ts'

const page = { sandbox: false, login: {} }
const none = { received: 0, answering: 0, held: 0, parked: 0 }
const holding = (status: string, given: Partial<Holding> = {}): Holding => ({
  status,
  reason: null,
  since: 0,
  nextTryAt: null,
  trying: false,
  ...given,
})

test.each([
  ['needs-login', 14, "You've been signed out. Sign in to continue. 14 messages saved."],
  ['needs-login', 1, "You've been signed out. Sign in to continue. 1 message saved."],
  ['usage-limited', 0, 'The usage limit is reached. Answers resume when it resets.'],
  ['something-new', 0, "Messages can't be answered right now."],
])('%s with %d waiting is said plainly', (status, held, sentence) => {
  const line = statusLine(holding(status), { ...none, held }, page)
  expect(line).toMatchObject({ ready: false, status, sentence })
})

test('signing in is offered only where it helps and where it is possible', () => {
  const line = (status: string, login: unknown) =>
    statusLine(holding(status), none, { sandbox: false, login }).signIn
  expect(line('needs-login', {})).toBe(true)
  expect(line('needs-login', null)).toBe(false)
  expect(line('usage-limited', {})).toBe(false)
  expect(statusLine(null, none, page)).toMatchObject({ ready: true, signIn: false })
})

test.each([
  ['overloaded', 'Claude is overloaded; 3 messages wait.'],
  ['rate-limited', 'Claude accepts no more requests for a moment; 3 messages wait.'],
  ['provider', 'Claude has a problem; 3 messages wait.'],
  ['network', "Claude can't be reached right now; 3 messages wait."],
])(
  'a provider that does not answer (%s) is named, with all that wait and the next try',
  (reason, sentence) => {
    const found = holding('provider-unavailable', { reason, nextTryAt: 12_000 })
    const line = statusLine(found, { ...none, held: 1, received: 2 }, page)
    expect(line).toMatchObject({ ready: false, sentence, waiting: 3, held: 1 })
    expect(line.nextTryAt).toBe('1970-01-01T00:00:12.000Z')
  },
)

test('the message that is tried waits as well; one that is answered while nothing is wrong does not', () => {
  const counts = { ...none, answering: 1, received: 1 }
  expect(statusLine(holding('provider-unavailable', { trying: true }), counts, page).waiting).toBe(2)
  expect(statusLine(holding('provider-unavailable'), counts, page).waiting).toBe(1)
  expect(statusLine(null, counts, page).waiting).toBe(0)
})

test('an API key that is rejected is not called a sign-in', () => {
  const line = (credentialKind: 'api-key' | 'oauth') =>
    statusLine({ ...holding('needs-login', { reason: 'revoked' }), credentialKind }, none, page).sentence
  expect(line('api-key')).toBe('The API key was rejected. Put in a new one to continue.')
  expect(line('oauth')).toBe("You've been signed out. Sign in to continue.")
})
