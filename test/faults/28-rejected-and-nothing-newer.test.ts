import { describe, expect, it } from 'vitest'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it.each(['expired', 'invalid', 'invalid-bearer', 'revoked-401', 'revoked-403'] as const)(
    'a rejection (%s) with nothing newer costs one refresh and one repeat, and nobody sees it',
    async (fault) => {
      const gateway = await CredentialFixture.start({ place })
      await gateway.ask()
      const { fingerprint } = gateway.keeper.snapshot()
      gateway.sandbox.control.fault({ target: 'messages', fault, fingerprint: fingerprint! })
      expect(await gateway.ask()).not.toBe('')
      expect(gateway.tokenRequests).toBe(1)
      expect(gateway.sandbox.counts).toMatchObject({ messageRequests: 3, rejections: 1 })
      expect(gateway.states).toEqual(['healthy', 'refreshing:revoked', 'healthy'])
    },
  )
})
