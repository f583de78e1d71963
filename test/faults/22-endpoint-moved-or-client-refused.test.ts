import { describe, expect, it } from 'vitest'
import { TokenEndpoint } from '../../src/oauth/token-endpoint.ts'
import { NEVER, SIGN_IN_PLACES, signedIn } from '../support/provider/signed-in.ts'
import { tokenEndpointThatSays, type SeenRequest } from '../support/provider/token-answers.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it.each(['403', '404', '405', 'redirect'] as const)(
    '%s is the endpoint’s trouble, not the sign-in’s',
    async (fault) => {
      const { store, first, sandbox, present } = await signedIn({ place })
      sandbox.control.fault({ target: 'token-endpoint', fault })
      expect(await store.refresh(first, NEVER)).toMatchObject({
        kind: 'transient',
        reason: 'endpoint',
        ambiguous: false,
      })
      expect((await present()).refreshToken!.equals(first.refreshToken!)).toBe(true)
      expect(sandbox.events.some(({ kind }) => kind === 'redirect-followed')).toBe(false)
      sandbox.control.repair()
      expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
    },
  )

  it('a redirect is not followed, not even to another address of the list', async () => {
    const elsewhere: SeenRequest[] = []
    const trap = await tokenEndpointThatSays(200, { access_token: 'sk-ant-oat01-TEST-trap' }, {}, elsewhere)
    for (const status of [301, 302, 303, 307, 308]) {
      const tokenUrl = await tokenEndpointThatSays(status, {}, { location: trap })
      const { store, first } = await signedIn({ place, settings: { tokenUrls: [tokenUrl] } })
      expect(await store.refresh(first, NEVER)).toMatchObject({ kind: 'transient', reason: 'endpoint' })
    }
    expect(elsewhere).toEqual([])
  })

  it('404 leads to the next address at once, and that one is remembered', async () => {
    const seen: SeenRequest[] = []
    const gone = await tokenEndpointThatSays(404, { error: 'not_found' }, {}, seen)
    const fixture = await signedIn({ place })
    const endpoint = new TokenEndpoint({ ...fixture.settings, tokenUrls: [gone, fixture.sandbox.tokenUrl] })
    const both = fixture.open({ endpoint })
    expect((await both.refresh(fixture.first, NEVER)).kind).toBe('renewed')
    // JSON, then the form, then the next address.
    expect(seen.map(({ headers }) => headers['content-type'])).toEqual([
      'application/json',
      'application/x-www-form-urlencoded',
    ])
    expect((await both.refresh(await fixture.present(), NEVER)).kind).toBe('renewed')
    expect(seen).toHaveLength(2)
  })

  it.each([500, 429, 403])('%d does not: the last resort is not asked after it', async (status) => {
    const lastResort: SeenRequest[] = []
    const fixture = await signedIn({ place })
    const tokenUrls = [
      await tokenEndpointThatSays(status, { error: 'x' }),
      await tokenEndpointThatSays(400, { error: 'invalid_grant' }, {}, lastResort),
    ]
    const store = fixture.open({ endpoint: new TokenEndpoint({ ...fixture.settings, tokenUrls }) })
    expect((await store.refresh(fixture.first, NEVER)).kind).toBe('transient')
    expect(lastResort).toEqual([])
  })
})
