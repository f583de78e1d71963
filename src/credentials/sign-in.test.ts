import { describe, expect, it } from 'vitest'
import type { IssuedTokens } from '../oauth/token-endpoint.ts'
import { DAY, HOUR } from '../support/clock.ts'
import { Secret } from '../support/secret.ts'
import { firstGeneration, nextGeneration } from './sign-in.ts'

const NOW = Date.UTC(2026, 10, 1)

function issued(more: Partial<IssuedTokens> = {}): IssuedTokens {
  return {
    accessToken: new Secret('sk-ant-oat01-TEST-next'),
    refreshToken: new Secret('sk-ant-ort01-TEST-next'),
    expiresInMs: 8 * HOUR,
    expiryAssumed: false,
    loginExpiresInMs: null,
    scopes: null,
    accountId: null,
    accountEmail: null,
    organizationId: null,
    ...more,
  }
}

describe('the end of a sign-in', () => {
  const told = firstGeneration(issued({ loginExpiresInMs: 30 * DAY }), [], NOW)
  const estimated = firstGeneration(issued(), [], NOW)

  it('is what was said at sign-in, else 27 days, marked estimated', () => {
    expect(told).toMatchObject({ loginExpiresAt: NOW + 30 * DAY, loginExpiryEstimated: false })
    expect(estimated).toMatchObject({ loginExpiresAt: NOW + 27 * DAY, loginExpiryEstimated: true })
  })

  it.each([
    ['claims a later end', told, 30 * DAY, 30 * DAY, false],
    ['says nothing', told, null, 30 * DAY, false],
    ['tells an earlier end', told, 5 * DAY, 15 * DAY, false],
    ['tells an end later than the estimate', estimated, 25 * DAY, 27 * DAY, true],
    ['tells an end earlier than the estimate', estimated, 3 * DAY, 13 * DAY, false],
    ['tells the same end, rounded down', told, 20 * DAY - 999, 30 * DAY, false],
  ])('after a refresh that %s', (_what, spent, loginExpiresInMs, expected, isEstimate) => {
    const tenDaysLater = NOW + 10 * DAY
    expect(nextGeneration(spent, issued({ loginExpiresInMs }), tenDaysLater)).toMatchObject({
      loginExpiresAt: NOW + expected,
      loginExpiryEstimated: isEstimate,
    })
  })
})

it('what a refresh does not say is kept', () => {
  const account = { accountId: 'a', accountEmail: 'a@example.test', scopes: ['user:inference'] }
  const first = { ...firstGeneration(issued(account), [], NOW), clientId: 'client' }
  const next = nextGeneration(first, issued({ refreshToken: null }), NOW + HOUR)
  expect(next).toMatchObject({
    ...account,
    clientId: 'client',
    issuedAt: NOW + HOUR,
    expiresAt: NOW + 9 * HOUR,
  })
  expect(next.refreshToken).toBe(first.refreshToken)
})
