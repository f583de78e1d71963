import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/support/secret.ts'
import { NEVER, SIGN_IN_PLACES, signedIn } from '../support/provider/signed-in.ts'
import { tokensOf } from '../support/provider/tokens-of.ts'

/** Much longer than anything a sign-in has to do, however busy the machine is. */
const HANG_MS = 2_000

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it('a sign-in is stored at once while a refresh hangs, and the late result is discarded', async () => {
    const { store, open, first, sandbox, settings, present } = await signedIn({ place })
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: HANG_MS, rotate: true })
    const late = open().refresh(first, NEVER)
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)

    let answered = false
    void late.then(() => (answered = true))
    const tokens = tokensOf(sandbox.signIn({ accountId: 'another-account-TEST' }))
    await store.signIn({ kind: 'oauth', tokens, requestedScopes: settings.scopes })
    expect(answered).toBe(false)

    const outcome = await late
    expect(outcome).toMatchObject({ kind: 'superseded', stored: { kind: 'present' } })
    expect((await present()).accessToken.equals(tokens.accessToken)).toBe(true)
  })

  it('an API key given while a refresh hangs is the active sign-in afterwards, too', async () => {
    const { store, open, first, sandbox } = await signedIn({ place })
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: HANG_MS })
    const late = open().refresh(first, NEVER)
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    await store.signIn({ kind: 'api-key', key: new Secret('sk-ant-api03-TEST-key') })
    expect(await late).toMatchObject({ kind: 'superseded', stored: { kind: 'absent' } })
    expect((await store.current()).kind).toBe('api-key')
  })

  it('a logout while a refresh runs stays a logout', async () => {
    const { store, open, first, sandbox } = await signedIn({ place })
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: HANG_MS })
    const late = open().refresh(first, NEVER)
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    let answered = false
    void late.then(() => (answered = true))
    await store.logout()
    expect(answered).toBe(false)
    expect((await late).kind).toBe('superseded')
    expect((await store.read()).kind).toBe('absent')
  })
})
