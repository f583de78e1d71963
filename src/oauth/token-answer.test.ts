import { expect, test } from 'vitest'
import { parseTokenAnswer } from './token-answer.ts'

function parse(body: object, status = 200) {
  const answer = { kind: 'answer', status, headers: new Headers(), body: JSON.stringify(body) } as const
  return parseTokenAnswer(answer, 0)
}

const GOOD = { access_token: 'TESTaccess', refresh_token: 'TESTrefresh', expires_in: 60 }

test.each([null, '', ' ', false, 0, {}, []])(
  'an answer with good tokens and "error": %j is a success',
  (error) => {
    expect(parse({ ...GOOD, error }).kind).toBe('issued')
  },
)

test.each(['invalid_request', { type: 'api_error', message: 'x' }, true, ['x']])(
  'an answer with "error": %j is none, whatever else it holds',
  (error) => {
    expect(parse({ ...GOOD, error })).toMatchObject({ kind: 'transient', ambiguous: true })
  },
)

test.each(['TESTrefresh\n', '\r\n TESTrefresh', 'TESTrefresh\u00a0'])(
  'a refresh token of %j is taken without the white space round it',
  (token) => {
    const result = parse({ ...GOOD, refresh_token: token, access_token: `${GOOD.access_token}\n` })
    if (result.kind !== 'issued') throw new Error(result.kind)
    expect(result.tokens.accessToken.reveal()).toBe('TESTaccess')
    expect(result.tokens.refreshToken?.reveal()).toBe('TESTrefresh')
    expect(result.tokens).not.toHaveProperty('refreshTokenUnusable')
  },
)

test.each(['TEST refresh', 'TESTrefresh…', 7, ['TESTrefresh'], true])(
  'a refresh token of %j is said to be unusable, and the access token is kept',
  (token) => {
    expect(parse({ ...GOOD, refresh_token: token })).toMatchObject({
      kind: 'issued',
      tokens: { refreshToken: null, refreshTokenUnusable: true },
    })
  },
)

test.each([undefined, null, ''])('a refresh token of %j is none', (token) => {
  const result = parse({ ...GOOD, refresh_token: token })
  expect(result).toMatchObject({ kind: 'issued', tokens: { refreshToken: null } })
  expect(result).not.toHaveProperty('tokens.refreshTokenUnusable')
})
