import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { settingsFor, startProvider } from '../../test/support/provider/signed-in.ts'
import { tokenEndpointThatSays, type SeenRequest } from '../../test/support/provider/token-answers.ts'
import { pause } from '../../test/support/until.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import { Secret } from '../support/secret.ts'
import { beginAuthorization } from './authorization.ts'
import { readPaste } from './read-paste.ts'
import { TokenEndpoint } from './token-endpoint.ts'

const REFRESH = new Secret('sk-ant-ort01-TEST-refresh')

async function endpointThatSays(status: number, body: unknown, headers: Record<string, string> = {}) {
  const seen: SeenRequest[] = []
  const tokenUrl = await tokenEndpointThatSays(status, body, headers, seen)
  const settings = {
    ...settingsFor({ authorizeUrl: '', tokenUrl, redirectUri: '' }),
    headers: { 'x-org': 'ours' },
  }
  return { endpoint: new TokenEndpoint(settings), settings, seen }
}

describe('a refresh', () => {
  it('is sent as JSON, under our own name, with the configured headers and the stored scopes', async () => {
    const { endpoint, seen } = await endpointThatSays(200, {
      access_token: 'sk-ant-oat01-TEST',
      expires_in: 60,
    })
    expect((await endpoint.refresh(REFRESH, ['a', 'b'])).kind).toBe('issued')
    expect(seen[0]!.headers).toMatchObject({
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': 'hermes-gateway/0.0.0-test',
      'x-org': 'ours',
    })
    expect(JSON.parse(seen[0]!.body)).toEqual({
      grant_type: 'refresh_token',
      refresh_token: REFRESH.reveal(),
      client_id: '9d1c250a-e61b-44d9-88ed-5944d1962f5e',
      scope: 'a b',
    })
  })

  it.each([
    [
      400,
      { error: 'invalid_grant', error_description: 'Refresh token not found or invalid' },
      'dead',
      'revoked',
    ],
    [401, { error: 'invalid_grant' }, 'dead', 'revoked'],
    [400, { type: 'error', error: { type: 'invalid_grant', message: 'x' } }, 'dead', 'revoked'],
    [400, { error: 'invalid_grant', error_description: 'Refresh token expired' }, 'dead', 'expired'],
    [400, { error: 'invalid_grant', error_description: 'account_on_hold' }, 'dead', 'account'],
    [403, { error: 'access_denied', error_description: 'account_on_hold' }, 'dead', 'account'],
    [403, { error: 'access_denied' }, 'transient', 'endpoint'],
    [403, '<html>blocked</html>', 'transient', 'endpoint'],
    [404, { error: 'invalid_grant' }, 'transient', 'endpoint'],
    [401, { error: 'invalid_client' }, 'transient', 'endpoint'],
    [400, '<html>', 'transient', 'endpoint'],
    [400, { error: 'invalid_scope' }, 'transient', 'endpoint'],
    [429, { error: 'rate_limited' }, 'transient', 'rate-limited'],
    [500, { error: 'invalid_grant' }, 'transient', 'endpoint'],
  ])('answered %i %j is %s (%s)', async (status, body, kind, reason) => {
    const { endpoint } = await endpointThatSays(status, body)
    expect(await endpoint.refresh(REFRESH, [])).toMatchObject({ kind, reason })
  })

  it.each([
    ['120', 120 * SECOND],
    ['99999', 60 * MINUTE],
    ['garbage', null],
    ['-5', null],
    ['', null],
  ])('told to wait %j waits %s ms', async (retryAfter, expected) => {
    const { endpoint } = await endpointThatSays(429, {}, { 'retry-after': retryAfter })
    expect(await endpoint.refresh(REFRESH, [])).toMatchObject({ retryAfterMs: expected })
  })

  it('told to wait until a date waits by the server’s own clock', async () => {
    const now = Date.UTC(2030, 0, 1)
    const headers = {
      date: new Date(now).toUTCString(),
      'retry-after': new Date(now + 90 * SECOND).toUTCString(),
    }
    const { endpoint } = await endpointThatSays(429, {}, headers)
    expect(await endpoint.refresh(REFRESH, [])).toMatchObject({ retryAfterMs: 90 * SECOND })
  })

  it('hands the server’s time up', async () => {
    const now = Date.UTC(2030, 0, 1)
    const { settings } = await endpointThatSays(500, {}, { date: new Date(now).toUTCString() })
    const seen: number[] = []
    const endpoint = new TokenEndpoint(settings, { onServerDate: (date) => seen.push(date) })
    await endpoint.refresh(REFRESH, [])
    expect(seen).toEqual([now])
  })

  it('never leaves to another machine without TLS', async () => {
    const { settings } = await endpointThatSays(200, {})
    const fetched: unknown[] = []
    const endpoint = new TokenEndpoint(
      { ...settings, tokenUrls: ['http://example.com/token'] },
      { fetch: async (url) => (fetched.push(url), new Response()) },
    )
    await expect(endpoint.refresh(REFRESH, [])).rejects.toThrow('HTTPS')
    expect(fetched).toEqual([])
  })

  it('stops where `beforeSend` says no', async () => {
    const { endpoint, seen } = await endpointThatSays(404, {})
    let asked = 0
    const beforeSend = async () => ++asked < 2
    expect(await endpoint.refresh(REFRESH, [], { beforeSend })).toEqual({ kind: 'stopped' })
    expect(seen).toHaveLength(1)
  })
})

describe('an exchange', () => {
  it('turns a pasted code into tokens', async () => {
    const sandbox = await startProvider()
    const settings = settingsFor(sandbox)
    const { url, state, verifier, redirectUri } = await beginAuthorization(settings)
    const paste = readPaste(sandbox.authorize(url, { accountId: 'account-TEST' }), state)
    if (paste.kind !== 'code') throw new Error(paste.message)
    const endpoint = new TokenEndpoint(settings)
    const result = await endpoint.exchange({ code: paste.code, state, verifier, redirectUri })
    expect(result).toMatchObject({
      kind: 'issued',
      tokens: { accountId: 'account-TEST', expiryAssumed: false },
    })
    // A code is good once.
    expect(await endpoint.exchange({ code: paste.code, state, verifier, redirectUri })).toMatchObject({
      kind: 'dead',
    })
  })

  it('waits a 429 out on the same address, and gives up after a minute', async () => {
    const sandbox = await startProvider()
    const settings = { ...settingsFor(sandbox), tokenUrls: [sandbox.tokenUrl, 'http://127.0.0.1:1/never'] }
    const clock = new FakeClock()
    const { url, state, verifier, redirectUri } = await beginAuthorization(settings)
    const paste = readPaste(sandbox.authorize(url), state)
    if (paste.kind !== 'code') throw new Error(paste.message)
    const grant = { code: paste.code, state, verifier, redirectUri }

    sandbox.control.fault({ target: 'token-endpoint', fault: '429', retryAfter: 20, times: 2 })
    const patient = new TokenEndpoint(settings, { clock }).exchange(grant)
    for (let second = 0; second < 45; second++) {
      await clock.advance(SECOND)
      // Requests and answers are real, and the clock is not.
      await pause(5)
    }
    expect((await patient).kind).toBe('issued')

    sandbox.control.fault({ target: 'token-endpoint', fault: '429', retryAfter: 90 })
    expect(await new TokenEndpoint(settings, { clock }).exchange(grant)).toMatchObject({
      kind: 'transient',
      reason: 'rate-limited',
      retryAfterMs: 90 * SECOND,
    })
  })

  it('continues at the route that asked to wait, and leaves a second between two requests', async () => {
    const sandbox = await startProvider()
    const seen: SeenRequest[] = []
    const gone = await tokenEndpointThatSays(404, {}, {}, seen)
    const settings = { ...settingsFor(sandbox), tokenUrls: [gone, sandbox.tokenUrl] }
    const clock = new FakeClock()
    const { url, state, verifier, redirectUri } = await beginAuthorization(settings)
    const paste = readPaste(sandbox.authorize(url), state)
    if (paste.kind !== 'code') throw new Error(paste.message)
    sandbox.control.fault({ target: 'token-endpoint', fault: 'invalid-format' })
    const busy = sandbox.control.fault({ target: 'token-endpoint', fault: '429', retryAfter: 0 })
    const patient = new TokenEndpoint(settings, { clock }).exchange({
      code: paste.code,
      state,
      verifier,
      redirectUri,
    })
    for (let step = 0; sandbox.counts.tokenRequests < 6; step++) {
      if (step > 1_000) throw new Error('nobody asks again')
      await clock.advance(SECOND / 10)
      // Requests and answers are real, and the clock is not.
      await pause(5)
    }
    expect(clock.monotonic()).toBeGreaterThanOrEqual(4 * SECOND)
    busy.clear()
    let done = false
    void patient.finally(() => (done = true))
    while (!done) {
      await clock.advance(SECOND / 10)
      // Requests and answers are real, and the clock is not.
      await pause(5)
    }
    // Both ways of the address that is gone, once; then JSON once, and the form until it is taken.
    expect((await patient).kind).toBe('issued')
    expect(seen).toHaveLength(2)
    expect(sandbox.counts.tokenRequests).toBe(busy.struck + 2)
  })
})
