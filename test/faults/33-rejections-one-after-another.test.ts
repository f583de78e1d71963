import { describe, expect, it } from 'vitest'
import { staggeredRejections } from '../../bench/chaos/33-staggered-rejections.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it('two hundred requests whose old token fails one after another over 2 s cost one refresh', async () => {
    const gateway = await CredentialFixture.start({ place })
    await gateway.ask()
    const { fingerprint } = gateway.keeper.snapshot()
    gateway.sandbox.control.fault({
      target: 'messages',
      fault: 'revoked-401',
      fingerprint: fingerprint!,
      delayStepMs: 10,
    })
    const answers = await Promise.all(Array.from({ length: 200 }, () => gateway.ask()))
    expect(answers).toHaveLength(200)
    expect(gateway.sandbox.counts.rejections).toBe(200)
    expect(gateway.tokenRequests).toBe(1)
    expect(gateway.keeper.snapshot()).toMatchObject({ state: 'healthy', consecutive401: 0 })
  })
})

fewRounds([staggeredRejections])
