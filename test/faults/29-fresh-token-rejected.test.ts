import { mkdir, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { emptyHome, SIGN_IN_PLACES, startProvider } from '../support/provider/signed-in.ts'
import { pause } from '../support/until.ts'

it.each(SIGN_IN_PLACES)(
  'asks for no further token when a fresh one (in a %s) is rejected; a cheap probe finds the recovery',
  async (place) => {
    const clock = new FakeClock()
    const gateway = await CredentialFixture.start({ place, clock })
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
  },
)

it('several gateways on one borrowed sign-in do not drive each other round: one token request each at most', async () => {
  const provider = await startProvider()
  const configDir = `${await emptyHome()}/.claude`
  await mkdir(configDir)
  const { accessToken, refreshToken, expiresAt, scopes } = provider.signIn()
  await writeFile(
    `${configDir}/.credentials.json`,
    JSON.stringify({ claudeAiOauth: { accessToken, refreshToken, expiresAt, scopes } }),
    { mode: 0o600 },
  )
  const gateways = await Promise.all(
    Array.from({ length: 3 }, () =>
      CredentialFixture.start({
        provider,
        signedIn: false,
        auth: ['adopt_claude_code: true'],
        variables: { CLAUDE_CONFIG_DIR: configDir },
      }),
    ),
  )
  for (const gateway of gateways) await gateway.ask()
  provider.control.fault({ target: 'messages', fault: 'invalid' })
  for (let round = 0; round < 10; round++) {
    await Promise.allSettled(gateways.map((gateway) => gateway.ask()))
    // Time for each to see what the others have stored.
    await pause(150)
  }
  expect(provider.counts.tokenRequests).toBeGreaterThan(0)
  expect(provider.counts.tokenRequests).toBeLessThanOrEqual(gateways.length)
  expect(provider.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
})

it('several gateways on one database ask for one further token between them', async () => {
  const provider = await startProvider()
  const first = await CredentialFixture.start({ provider, place: 'database' })
  const others = await Promise.all(
    [1, 2].map(() =>
      CredentialFixture.start({ provider, place: 'database', keepDatabase: true, signedIn: false }),
    ),
  )
  const gateways = [first, ...others]
  for (const gateway of gateways) await gateway.ask()
  provider.control.fault({ target: 'messages', fault: 'invalid' })
  for (let round = 0; round < 10; round++) {
    await Promise.allSettled(gateways.map((gateway) => gateway.ask()))
    // Time for each to see what the others have stored.
    await pause(150)
  }
  expect(provider.counts.tokenRequests).toBe(1)
  expect(provider.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
})
