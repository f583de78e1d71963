import { expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { KeptGateway } from '../support/kept-gateway.ts'

it('asks for no further token when a fresh one is rejected; a cheap probe finds the recovery', async () => {
  const clock = new FakeClock()
  const gateway = await KeptGateway.start({ clock })
  await gateway.ask()
  const outage = gateway.sandbox.control.fault({ target: 'messages', fault: 'invalid' })
  await Promise.allSettled(Array.from({ length: 50 }, () => gateway.ask()))
  expect(gateway.tokenRequests).toBe(1)
  expect(gateway.keeper.snapshot()).toMatchObject({ state: 'degraded', reason: 'revoked' })
  const { messageRequests } = gateway.sandbox.counts
  for (let minutes = 0; minutes < 60; minutes++) {
    await clock.advance(MINUTE)
    await gateway.ask().catch(() => {})
  }
  expect(gateway.tokenRequests).toBe(1)
  // Not one of the sixty left the gateway.
  expect(gateway.sandbox.counts.messageRequests).toBe(messageRequests)
  expect(gateway.warnings).toContainEqual(
    expect.objectContaining({ code: 'rejected-repeatedly', alert: true }),
  )
  const probes = gateway.notices.filter(({ type }) => type === 'probe')
  expect(probes.length).toBeGreaterThan(3)
  expect(probes.length).toBeLessThan(12)
  outage.clear()
  await clock.advance(HOUR)
  expect(gateway.keeper.snapshot().state).toBe('healthy')
  expect(await gateway.ask()).not.toBe('')
  expect(gateway.tokenRequests).toBe(1)
  expect(gateway.keeper.snapshot().consecutive401).toBe(0)
})
