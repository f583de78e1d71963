import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { IssuedSignIn } from '../../src/sandbox/sandbox.ts'
import { fingerprint } from '../../src/support/secret.ts'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'
import { until } from '../support/until.ts'

it('repeats a rejected request with the newer token on disk, without a token request', async () => {
  const gateway = await CredentialFixture.start()
  await gateway.ask()
  gateway.sandbox.control.revokeAccess()
  // The watch has not seen it yet when the answer comes.
  const newer = await gateway.signIn()
  expect(await gateway.ask()).not.toBe('')
  expect(gateway.tokenRequests).toBe(0)
  expect(gateway.keeper.snapshot().fingerprint).toBe(fingerprint(newer.accessToken))
})

it("adopts what Claude Code renewed for itself, and renews Claude Code's sign-in where it must", async () => {
  const gateway = await CredentialFixture.start({
    signedIn: false,
    variables: { ANTHROPIC_API_KEY: 'sk-ant-oat01-TEST-of-the-report' },
  })
  const path = `${gateway.home}/.claude/.credentials.json`
  await mkdir(`${gateway.home}/.claude`)
  const write = ({ accessToken, refreshToken, expiresAt, scopes }: IssuedSignIn) =>
    writeFile(
      path,
      JSON.stringify({
        claudeAiOauth: { accessToken, refreshToken, expiresAt, scopes },
        mcpOAuth: { fixture: true },
      }),
      { mode: 0o600 },
    )
  const first = gateway.sandbox.signIn()
  await write(first)
  // The static token is already dead; a renewable sign-in appears next to it, and is used without a restart.
  await until(() => gateway.keeper.snapshot().source === 'claude-code', "Claude Code's sign-in")
  expect(await gateway.ask()).not.toBe('')

  gateway.sandbox.control.revokeAccess()
  const second = gateway.sandbox.signIn()
  await write(second)
  expect(await gateway.ask()).not.toBe('')
  expect(gateway.tokenRequests).toBe(0)

  gateway.sandbox.control.revokeAccess()
  expect(await gateway.ask()).not.toBe('')
  expect(gateway.tokenRequests).toBe(1)
  const stored = JSON.parse(await readFile(path, 'utf8'))
  expect(stored.mcpOAuth).toEqual({ fixture: true })
  expect(gateway.keeper.snapshot()).toMatchObject({
    state: 'healthy',
    source: 'claude-code',
    fingerprint: fingerprint(stored.claudeAiOauth.accessToken),
  })
})
