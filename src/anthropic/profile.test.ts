import { existsSync } from 'node:fs'
import { mkdir, rm, utimes } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { issued, ProfileFixture, says } from '../../test/support/provider/profile-fixture.ts'
import { NEVER } from '../../test/support/provider/signed-in.ts'
import { until } from '../../test/support/until.ts'
import { refreshedCredential } from '../credentials/credential.ts'
import { profileSource } from '../credentials/sources/profile.ts'
import { SECOND } from '../support/clock.ts'
import { Secret } from '../support/secret.ts'
import { addressFor, credentialHeaders } from './ladder.ts'

let profile: ProfileFixture
beforeEach(async () => {
  profile = await ProfileFixture.start()
})

it('finds nothing where nobody made a profile', async () => {
  expect(await profile.access().find()).toBeNull()
  expect(await profile.access().refresh(null, NEVER)).toMatchObject({ kind: 'transient', reason: 'absent' })
})

it("offers the profile's token, and gets a new one through the SDK's own code after a rejection", async () => {
  const first = await profile.signIn()
  const found = await profile.access().find()
  expect(found?.place).toBe('Anthropic profile (active)')
  const { stored } = found!
  expect(stored!.accessToken.equals(first)).toBe(true)
  // Seconds there, milliseconds here.
  expect(stored!.expiresAt! - Date.now()).toBeGreaterThan(7_000 * SECOND)
  expect(Math.abs(stored!.issuedAt! - Date.now())).toBeLessThan(60 * SECOND)
  expect(profile.requests).toEqual([])
  const outcome = await profile.access().refresh(first, NEVER)
  expect(outcome).toMatchObject({ kind: 'renewed' })
  expect('generation' in outcome && outcome.generation.accessToken.reveal()).toBe(
    'sk-ant-oat01-TEST-issued-1',
  )
  expect(profile.requests).toHaveLength(1)
  expect(profile.requests[0]).toContain('sk-ant-ort01-TEST-first')
  expect(await profile.storedToken()).toBe('sk-ant-oat01-TEST-issued-1')
})

describe('a request that hangs', () => {
  it('ends at its limit, although the signal leaves it alone: a refresh token was sent', async () => {
    const first = await profile.signIn()
    profile.answer = () => {}
    const stopping = new AbortController()
    const started = performance.now()
    const outcome = profile.access({ limitMs: SECOND }).refresh(first, stopping.signal)
    await until(() => profile.requests.length === 1, 'the request')
    stopping.abort()
    expect(await outcome).toMatchObject({ kind: 'transient', reason: 'network', ambiguous: true })
    expect(performance.now() - started).toBeGreaterThanOrEqual(0.9 * SECOND)
  })

  it('also in the middle of its answer', async () => {
    const first = await profile.signIn()
    profile.answer = (response) => void response.write('{"access_token":')
    expect(await profile.access({ limitMs: SECOND / 2 }).refresh(first, NEVER)).toMatchObject({
      kind: 'transient',
      ambiguous: true,
    })
  })

  it('ends at once by the signal where nothing of it is single use', async () => {
    profile.useWorkloadIdentity()
    profile.answer = () => {}
    const stopping = new AbortController()
    const outcome = profile.access().refresh(null, stopping.signal)
    await until(() => profile.requests.length === 1, 'the request')
    stopping.abort()
    expect(await outcome).toMatchObject({ kind: 'transient', reason: 'network', ambiguous: false })
  })

  it('does not overwrite a sign-in that was stored during the request, whatever the answer', async () => {
    const first = await profile.signIn()
    const finish = Promise.withResolvers<ServerResponse>()
    profile.answer = finish.resolve
    const outcome = profile.access().refresh(first, NEVER)
    const response = await finish.promise
    const next = await profile.store('of-a-new-sign-in')
    says(200, issued('late'))(response)
    expect(await outcome).toMatchObject({ kind: 'superseded', stored: { kind: 'present' } })
    expect(await profile.storedToken()).toBe(next.reveal())
  })
})

describe('an answer', () => {
  it.each([
    [400, { error: 'invalid_grant' }, { kind: 'terminal', reason: 'revoked' }],
    [401, { error: { type: 'invalid_grant', message: 'revoked' } }, { kind: 'terminal', reason: 'revoked' }],
    [
      400,
      { error: 'invalid_grant', error_description: 'Refresh token expired' },
      { kind: 'terminal', reason: 'expired' },
    ],
    [404, 'not here', { kind: 'transient', reason: 'endpoint', ambiguous: false }],
    [429, {}, { kind: 'transient', reason: 'rate-limited', ambiguous: false }],
    [500, {}, { kind: 'transient', reason: 'endpoint', ambiguous: true }],
    [200, '<html>', { kind: 'transient', reason: 'endpoint', ambiguous: true }],
  ])('%d %j to a personal sign-in means %j, and leaves the file alone', async (status, body, expected) => {
    const first = await profile.signIn()
    profile.answer = says(status, body)
    expect(await profile.access().refresh(first, NEVER)).toMatchObject(expected)
    expect(profile.requests).toHaveLength(1)
    expect(await profile.storedToken()).toBe(first.reveal())
  })

  it('with Retry-After is obeyed', async () => {
    const first = await profile.signIn()
    profile.answer = (response) => {
      response.setHeader('retry-after', '120')
      says(429, {})(response)
    }
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({ retryAfterMs: 120 * SECOND })
  })

  it('that refuses a workload says nothing of its next identity token', async () => {
    profile.useWorkloadIdentity()
    profile.answer = says(400, { error: 'invalid_grant' })
    expect(await profile.access().refresh(null, NEVER)).toMatchObject({
      kind: 'transient',
      reason: 'revoked',
    })
    profile.answer = null
    expect(await profile.access().refresh(null, NEVER)).toMatchObject({ kind: 'renewed' })
  })

  it('is repeated nowhere', async () => {
    const first = await profile.signIn()
    profile.answer = says(400, { error: 'invalid_grant', error_description: 'sk-ant-ort01-TEST-leaked' })
    expect(JSON.stringify(await profile.access().refresh(first, NEVER))).not.toContain('leaked')
  })
})

describe('what another program has stored', () => {
  it('is adopted in place of a token that failed, without a request', async () => {
    const first = await profile.signIn()
    const theirs = await profile.store('of-a-sibling')
    const outcome = await profile.access().refresh(first, NEVER)
    expect(outcome).toMatchObject({ kind: 'adopted' })
    expect('generation' in outcome && outcome.generation.accessToken.equals(theirs)).toBe(true)
    expect(profile.requests).toEqual([])
  })

  it('is refreshed also when it has expired', async () => {
    const first = await profile.signIn()
    await profile.store('of-a-sibling', -60)
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({ kind: 'renewed' })
    expect(profile.requests).toEqual([expect.stringContaining('sk-ant-ort01-TEST-of-a-sibling')])
  })

  it('while the server called ours dead is no death', async () => {
    const first = await profile.signIn()
    profile.answer = (response) =>
      void profile.store('of-a-sibling').then(() => says(400, { error: 'invalid_grant' })(response))
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({ kind: 'superseded' })
  })
})

it('is signed out without a token, and cannot be renewed without what a refresh needs', async () => {
  await profile.signIn()
  expect(await profile.access().find()).toMatchObject({ isSignedOut: false, renewable: true })
  await profile.signIn('static', { authentication: { type: 'user_oauth' } })
  expect(await profile.access().find()).toMatchObject({ isSignedOut: false, renewable: false })
  await rm(profile.file)
  expect(await profile.access().find()).toMatchObject({ isSignedOut: true, stored: null })
})

it('says what an incomplete configuration lacks, where it is looked for', async () => {
  const authentication = { type: 'oidc_federation', federation_rule_id: 'rule-TEST' }
  await profile.signIn('first', { authentication, organization_id: 'organization-TEST' })
  await expect(profile.access().find()).rejects.toThrow(/identity token/)
})

describe('its own address', () => {
  const elsewhere = 'https://claude.example.org'

  it.each([
    ['is where its token is presented', elsewhere, true, elsewhere],
    ['counts without what the API adds to it', `${elsewhere}/v1/`, true, elsewhere],
    ['gives way to one that the configuration names', elsewhere, false, null],
    ['may be missing', undefined, true, null],
  ])('%s', async (_what, base_url, usesProfileAddress, expected) => {
    await profile.signIn('first', { base_url })
    expect(await profile.access({ usesProfileAddress }).find()).toMatchObject({ baseUrl: expected })
    const [reading] = await profileSource(profile.access({ usesProfileAddress })).read()
    const credential = reading?.kind === 'present' ? reading.credential : null
    expect(addressFor(credential!, 'https://configured')).toBe(expected ?? 'https://configured')
    const next = {
      ...credential!.refreshSource!.generation,
      accessToken: new Secret('sk-ant-oat01-TEST-next'),
    }
    const refreshed = refreshedCredential(credential!, credential!.refreshSource!, next)
    expect(addressFor(refreshed, 'https://configured')).toBe(expected ?? 'https://configured')
  })

  it.each([
    'http://claude.example.org',
    'http://127.0.0.1.example.org',
    'https://user:password@claude.example.org',
    'ftp://claude.example.org',
    'claude.example.org',
  ])('gets no credential if it is %s', async (base_url) => {
    const first = await profile.signIn('first', { base_url })
    expect(await profileSource(profile.access()).read()).toMatchObject([
      { kind: 'unusable', misconfigured: true, message: expect.stringContaining('base_url') },
    ])
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({
      kind: 'transient',
      ambiguous: false,
    })
    expect(await profile.storedToken()).toBe(first.reveal())
  })

  it('is where its tokens are refreshed', async () => {
    const first = await profile.signIn('first', { base_url: `${profile.baseUrl}/v1/` })
    const access = profile.access({ baseUrl: 'https://127.0.0.1:1', usesProfileAddress: false })
    expect(await access.refresh(first, NEVER)).toMatchObject({ kind: 'renewed' })
    expect(profile.requests).toEqual([expect.stringMatching(/^\/v1\/oauth\/token /)])
  })
})

it('wants its workspace named in each request', async () => {
  await profile.signIn('first', { workspace_id: 'workspace-TEST' })
  const source = profileSource(profile.access())
  const credential = async () => {
    const [reading] = await source.read()
    if (reading?.kind !== 'present') throw new Error('no profile')
    return reading.credential
  }
  const before = await credential()
  const named = { 'anthropic-workspace-id': 'workspace-TEST' }
  expect(credentialHeaders(before)).toMatchObject(named)
  const { refreshSource } = before
  const outcome = await refreshSource!.signIn.refresh(refreshSource!.generation, NEVER)
  if (outcome.kind !== 'renewed') throw new Error(outcome.kind)
  expect(credentialHeaders(refreshedCredential(before, refreshSource!, outcome.generation))).toMatchObject(
    named,
  )
})

describe('the lock of a profile', () => {
  const lock = () => `${profile.file}.lock`

  it('is held while the request runs, and gone afterwards', async () => {
    const first = await profile.signIn()
    let wasHeld = false
    profile.answer = (response) => {
      wasHeld = existsSync(lock())
      says(200, issued('next'))(response)
    }
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({ kind: 'renewed' })
    expect(wasHeld).toBe(true)
    expect(existsSync(lock())).toBe(false)
  })

  it('of another program is waited for', async () => {
    const first = await profile.signIn()
    await mkdir(lock())
    expect(await profile.access().refresh(first, NEVER)).toEqual({ kind: 'busy' })
    expect(profile.requests).toEqual([])
    expect(existsSync(lock())).toBe(true)
  })

  it('that was left a minute ago is taken over', async () => {
    const first = await profile.signIn()
    await mkdir(lock())
    const before = Date.now() / 1_000 - 61
    await utimes(lock(), before, before)
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({ kind: 'renewed' })
    expect(existsSync(lock())).toBe(false)
  })

  it('that cannot be made keeps the refresh token here', async () => {
    const first = await profile.signIn()
    await rm(join(profile.folder, 'credentials'), { recursive: true })
    expect(await profile.access().refresh(first, NEVER)).toMatchObject({ kind: 'store' })
    expect(profile.requests).toEqual([])
  })

  it('lets ten gateways at the same moment make one request for each expiry', async () => {
    let current = await profile.signIn()
    // As a server with single-use tokens: whatever was spent is dead.
    const spent = new Set<string>()
    profile.answer = (response) => {
      const [, token] = /"refresh_token":"([^"]+)"/.exec(profile.requests.at(-1)!)!
      const isReplay = spent.has(token!)
      spent.add(token!)
      const next = () => says(200, issued(`issued-${profile.requests.length}`))(response)
      if (isReplay) says(400, { error: 'invalid_grant' })(response)
      else setTimeout(next, 20)
    }
    for (let round = 1; round <= 5; round++) {
      const tokens = await Promise.all(
        Array.from({ length: 10 }, async () => {
          for (;;) {
            const outcome = await profile.access().refresh(current, NEVER)
            if ('generation' in outcome) return outcome.generation.accessToken
            expect(outcome.kind).toBe('busy')
          }
        }),
      )
      current = tokens[0]!
      expect(new Set(tokens.map(({ fingerprint }) => fingerprint)).size).toBe(1)
      expect(profile.requests).toHaveLength(round)
    }
  })
})
