import { expect, test } from 'vitest'
import { statusLine } from './status-line.ts'

const page = { sandbox: false, login: {} }
const none = { held: 0, parked: 0 }

test.each([
  ['needs-login', 14, "You've been signed out. Sign in to continue. 14 messages saved."],
  ['needs-login', 1, "You've been signed out. Sign in to continue. 1 message saved."],
  ['usage-limited', 0, 'The usage limit is reached. Answers resume when it resets.'],
  ['something-new', 0, "Messages can't be answered right now."],
])('%s with %d waiting is said plainly', (status, held, sentence) => {
  const line = statusLine({ ready: false, status, reason: null }, { held, parked: 0 }, page)
  expect(line).toMatchObject({ ready: false, status, sentence })
})

test('signing in is offered only where it helps and where it is possible', () => {
  const line = (status: string, login: unknown) =>
    statusLine({ ready: false, status, reason: null }, none, { sandbox: false, login }).signIn
  expect(line('needs-login', {})).toBe(true)
  expect(line('needs-login', null)).toBe(false)
  expect(line('usage-limited', {})).toBe(false)
  expect(statusLine({ ready: true }, none, page)).toMatchObject({ ready: true, signIn: false })
})

test('an API key that is rejected is not called a sign-in', () => {
  const line = (credentialKind: 'api-key' | 'oauth') =>
    statusLine({ ready: false, status: 'needs-login', reason: 'revoked', credentialKind }, none, page)
      .sentence
  expect(line('api-key')).toBe('The API key was rejected. Put in a new one to continue.')
  expect(line('oauth')).toBe("You've been signed out. Sign in to continue.")
})
