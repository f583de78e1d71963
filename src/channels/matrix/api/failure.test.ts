import { describe, expect, test } from 'vitest'
import { Secret } from '../../../support/secret.ts'
import { classifyAnswer } from './failure.ts'

/** The server's clock. */
const DATE = 'Fri, 20 Nov 2026 00:00:00 GMT'

const judge = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  classifyAnswer('send', status, new Headers({ date: DATE, ...headers }), body)

describe('an answer of the homeserver', () => {
  test.each([
    [429, { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 700 }, 'rate-limited'],
    [401, { errcode: 'M_UNKNOWN_TOKEN' }, 'token'],
    [401, { errcode: 'M_MISSING_TOKEN' }, 'token'],
    [401, { errcode: 'M_USER_LOCKED', soft_logout: true }, 'account'],
    [403, { errcode: 'M_USER_DEACTIVATED' }, 'account'],
    [403, { errcode: 'M_CONSENT_NOT_GIVEN' }, 'account'],
    [403, { errcode: 'M_FORBIDDEN' }, 'forbidden'],
    [404, { errcode: 'M_NOT_FOUND' }, 'gone'],
    [404, { errcode: 'M_UNRECOGNIZED' }, 'unknown-call'],
    [405, { errcode: 'M_UNRECOGNIZED' }, 'unknown-call'],
    [404, null, 'unknown-call'],
    [413, { errcode: 'M_TOO_LARGE' }, 'too-large'],
    [413, null, 'too-large'],
    [400, { errcode: 'M_BAD_JSON' }, 'rejected'],
    [403, { errcode: 'ORG_SOMETHING_NEW' }, 'forbidden'],
    [302, null, 'server'],
    [500, { errcode: 'M_UNKNOWN' }, 'server'],
    [502, null, 'server'],
    [504, { errcode: 'M_FORBIDDEN' }, 'server'],
  ])('%i %j is %s', (status, body, kind) => {
    expect(judge(status, body).kind).toBe(kind)
  })

  test.each([
    [{ retry_after_ms: 700 }, {}, 700],
    [{}, { 'retry-after': '3' }, 3_000],
    [{}, { 'retry-after': 'Fri, 20 Nov 2026 00:00:09 GMT' }, 9_000],
    [{ retry_after_ms: -5 }, {}, 5_000],
    [{ retry_after_ms: 'soon' }, { 'retry-after': 'soon' }, 5_000],
  ])('that asks for a wait by %j and %j gets %i ms', (body, headers, ms) => {
    expect(judge(429, { errcode: 'M_LIMIT_EXCEEDED', ...body }, headers).retryAfterMs).toBe(ms)
  })

  test('keeps the server’s words, short and without secrets', () => {
    const token = new Secret('TEST_token_that_came_back')
    const failure = judge(401, {
      errcode: 'M_UNKNOWN_TOKEN',
      error: `unknown ${token.reveal()} ${'x'.repeat(5_000)}`,
      soft_logout: true,
    })
    expect(failure.message).toContain('M_UNKNOWN_TOKEN: unknown')
    expect(failure.message).not.toContain(token.reveal())
    expect(failure.message.length).toBeLessThan(400)
    expect(failure.softLogout).toBe(true)
  })
})
