import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { isAccepted, refreshOnce, useSandbox } from '../../../test/support/provider/sandbox-client.ts'
import { isSandboxToken } from '../../support/text/token-shape.ts'

describe('the single-use refresh token', () => {
  it('rotates, and its replay revokes the whole family with the living access token', async () => {
    const sandbox = await useSandbox()
    const first = sandbox.signIn()
    const answer = await refreshOnce(sandbox, first.refreshToken)
    const second = (await answer.json()) as { access_token: string; refresh_token: string }
    expect(await isAccepted(sandbox, first.accessToken)).toBe(true)
    expect(await isAccepted(sandbox, second.access_token)).toBe(true)

    const replay = await refreshOnce(sandbox, first.refreshToken)
    expect(await replay.json()).toMatchObject({
      error: 'invalid_grant',
      error_description: 'Refresh token not found or invalid',
    })
    expect(await isAccepted(sandbox, second.access_token)).toBe(false)
    expect((await refreshOnce(sandbox, second.refresh_token)).status).toBe(400)
    expect(sandbox.counts).toMatchObject({ tokenRequests: 3, tokensIssued: 1, invalidGrants: 2, replays: 1 })
  })

  it('leaves other sign-ins alone when one is revoked', async () => {
    const sandbox = await useSandbox()
    const [one, other] = [sandbox.signIn({ accountId: 'one' }), sandbox.signIn({ accountId: 'other' })]
    expect(sandbox.control.revoke('one')).toBe(1)
    expect(await isAccepted(sandbox, one.accessToken)).toBe(false)
    expect(await isAccepted(sandbox, other.accessToken)).toBe(true)
  })

  it('ends with the sign-in, which refreshing does not extend', async () => {
    const clock = new FakeClock()
    const sandbox = await useSandbox({ clock, tokenLifetimeSeconds: 100, refreshTokenLifetimeSeconds: 150 })
    const { accessToken, refreshToken } = sandbox.signIn()
    clock.jump(100_000)
    expect(await isAccepted(sandbox, accessToken)).toBe(false)
    const answer = (await (await refreshOnce(sandbox, refreshToken)).json()) as Record<string, string>
    expect(answer['refresh_token_expires_in']).toBe(50)
    clock.jump(50_000)
    const ended = await refreshOnce(sandbox, answer['refresh_token']!)
    expect(await ended.json()).toMatchObject({ error_description: 'Refresh token expired' })
  })

  it('ends the access token before it at once, when so configured', async () => {
    const sandbox = await useSandbox({ revokeAccessOnRotation: true })
    const { accessToken, refreshToken } = sandbox.signIn()
    await refreshOnce(sandbox, refreshToken)
    expect(await isAccepted(sandbox, accessToken)).toBe(false)
  })

  it('is marked for visitors, and not for the tests of a production gateway', async () => {
    const visitor = await useSandbox({ marked: true })
    const test = await useSandbox({ marked: false })
    const { accessToken, refreshToken } = visitor.signIn()
    for (const token of [accessToken, refreshToken, visitor.apiKey(), visitor.setupToken()]) {
      expect(isSandboxToken(token)).toBe(true)
    }
    expect(isSandboxToken(test.signIn().accessToken)).toBe(false)
    expect(test.signIn().accessToken).toMatch(/^sk-ant-oat01-TEST-/)
  })
})

describe("the SDK's own sign-ins", () => {
  it('exchanges the identity token of a workload', async () => {
    const sandbox = await useSandbox()
    const folder = await mkdtemp(join(tmpdir(), 'sandbox-federation-'))
    const path = join(folder, 'identity-token')
    await writeFile(path, 'header.TEST.signature')
    const client = new Anthropic({
      baseURL: sandbox.url,
      maxRetries: 0,
      config: {
        organization_id: 'org',
        authentication: {
          type: 'oidc_federation',
          federation_rule_id: 'fdrl_test',
          identity_token: { source: 'file', path },
        },
      },
    })
    await expect(client.models.list()).resolves.toMatchObject({ has_more: false })
    expect(sandbox.events.map((event) => event.kind)).toEqual(['signed-in', 'token-request'])
    await rm(folder, { recursive: true })
  })
})
