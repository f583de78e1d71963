import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { NEVER, SIGN_IN_PLACES, signedIn } from '../../../test/support/provider/signed-in.ts'
import { tokensOf } from '../../../test/support/provider/tokens-of.ts'
import { pause } from '../../../test/support/until.ts'
import { DAY, SECOND } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'

describe.each(SIGN_IN_PLACES)('the gateway’s own sign-ins in a %s', (place) => {
  it('are read back as they were given', async () => {
    const { store, first } = await signedIn({ place })
    const stored = await store.read()
    expect(stored).toMatchObject({
      kind: 'present',
      generation: { accountId: first.accountId, scopes: first.scopes },
    })
    expect(stored.kind === 'present' && stored.generation.refreshToken?.equals(first.refreshToken!)).toBe(
      true,
    )
  })

  it('are refreshed with one request, and the new pair is on disk before it is used', async () => {
    const { store, sandbox, first, present } = await signedIn({ place })
    const outcome = await store.refresh(first, NEVER)
    expect(outcome.kind).toBe('renewed')
    expect(sandbox.counts.tokenRequests).toBe(1)
    const stored = await present()
    expect(outcome.kind === 'renewed' && outcome.generation.accessToken.equals(stored.accessToken)).toBe(true)
    expect(stored.refreshToken?.equals(first.refreshToken!)).toBe(false)
  })

  it('are adopted without a request by a process that comes late', async () => {
    const { store, sandbox, first, open } = await signedIn({ place })
    await store.refresh(first, NEVER)
    const late = await open().refresh(first, NEVER)
    expect(late.kind).toBe('adopted')
    expect(sandbox.counts.tokenRequests).toBe(1)
  })

  it('keep their end through a refresh that claims a later one, and take an earlier one', async () => {
    const { store, sandbox, first } = await signedIn({
      place,
      sandbox: { refreshTokenLifetimeSeconds: 30 * 86_400 },
    })
    expect(first.loginExpiryEstimated).toBe(false)
    const outcome = await store.refresh(first, NEVER)
    if (outcome.kind !== 'renewed') throw new Error(outcome.kind)
    expect(outcome.generation.loginExpiresAt).toBeLessThanOrEqual(first.loginExpiresAt!)
    expect(sandbox.counts.tokenRequests).toBe(1)
  })

  it('end after an estimated 27 days when nobody says', async () => {
    const clock = new FakeClock()
    const { store, sandbox } = await signedIn({ place, store: { clock } })
    const tokens = { ...tokensOf(sandbox.signIn()), loginExpiresInMs: null }
    const given = await store.signIn({ kind: 'oauth', tokens, requestedScopes: [] })
    expect(given).toMatchObject({
      generation: { loginExpiresAt: clock.now() + 27 * DAY, loginExpiryEstimated: true },
    })
  })

  it('give way to a newer sign-in and stay stored, inactive', async () => {
    const { store, first } = await signedIn({ place })
    await store.signIn({ kind: 'api-key', key: new Secret('sk-ant-api03-TEST-key') })
    expect((await store.current()).kind).toBe('api-key')
    expect((await store.read()).kind).toBe('absent')
    const list = await store.list()
    expect(list.map((signIn) => signIn.kind)).toEqual(['api-key', 'oauth'])
    expect(list[1]?.kind === 'oauth' && list[1].generation.accessToken.equals(first.accessToken)).toBe(true)
  })

  it('are all gone after a logout, and no late refresh brings one back', async () => {
    const { store, open, first, text, intent, sandbox } = await signedIn({ place })
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 300 })
    const late = open().refresh(first, NEVER)
    await expect.poll(() => intent()).not.toBeNull()
    expect(await store.logout()).toBe(true)
    expect(await late).toMatchObject({ kind: 'superseded', stored: { kind: 'absent' } })
    expect((await store.read()).kind).toBe('absent')
    expect(await text()).not.toContain('sk-ant')
    expect(await store.logout()).toBe(false)
  })

  it('are not changed when a later version of the program wrote them', async () => {
    const { store, edit } = await signedIn({ place })
    await edit((document) => (document['version'] = 2))
    expect(await store.read()).toMatchObject({ kind: 'unusable', reason: 'store' })
  })

  it('tell a listener within a moment that another process changed them', async () => {
    const { store, open, first } = await signedIn({ place })
    let changes = 0
    using _watch = store.watch(() => changes++)
    // The watch of a folder begins in the background.
    await pause(50)
    await open().refresh(first, NEVER)
    await expect.poll(() => changes, { timeout: 5 * SECOND }).toBeGreaterThan(0)
  })
})

describe('the file of own sign-ins', () => {
  it('is for this user alone, with nothing left next to it', async () => {
    const { path } = await signedIn()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await readdir(path.replace(/\/[^/]*$/, ''))).filter((name) => name.includes('tmp'))).toEqual([])
  })

  it('is renamed when it is broken and a person signs in, and never overwritten', async () => {
    const { store, path, home, sandbox, warnings } = await signedIn()
    await writeFile(path, '{"version": 1, "signIns": [')
    await store.signIn({ kind: 'oauth', tokens: tokensOf(sandbox.signIn()), requestedScopes: [] })
    expect((await store.read()).kind).toBe('present')
    const aside = (await readdir(home)).find((name) => name.includes('unreadable'))
    expect(await readFile(`${home}/${aside}`, 'utf8')).toBe('{"version": 1, "signIns": [')
    expect(warnings.join()).toContain('put aside')
  })

  it('has no secret in the intents and locks next to it', async () => {
    const { store, home, first, sandbox } = await signedIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: '500', times: 1 })
    expect(await store.refresh(first, NEVER)).toMatchObject({ kind: 'transient', ambiguous: true })
    for (const name of await readdir(home)) {
      if (name === 'credentials.json') continue
      expect(await readFile(`${home}/${name}`, 'latin1')).not.toMatch(/sk-ant|TEST/)
    }
  })
})
