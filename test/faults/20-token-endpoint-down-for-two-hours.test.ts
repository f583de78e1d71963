import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { TransientError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it.each(['500', '502', '503'] as const)(
    'backs off from 5 s to 5 min while the endpoint answers %s for two hours, and recovers alone',
    { timeout: 60_000 },
    async (fault) => {
      const clock = new FakeClock()
      const gateway = await CredentialFixture.start({ place, clock })
      // The token is over when the outage begins, as after a long stop.
      clock.jump(8 * HOUR)
      gateway.sandbox.control.fault({ target: 'token-endpoint', fault, forMs: 2 * HOUR })
      for (let minutes = 0; minutes < 115; minutes++) {
        await clock.advance(MINUTE)
        await expect(gateway.ask()).rejects.toBeInstanceOf(TransientError)
      }
      expect(gateway.keeper.snapshot().state).toBe('degraded')
      const pauses = gateway.tokenTimes
        .slice(1)
        .map((at, index) => (at - gateway.tokenTimes[index]!) / SECOND)
      for (const [index, expected] of [5, 10, 20, 40, 80, 160, 300, 300].entries()) {
        expect(pauses[index]).toBeGreaterThan(expected * 0.79)
        // A pause is at times met by the other guard of the same length.
        expect(pauses[index]).toBeLessThan(expected * 1.21 + 10)
      }
      expect(pauses.length).toBeLessThan(35)
      await clock.advance(11 * MINUTE)
      expect(gateway.keeper.snapshot().state).toBe('healthy')
      expect(await gateway.ask()).not.toBe('')
      expect(gateway.sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
    },
  )

  it('nobody notices when the endpoint fails while the token is good', { timeout: 60_000 }, async () => {
    const clock = new FakeClock()
    const gateway = await CredentialFixture.start({ place, clock })
    gateway.sandbox.control.fault({ target: 'token-endpoint', fault: '500', forMs: 7 * HOUR })
    await clock.advance(7 * HOUR + MINUTE)
    expect(gateway.keeper.snapshot()).toMatchObject({ state: 'at-risk', reason: 'endpoint' })
    // What may have rotated the token is not sent again while the old one lives.
    expect(gateway.tokenRequests).toBe(1)
    expect(await gateway.ask()).not.toBe('')
    await clock.advance(HOUR)
    expect(gateway.keeper.snapshot().state).toBe('healthy')
  })
})
