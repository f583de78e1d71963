import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../src/support/clock.ts'
import { NeedsLogin } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { SIGN_IN_PLACES } from '../support/provider/signed-in.ts'
import { until } from '../support/until.ts'

describe.each(SIGN_IN_PLACES)('with the sign-in in a %s', (place) => {
  it('asks once for a dead grant, tells at once, and takes a new sign-in from the disk', async () => {
    const clock = new FakeClock()
    const gateway = await CredentialFixture.start({ place, clock })
    await gateway.ask()
    gateway.sandbox.control.revoke()
    const before = clock.now()
    await expect(gateway.ask()).rejects.toBeInstanceOf(NeedsLogin)
    expect(gateway.keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'revoked' })
    expect(gateway.warnings).toContainEqual(
      expect.objectContaining({
        code: 'sign-in-ended',
        command: 'hermes auth login --headless',
        // The outage has its own alert.
        alert: false,
      }),
    )
    expect(clock.now() - before).toBe(0)
    for (let count = 0; count < 50; count++) await expect(gateway.ask()).rejects.toBeInstanceOf(NeedsLogin)
    await gateway.restart()
    await clock.advance(2 * DAY)
    expect(gateway.tokenRequests).toBe(1)
    expect(gateway.sandbox.counts.rejections).toBe(1)

    await gateway.signIn()
    await until(() => gateway.keeper.snapshot().state === 'healthy', 'the new sign-in')
    expect(await gateway.ask()).not.toBe('')
    expect(gateway.tokenRequests).toBe(1)
  })

  it('keeps the token in use while it lives when the grant dies ahead of time', async () => {
    const clock = new FakeClock()
    const gateway = await CredentialFixture.start({ place, clock })
    gateway.sandbox.control.fault({ target: 'token-endpoint', fault: 'expired' })
    await clock.advance(6 * HOUR)
    expect(gateway.keeper.snapshot()).toMatchObject({
      state: 'at-risk',
      reason: 'expired',
      nextAttemptAt: null,
    })
    expect(await gateway.ask()).not.toBe('')
    const unrenewable = () => gateway.warnings.filter(({ code }) => code === 'unrenewable')
    expect(unrenewable()).toMatchObject([{ alert: true }])
    // Said in the log at the next start, and not alerted a second time.
    await gateway.restart()
    expect(unrenewable()).toMatchObject([{ alert: true }, { alert: false }])
    await clock.advance(2 * HOUR + MINUTE)
    expect(gateway.keeper.snapshot()).toMatchObject({ state: 'needs-login', reason: 'expired' })
    expect(gateway.tokenRequests).toBe(1)
  })
})
