import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE, SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'

const start = new FakeClock().now()

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it.each([
    ['120 seconds', () => 120, 120 * SECOND],
    ['an HTTP date', (now: number) => new Date(now + 10 * MINUTE).toUTCString(), 10 * MINUTE],
    ['far too much', () => 99_999, HOUR],
  ])('a Retry-After of %s is obeyed, also over a restart', async (_name, retryAfter, expected) => {
    const clock = new FakeClock(start)
    const gateway = await CredentialFixture.start({ place, clock })
    clock.jump(8 * HOUR)
    gateway.sandbox.control.fault({
      target: 'token-endpoint',
      fault: '429',
      times: 1,
      retryAfter: retryAfter(clock.now() + MINUTE),
    })
    await clock.advance(MINUTE)
    expect(gateway.tokenRequests).toBe(1)
    expect(gateway.keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'rate-limited' })
    await gateway.restart()
    for (let asked = 0; asked < 20; asked++) await gateway.ask().catch(() => {})
    await clock.advance(expected - 2 * MINUTE)
    expect(gateway.tokenRequests).toBe(1)
    await clock.advance(4 * MINUTE)
    expect(gateway.tokenRequests).toBe(2)
    expect(gateway.keeper.snapshot().state).toBe('healthy')
  })

  it('a Retry-After of garbage means the usual pause', async () => {
    const clock = new FakeClock(start)
    const gateway = await CredentialFixture.start({ place, clock })
    clock.jump(8 * HOUR)
    gateway.sandbox.control.fault({ target: 'token-endpoint', fault: '429', times: 1, retryAfter: 'soon' })
    await clock.advance(2 * MINUTE)
    expect(gateway.tokenTimes).toHaveLength(2)
    expect(gateway.tokenTimes[1]! - gateway.tokenTimes[0]!).toBeLessThan(7 * SECOND)
  })
})
