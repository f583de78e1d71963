import { describe, expect, it } from 'vitest'
import {
  isAccepted,
  postToken,
  refreshOnce,
  useSandbox,
} from '../../../test/support/provider/sandbox-client.ts'
import { fingerprint } from '../../support/secret.ts'
import type { TokenFaultName } from '../sandbox.ts'

describe('the faults of the token endpoint', () => {
  it.each<[TokenFaultName, number, object]>([
    ['invalid-grant', 400, { error: 'invalid_grant' }],
    ['expired', 400, { error: 'invalid_grant', error_description: 'Refresh token expired' }],
    ['account-on-hold', 400, { error: 'invalid_grant', error_description: 'account_on_hold' }],
    ['account-on-hold-denied', 400, { error: 'access_denied' }],
    ['invalid-format', 400, { error: { message: 'Invalid request format' } }],
    ['invalid-request', 400, { error: 'invalid_request' }],
    ['403', 403, { error: { type: 'permission_error' } }],
    ['404', 404, { type: 'error' }],
    ['405', 405, { type: 'error' }],
    ['415', 415, { type: 'error' }],
    ['500', 500, { type: 'error' }],
    ['503', 503, { type: 'error' }],
    ['error-200', 200, { error: 'server_error' }],
    ['no-access-token', 200, { token_type: 'Bearer' }],
  ])('%s answers as it should and spends nothing', async (fault, status, body) => {
    const sandbox = await useSandbox()
    const { refreshToken } = sandbox.signIn()
    sandbox.control.fault({ target: 'token-endpoint', fault, times: 1 })
    const answer = await refreshOnce(sandbox, refreshToken)
    expect(answer.status).toBe(status)
    const got = (await answer.json()) as Record<string, unknown>
    expect(got).toMatchObject(body)
    expect(got['access_token']).toBeUndefined()
    expect((await refreshOnce(sandbox, refreshToken)).status).toBe(200)
  })

  it.each<TokenFaultName>([
    '500',
    '502',
    '503',
    'timeout',
    'drip',
    'reset',
    'reset-mid-body',
    'truncated',
    'html-200',
    'error-200',
    'no-access-token',
  ])('%s leaves the client in the dark, whether the token was rotated or not', async (fault) => {
    const sandbox = await useSandbox()
    for (const rotate of [false, true]) {
      const { refreshToken } = sandbox.signIn()
      sandbox.control.fault({ target: 'token-endpoint', fault, rotate, times: 1 })
      const blind = await refreshOnce(sandbox, refreshToken, AbortSignal.timeout(200))
        .then((answer) => (answer.ok ? answer.json() : null))
        .catch(() => null)
      expect((blind as { access_token?: string } | null)?.access_token).toBeUndefined()
      const second = await refreshOnce(sandbox, refreshToken)
      expect(second.status).toBe(rotate ? 400 : 200)
    }
    expect(sandbox.counts.replays).toBe(1)
  })

  it('drips the true answer where it has rotated, and nothing of use where it has not', async () => {
    const sandbox = await useSandbox()
    const drip = { target: 'token-endpoint', fault: 'drip', everyMs: 1, times: 1 } as const
    const { refreshToken } = sandbox.signIn()
    sandbox.control.fault(drip)
    await expect(
      refreshOnce(sandbox, refreshToken, AbortSignal.timeout(200)).then((answer) => answer.text()),
    ).rejects.toThrow(/timeout/)
    sandbox.control.fault({ ...drip, rotate: true })
    const answer = (await (await refreshOnce(sandbox, refreshToken)).json()) as { access_token: string }
    expect(await isAccepted(sandbox, answer.access_token)).toBe(true)
  })

  it('answers with 10 MB', async () => {
    const sandbox = await useSandbox()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'huge-body' })
    const answer = await refreshOnce(sandbox, sandbox.signIn().refreshToken)
    expect((await answer.arrayBuffer()).byteLength).toBeGreaterThan(10_000_000)
  })

  it('refuses JSON and takes the form', async () => {
    const sandbox = await useSandbox()
    const { refreshToken } = sandbox.signIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-format' })
    expect((await refreshOnce(sandbox, refreshToken)).status).toBe(400)
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'test' }
    const answer = await fetch(sandbox.tokenUrl, { method: 'POST', body: new URLSearchParams(grant) })
    expect(answer.status).toBe(200)
    expect(sandbox.events.filter((event) => event.kind === 'token-request')).toMatchObject([
      { encoding: 'json', fault: 'invalid-format', presented: fingerprint(refreshToken), issued: null },
      { encoding: 'form', fault: null, outcome: 'issued' },
    ])
  })

  it('refuses a scope only where one is sent', async () => {
    const sandbox = await useSandbox()
    const { refreshToken } = sandbox.signIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-scope' })
    const grant = { grant_type: 'refresh_token', refresh_token: refreshToken, client_id: 'test' }
    expect((await postToken(sandbox, { ...grant, scope: 'user:inference' })).status).toBe(400)
    expect((await postToken(sandbox, grant)).status).toBe(200)
  })

  it.each(['120', 'Wed, 25 Nov 2026 10:00:00 GMT', '99999', 'soon'])(
    'asks the client to wait with Retry-After: %s',
    async (retryAfter) => {
      const sandbox = await useSandbox()
      sandbox.control.fault({ target: 'token-endpoint', fault: '429', retryAfter })
      const answer = await refreshOnce(sandbox, sandbox.signIn().refreshToken)
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, retryAfter])
    },
  )

  it('strikes only the clients that call themselves so', async () => {
    const sandbox = await useSandbox()
    const { refreshToken } = sandbox.signIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: '404', userAgent: 'other-client/' })
    expect((await refreshOnce(sandbox, refreshToken)).status).toBe(200)
    sandbox.control.fault({ target: 'token-endpoint', fault: '404', userAgent: 'node' })
    expect((await refreshOnce(sandbox, refreshToken)).status).toBe(404)
  })

  it('redirects, and records who follows', async () => {
    const sandbox = await useSandbox()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'redirect' })
    const answer = await refreshOnce(sandbox, sandbox.signIn().refreshToken)
    expect(answer.status).toBe(307)
    await fetch(answer.headers.get('location')!, { method: 'POST' })
    expect(sandbox.events.at(-1)).toMatchObject({ kind: 'redirect-followed', method: 'POST' })
  })

  it.each([[-1], [0], [1e12], ['soon'], [undefined]])('succeeds with expires_in %s', async (expiresIn) => {
    const sandbox = await useSandbox()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'odd-expires-in', expiresIn })
    const answer = await (await refreshOnce(sandbox, sandbox.signIn().refreshToken)).json()
    expect((answer as { expires_in?: unknown }).expires_in).toBe(expiresIn)
    expect(await isAccepted(sandbox, (answer as { access_token: string }).access_token)).toBe(true)
  })

  it('succeeds without a refresh token, without named fields, or for another account', async () => {
    const sandbox = await useSandbox()
    const { refreshToken, accountId } = sandbox.signIn()
    const answerTo = async () =>
      (await (await refreshOnce(sandbox, refreshToken)).json()) as Record<string, unknown>
    sandbox.control.fault({ target: 'token-endpoint', fault: 'no-refresh-token', times: 1 })
    expect(await answerTo()).not.toHaveProperty('refresh_token')
    sandbox.control.fault({ target: 'token-endpoint', fault: 'other-account', times: 1 })
    const stranger = (await answerTo())['account'] as { uuid: string }
    expect(stranger.uuid).not.toBe(accountId)
    sandbox.control.fault({ target: 'token-endpoint', fault: 'omit', fields: ['account', 'scope'], times: 1 })
    const bare = await answerTo()
    expect(bare).not.toHaveProperty('account')
    expect(bare).not.toHaveProperty('scope')
    expect(bare).toHaveProperty('access_token')
  })

  it('rotates although the client hangs up while it waits', async () => {
    const sandbox = await useSandbox()
    const { refreshToken } = sandbox.signIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 5_000, rotate: true, times: 1 })
    await expect(refreshOnce(sandbox, refreshToken, AbortSignal.timeout(50))).rejects.toThrow(/timeout/)
    expect((await refreshOnce(sandbox, refreshToken)).status).toBe(400)
    expect(sandbox.counts.replays).toBe(1)
  })
})
