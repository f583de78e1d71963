import { describe, expect, it } from 'vitest'
import { DAY, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'
import { randomOfThisTest } from '../support/test-chance.ts'

/** Each with a request to a real socket and a file or a row that is really written. */
const LIVES = 30

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it.each([20, 30, 600, 900])(
    'tokens that live %d s cost one refresh an expiry, and no request meets one that has ended',
    { timeout: 120_000 },
    async (seconds) => {
      const clock = new FakeClock()
      const lifeMs = seconds * SECOND
      const gateway = await CredentialFixture.start({
        place,
        clock,
        sandbox: { tokenLifetimeSeconds: seconds, refreshTokenLifetimeSeconds: (40 * DAY) / SECOND },
      })
      const random = randomOfThisTest()
      const start = clock.now()
      while (clock.now() < start + LIVES * lifeMs) {
        await clock.advance(lifeMs * random() * 0.7)
        await gateway.ask()
      }
      const times = [start, ...gateway.tokenTimes]
      const pauses = times.slice(1).map((at, index) => at - times[index]!)
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(lifeMs * 0.6 - SECOND)
      expect(Math.max(...pauses)).toBeLessThanOrEqual(lifeMs)
      expect(pauses.length).toBeGreaterThanOrEqual(LIVES)
      expect(gateway.sandbox.counts).toMatchObject({ rejections: 0, invalidGrants: 0, replays: 0 })
      expect(gateway.keeper.snapshot()).toMatchObject({ state: 'healthy', renewable: true })
    },
  )
})
