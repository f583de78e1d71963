import { readFile, readdir } from 'node:fs/promises'
import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { HOUR, MINUTE } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'

const TOKEN = /sk-ant-(?:oat|ort|api)/

it('no token is in anything that the keeper says, remembers or throws, through every kind of trouble', async () => {
  const clock = new FakeClock()
  const gateway = await CredentialFixture.start({
    clock,
    variables: { ANTHROPIC_TOKEN: 'sk-ant-oat01-TEST-canary', ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-canary' },
    auth: ['fallback_api_key: true'],
  })
  const { control } = gateway.sandbox
  const thrown: unknown[] = []
  const ask = () => gateway.ask().catch((error: unknown) => thrown.push(error))
  await ask()
  control.revokeAccess()
  await ask()
  for (const fault of ['invalid-grant', '429', 'html-200', 'error-200', '404', 'reset'] as const) {
    control.fault({ target: 'token-endpoint', fault, times: 1 })
  }
  await clock.advance(9 * HOUR)
  await ask()
  const rejecting = control.fault({ target: 'messages', fault: 'invalid' })
  await ask()
  await ask()
  await clock.advance(10 * MINUTE)
  rejecting.clear()
  control.fault({ target: 'messages', fault: 'org-not-allowed', times: 2 })
  await ask()
  await gateway.restart()
  await ask()

  expect(gateway.notices.length).toBeGreaterThan(10)
  expect(thrown.length).toBeGreaterThan(0)
  const { keeper } = gateway
  const said = [gateway.notices, keeper.snapshot(), keeper.message, keeper.decision, keeper, thrown]
  for (const each of said) {
    expect(JSON.stringify(each) ?? '').not.toMatch(TOKEN)
    expect(inspect(each, { depth: 20, showHidden: true })).not.toMatch(TOKEN)
  }
  // Everything that is being written is on the disk then.
  await keeper.stop()
  for (const name of await readdir(gateway.home)) {
    if (name === 'credentials.json' || !name.includes('.json')) continue
    // A file that was being replaced while the folder was read is gone by now.
    const text = await readFile(`${gateway.home}/${name}`, 'utf8').catch(() => '')
    expect(text).not.toMatch(TOKEN)
  }
})
