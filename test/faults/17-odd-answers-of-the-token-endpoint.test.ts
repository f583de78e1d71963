import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { NEVER, SIGN_IN_PLACES, signedIn } from '../support/provider/signed-in.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it('an answer without a refresh token keeps the old one', async () => {
    const { store, first, sandbox, present } = await signedIn({ place })
    sandbox.control.fault({ target: 'token-endpoint', fault: 'no-refresh-token', times: 1 })
    expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
    const after = await present()
    expect(after.refreshToken!.equals(first.refreshToken!)).toBe(true)
    expect(after.accessToken.equals(first.accessToken)).toBe(false)
    expect((await store.refresh(after, NEVER)).kind).toBe('renewed')
    expect(sandbox.counts.invalidGrants).toBe(0)
  })

  describe('an answer whose expires_in', () => {
    it.each([
      ['is missing', undefined],
      ['is negative', -1],
      ['is zero', 0],
      ['is below 15 s', 14],
      ['is 1e12', 1e12],
      ['is a word', 'soon'],
      ['is null', null],
      ['is an object', {}],
    ])('%s counts as one hour, with a warning and without a busy loop', async (_what, expiresIn) => {
      const { store, first, sandbox, present, warnings } = await signedIn({ place })
      sandbox.control.fault({
        target: 'token-endpoint',
        fault: 'odd-expires-in',
        ...(expiresIn === undefined ? {} : { expiresIn }),
      })
      expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
      const { expiresAt } = await present()
      expect(Math.abs(expiresAt! - Date.now() - HOUR)).toBeLessThan(MINUTE)
      expect(warnings).toEqual([expect.stringContaining('one hour is assumed')])
      expect(sandbox.counts.tokenRequests).toBe(1)
    })

    it('is a number in quotes counts as the number', async () => {
      const { store, first, sandbox, present, warnings } = await signedIn({ place })
      sandbox.control.fault({ target: 'token-endpoint', fault: 'odd-expires-in', expiresIn: '7200' })
      await store.refresh(first, NEVER)
      expect(Math.abs((await present()).expiresAt! - Date.now() - 2 * HOUR)).toBeLessThan(MINUTE)
      expect(warnings).toEqual([])
    })
  })

  it('an answer that leaves everything optional out keeps what was known', async () => {
    const { store, first, sandbox, present } = await signedIn({ place })
    const fields = [
      'refresh_token',
      'scope',
      'account',
      'organization',
      'refresh_token_expires_in',
      'token_type',
    ]
    sandbox.control.fault({ target: 'token-endpoint', fault: 'omit', fields })
    await store.refresh(first, NEVER)
    const { accountId, accountEmail, scopes, loginExpiresAt } = first
    expect(await present()).toMatchObject({ accountId, accountEmail, scopes, loginExpiresAt })
  })
})
