import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'

const LIFE = 8 * HOUR

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it(
    'lives through 30 days of 8-hour tokens and hours of a broken endpoint',
    { timeout: 120_000 },
    async () => {
      const clock = new FakeClock()
      const gateway = await CredentialFixture.start({
        place,
        clock,
        sandbox: { refreshTokenLifetimeSeconds: (40 * DAY) / SECOND },
      })
      const start = clock.now()
      let unusable = 0
      const day = async (days: number) => {
        for (let hours = 0; hours < days * 24; hours++) {
          await clock.advance(HOUR)
          try {
            gateway.keeper.accepted(await gateway.keeper.acquire())
          } catch {
            unusable++
          }
        }
      }
      await day(10)
      // Shorter than the least that is left of a token when its refresh is due, so it is outlived whenever it begins.
      gateway.sandbox.control.fault({ target: 'token-endpoint', fault: '404', forMs: 2 * HOUR })
      await day(10)
      gateway.sandbox.control.fault({
        target: 'token-endpoint',
        fault: '429',
        retryAfter: 1_800,
        forMs: 2 * HOUR,
      })
      await day(10)

      expect(unusable).toBe(0)
      const issued = gateway.sandbox.events.filter(
        (event) => event.kind === 'token-request' && event.outcome === 'issued',
      )
      const times = [start, ...issued.map(({ at }) => at)]
      const shares = times.slice(1).map((at, index) => (at - times[index]!) / LIFE)
      // Two thirds of a life ± 10 %, but for the two that waited for the endpoint.
      const early = shares.filter((share) => share < 0.6)
      const late = shares.filter((share) => share > 0.7334 + MINUTE / LIFE)
      expect(early).toEqual([])
      expect(late.length).toBeLessThanOrEqual(2)
      expect(issued.length).toBeGreaterThanOrEqual(Math.floor((30 * DAY) / (LIFE * 0.7334)) - 2)
      expect(issued.length).toBeLessThanOrEqual(Math.ceil((30 * DAY) / (LIFE * 0.6)))
      expect(gateway.sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
      expect(gateway.states.filter((state) => state.startsWith('degraded'))).toEqual([])
      expect(gateway.keeper.snapshot()).toMatchObject({ state: 'healthy', renewable: true })
    },
  )
})

it('announces the end of the sign-in 7, 3 and 1 days ahead, once each', { timeout: 120_000 }, async () => {
  const clock = new FakeClock()
  const gateway = await CredentialFixture.start({
    clock,
    sandbox: { refreshTokenLifetimeSeconds: (28 * DAY) / SECOND },
  })
  const start = clock.now()
  await clock.advance(20 * DAY)
  expect(gateway.warnings).toEqual([])
  await clock.advance(5 * DAY)
  await gateway.restart()
  await clock.advance(2.5 * DAY)
  const told = gateway.notices.filter(
    (notice) => notice.type === 'warning' && notice.warning.code === 'login-ending',
  )
  expect(told.map(({ at }) => Math.round((at - start) / DAY))).toEqual([21, 25, 27])
})
