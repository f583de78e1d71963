import { expect, it } from 'vitest'
import { CredentialFixture } from '../support/provider/credential-fixture.ts'

const SENTENCE =
  'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed.'

it('starts with an OAuth token that nothing renews, warns loudly, and alerts once a token', async () => {
  const first = await CredentialFixture.start({
    signedIn: false,
    variables: { ANTHROPIC_API_KEY: 'sk-ant-oat01-TEST-of-the-report' },
  })
  expect(first.keeper.snapshot()).toMatchObject({
    state: 'at-risk',
    reason: 'unrenewable',
    source: 'environment',
    kind: 'oauth',
    renewable: false,
  })
  expect(first.warnings).toEqual([
    { code: 'unrenewable', text: SENTENCE, command: 'hermes auth login --headless', alert: true },
  ])
  await first.restart()
  expect(first.warnings[1]).toMatchObject({ code: 'unrenewable', text: SENTENCE, alert: false })
})

it('says the same next to a borrowed sign-in that is only a stub', async () => {
  const { mkdir, writeFile } = await import('node:fs/promises')
  const gateway = await CredentialFixture.start({ signedIn: false })
  await mkdir(`${gateway.home}/.claude`)
  await writeFile(
    `${gateway.home}/.claude/.credentials.json`,
    JSON.stringify({ claudeAiOauth: { accessToken: '', refreshToken: '', expiresAt: 0, scopes: [] } }),
    { mode: 0o600 },
  )
  await writeFile(`${gateway.home}/.env`, 'ANTHROPIC_TOKEN=sk-ant-oat01-TEST-static\n', { mode: 0o600 })
  await gateway.restart()
  expect(gateway.keeper.snapshot()).toMatchObject({ state: 'at-risk', source: 'environment' })
  expect(gateway.warnings.at(-1)).toMatchObject({ code: 'unrenewable', text: SENTENCE, alert: true })
  expect(gateway.keeper.decision?.reports.find(({ source }) => source === 'claude-code')).toMatchObject({
    found: true,
    inUse: false,
  })
})

it('uses the token all the same, and needs a sign-in when the provider rejects it', async () => {
  const gateway = await CredentialFixture.start({ signedIn: false })
  const { writeFile } = await import('node:fs/promises')
  await writeFile(`${gateway.home}/.env`, `ANTHROPIC_TOKEN=${gateway.sandbox.setupToken()}\n`, {
    mode: 0o600,
  })
  await gateway.restart()
  expect(await gateway.ask()).not.toBe('')
  gateway.sandbox.control.revokeAccess()
  await expect(gateway.ask()).rejects.toMatchObject({ name: 'NeedsLogin', reason: 'revoked' })
  expect(gateway.tokenRequests).toBe(0)
})
