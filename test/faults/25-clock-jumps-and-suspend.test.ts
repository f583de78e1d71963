import { expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'

/** A machine clock that can be set; the provider's clock stays right. */
class SettableClock extends FakeClock {
  #offset = 0

  set(offset: number): void {
    this.#offset = offset
  }

  get right(): number {
    return super.now()
  }

  override now(): number {
    return super.now() + this.#offset
  }
}

it.each([
  ['a day ahead', DAY],
  ['a day back', -DAY],
])('a clock set %s costs at most one refresh, and no dead token is used', async (_name, jump) => {
  const clock = new SettableClock()
  const providerClock = {
    now: () => clock.right,
    monotonic: () => clock.monotonic(),
    setTimer: clock.setTimer.bind(clock),
  }
  const gateway = await CredentialFixture.start({ clock, sandbox: { clock: providerClock } })
  await gateway.ask()
  await clock.advance(HOUR)
  clock.set(jump)
  for (let quarters = 0; quarters < 4 * 24; quarters++) {
    await clock.advance(15 * MINUTE)
    await gateway.ask()
  }
  expect(gateway.sandbox.counts.rejections).toBe(0)
  // 25 hours of 8-hour tokens need four or five refreshes.
  expect(gateway.tokenRequests).toBeLessThanOrEqual(6)
  expect(gateway.keeper.snapshot().state).toBe('healthy')
})

it('a suspend of nine hours is followed by one refresh, and no dead token is used', async () => {
  const clock = new FakeClock()
  const gateway = await CredentialFixture.start({ clock })
  await gateway.ask()
  clock.jump(9 * HOUR)
  await Promise.all(Array.from({ length: 50 }, () => gateway.ask()))
  await clock.advance(HOUR)
  expect(gateway.tokenRequests).toBe(1)
  expect(gateway.sandbox.counts.rejections).toBe(0)
})
