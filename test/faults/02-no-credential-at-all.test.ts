import { expect, it } from 'vitest'
import { NeedsLogin } from '../../src/support/errors.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { until } from '../support/until.ts'

it('starts without any credential, says what to do, and picks up the first sign-in automatically', async () => {
  const gateway = await CredentialFixture.start({ signedIn: false })
  expect(gateway.keeper.snapshot()).toMatchObject({
    state: 'needs-login',
    reason: 'absent',
    source: null,
    kind: null,
    fingerprint: null,
  })
  expect(gateway.states).toEqual(['needs-login:absent'])
  await expect(gateway.ask()).rejects.toBeInstanceOf(NeedsLogin)
  expect(gateway.sandbox.counts.messageRequests).toBe(0)

  await gateway.signIn()
  await until(() => gateway.keeper.snapshot().state === 'healthy')
  expect(await gateway.ask()).not.toBe('')
  expect(gateway.tokenRequests).toBe(0)
})
