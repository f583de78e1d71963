import { expect, it } from 'vitest'
import { DAY } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'

it.each([
  ['scope', 'NeedsLogin', 'needs-login', 'scope'],
  ['org-not-allowed', 'NotPermitted', 'not-permitted', 'policy'],
  ['claude-code-only', 'NotPermitted', 'not-permitted', 'policy'],
  ['extra-usage', 'NotPermitted', 'not-permitted', 'billing'],
  ['billing', 'NotPermitted', 'not-permitted', 'billing'],
  ['402', 'NotPermitted', 'not-permitted', 'billing'],
  ['unknown-403', 'NotPermitted', 'not-permitted', 'policy'],
] as const)('%s has its own state, causes no refresh and no storm', async (fault, error, state, reason) => {
  const clock = new FakeClock()
  const gateway = await CredentialFixture.start({ clock })
  await gateway.ask()
  const outage = gateway.sandbox.control.fault({ target: 'messages', fault })
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => gateway.ask()))
  for (const result of results) {
    expect(result).toMatchObject({ status: 'rejected', reason: { name: error, reason } })
  }
  expect(gateway.keeper.snapshot()).toMatchObject({ state, reason })
  expect(gateway.tokenRequests).toBe(0)
  const before = gateway.sandbox.counts.messageRequests
  for (let asked = 0; asked < 20; asked++) await gateway.ask().catch(() => {})
  expect(gateway.sandbox.counts.messageRequests).toBe(before)
  await gateway.restart()
  expect(gateway.keeper.snapshot()).toMatchObject({ state, reason })
  outage.clear()
  if (state === 'needs-login') return
  await clock.advance(DAY / 12)
  expect(gateway.keeper.snapshot().state).toBe('healthy')
  expect(await gateway.ask()).not.toBe('')
})
