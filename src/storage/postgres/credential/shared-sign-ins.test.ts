import { describe, expect, it } from 'vitest'
import { afterThisTest, NEVER, signedIn } from '../../../../test/support/provider/signed-in.ts'
import { tokensOf } from '../../../../test/support/provider/tokens-of.ts'
import { admin } from '../../../../test/support/stores/postgres.ts'
import {
  connect,
  databaseOfSignIns,
  keysIn,
  newSecretKey,
} from '../../../../test/support/stores/shared-place.ts'
import { pause } from '../../../../test/support/until.ts'
import type { TokenResult } from '../../../oauth/token-endpoint.ts'
import { systemClock, SECOND } from '../../../support/clock.ts'
import { ConfigurationError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import { Secret } from '../../../support/secret.ts'
import { openSharedPlace } from './shared-place.ts'
import { SharedSignIns, type SharedSignInsOptions } from './shared-sign-ins.ts'

/** A sign-in in the database, and stores on it whose token endpoint the test plays. */
async function fixture() {
  const signed = await signedIn({ place: 'database' })
  const { database, secretKey, url } = await databaseOfSignIns({ emptied: false })
  const store = (more: Partial<SharedSignInsOptions> = {}) => {
    const made = new SharedSignIns({
      database,
      keys: keysIn(secretKey),
      holder: 'TEST',
      endpoint: { refresh: async () => ({ kind: 'stopped' }) },
      ...more,
    })
    afterThisTest(() => made.close())
    return made
  }
  /** Another process has waited until the lease ran out, and has it now. */
  const takeLease = () =>
    database.query(`UPDATE hermes.leases SET fence = fence + 1, expires_at = now() + interval '1 minute'`)
  const issued = (): TokenResult => ({ kind: 'issued', tokens: tokensOf(signed.sandbox.signIn()) })
  return { ...signed, database, secretKey, url, store, takeLease, issued }
}

describe('a process whose lease another one has taken', () => {
  it('counts nothing and sends nothing', async () => {
    const { store, takeLease, first, intent } = await fixture()
    let mayLeave: boolean | undefined
    const late = store({
      endpoint: {
        async refresh(_token, _scopes, options) {
          await takeLease()
          mayLeave = await options!.beforeSend!().catch(() => false)
          return { kind: 'stopped' }
        },
      },
    })
    await late.refresh(first, NEVER)
    expect(mayLeave).toBe(false)
    expect(await intent()).toBeNull()
  })

  it('stores the answer that it has, as long as nobody has stored another', async () => {
    const { store, takeLease, first, issued, present, intent } = await fixture()
    const late = store({
      endpoint: {
        async refresh(_token, _scopes, options) {
          expect(await options!.beforeSend!()).toBe(true)
          await takeLease()
          return issued()
        },
      },
    })
    const outcome = await late.refresh(first, NEVER)
    expect(outcome.kind).toBe('renewed')
    expect((await present()).accessToken.equals(first.accessToken)).toBe(false)
    expect(await intent()).toBeNull()
  })

  it('discards the answer when a person has signed in since', async () => {
    const { store, takeLease, first, issued, present, sandbox } = await fixture()
    const person = sandbox.signIn()
    const late = store({
      endpoint: {
        async refresh(_token, _scopes, options) {
          await options!.beforeSend!()
          await takeLease()
          await store().signIn({ kind: 'oauth', tokens: tokensOf(person), requestedScopes: [] })
          return issued()
        },
      },
    })
    expect((await late.refresh(first, NEVER)).kind).toBe('superseded')
    expect((await present()).accessToken.reveal()).toBe(person.accessToken)
  })

  it('writes no outcome over the intent of the one who has it, but that the token is dead', async () => {
    const { store, takeLease, first, intent, database } = await fixture()
    const answer = { current: { kind: 'dead', reason: 'revoked', message: '' } as TokenResult }
    const late = store({
      endpoint: {
        async refresh(_token, _scopes, options) {
          await options!.beforeSend!()
          await takeLease()
          return answer.current
        },
      },
    })
    answer.current = {
      kind: 'transient',
      reason: 'network',
      message: '',
      retryAfterMs: null,
      ambiguous: true,
    }
    await late.refresh(first, NEVER)
    expect(await intent()).toMatchObject({ outcome: 'open', sends: 1 })
    await database.query('UPDATE hermes.sign_ins SET intent = NULL')
    await database.query('DELETE FROM hermes.leases')
    answer.current = { kind: 'dead', reason: 'revoked', message: '' }
    expect(await late.refresh(first, NEVER)).toMatchObject({ kind: 'terminal' })
    expect(await intent()).toMatchObject({ outcome: 'dead' })
    // From now on no process that asks sends anything.
    await database.query('DELETE FROM hermes.leases')
    expect(await store().refresh(first, NEVER)).toMatchObject({ kind: 'terminal' })
  })
})

describe('a token whose last request has no answer', () => {
  it('is not sent again while the access token lives, and once a step when it does not', async () => {
    const { open, first, sandbox } = await fixture()
    const fault = sandbox.control.fault({ target: 'token-endpoint', fault: '500' })
    const store = open({ backoff: { initialMs: 100, maxMs: 1_000 } })
    expect(await store.refresh(first, NEVER)).toMatchObject({ kind: 'transient', ambiguous: true })
    // The first step of the back-off is over.
    await pause(300)
    expect(await store.refresh(first, NEVER, { mayRepeat: false })).toMatchObject({
      kind: 'transient',
      ambiguous: true,
    })
    expect(fault.struck).toBe(1)
    fault.clear()
    expect((await store.refresh(first, NEVER)).kind).toBe('renewed')
  })
})

describe('a person', () => {
  it('signs in at once while a refresh hangs', async () => {
    const { open, first, sandbox, present, intent, store } = await fixture()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 1_500 })
    const hanging = open().refresh(first, NEVER)
    await expect.poll(() => intent()).not.toBeNull()
    let answered = false
    void hanging.finally(() => (answered = true))
    const issued = sandbox.signIn()
    await store().signIn({ kind: 'oauth', tokens: tokensOf(issued), requestedScopes: [] })
    expect(answered).toBe(false)
    expect((await hanging).kind).toBe('superseded')
    expect((await present()).accessToken.reveal()).toBe(issued.accessToken)
  })

  it('signs in over a row that was tampered with, and keeps that row under another id', async () => {
    const { open, database, sandbox, warnings } = await fixture()
    await database.query(
      `UPDATE hermes.sign_ins SET sealed = set_byte(sealed, 40, (get_byte(sealed, 40) + 1) % 256)`,
    )
    const store = open()
    expect(await store.current()).toMatchObject({ kind: 'unusable', reason: 'store' })
    await store.signIn({ kind: 'oauth', tokens: tokensOf(sandbox.signIn()), requestedScopes: [] })
    expect((await store.current()).kind).toBe('oauth')
    expect(warnings.join()).toContain('moved to')
    expect(await database.query('SELECT id FROM hermes.sign_ins')).toHaveLength(2)
  })
})

describe('the key', () => {
  it('is replaced in three steps, during which every gateway reads the sign-in', async () => {
    const { store, secretKey, first } = await fixture()
    const next = newSecretKey()
    const holds = async (keys: string) => {
      const content = await store({ keys: keysIn(keys) }).current()
      return content.kind === 'oauth' && content.generation.accessToken.equals(first.accessToken)
    }
    expect(await holds(`${secretKey},${next}`)).toBe(true)
    await store({ keys: keysIn(`${next},${secretKey}`) }).open()
    expect(await holds(`${secretKey},${next}`)).toBe(true)
    expect(await holds(next)).toBe(true)
    expect(await holds(secretKey)).toBe(false)
  })

  it('that is missing or another one refuses the start, and a sign-in does not overwrite what it cannot read', async () => {
    const { url, sandbox, store, database } = await fixture()
    const place = async (text: string | null) =>
      openSharedPlace(
        {
          url: new Secret(url),
          keys: { variable: text === null ? null : new Secret(text), file: null },
          log: await createLog({ level: 'silent' }),
        },
        { endpoint: {} as never, clock: systemClock, onWarning: () => {} },
      )
    await expect(place(null)).rejects.toThrow(ConfigurationError)
    await expect(place(null)).rejects.toThrow('openssl rand')
    await expect(place(newSecretKey())).rejects.toThrow(ConfigurationError)
    const before = await database.query('SELECT * FROM hermes.sign_ins')
    const stranger = store({ keys: keysIn(newSecretKey()) })
    const given = { kind: 'oauth' as const, tokens: tokensOf(sandbox.signIn()), requestedScopes: [] }
    await expect(stranger.signIn(given)).rejects.toThrow('another key')
    expect(await database.query('SELECT * FROM hermes.sign_ins')).toEqual(before)
  })
})

it('lets no token and no key into any table', async () => {
  const { database, open, first, secretKey, sandbox } = await fixture()
  sandbox.control.fault({ target: 'token-endpoint', fault: '500', times: 1 })
  await open().refresh(first, NEVER)
  for (const table of ['sign_ins', 'keeper_memory', 'leases']) {
    const rows = await database.query<{ text: string }>(
      `SELECT row_to_json(t)::text AS text FROM hermes.${table} t`,
    )
    const raw = await database.query<{ sealed?: Buffer }>(`SELECT * FROM hermes.${table}`)
    const all = [
      ...rows.map(({ text }) => text),
      ...raw.map(({ sealed }) => sealed?.toString('latin1')),
    ].join()
    expect(all).not.toMatch(/sk-ant|TEST-|ort01/)
    expect(all).not.toContain(secretKey)
  }
})

it('belongs to its database: a copy of that does not use it until it is adopted', async () => {
  const { url, database, secretKey, store, first, sandbox } = await fixture()
  const name = new URL(url).pathname.slice(1)
  const copy = `${name}_copy`
  const elsewhere = new URL(url)
  elsewhere.pathname = `/${copy}`
  await copyDatabase(url, copy, database)
  const there = await connect(elsewhere.href)
  afterThisTest(async () => {
    await there.close()
    await admin(`DROP DATABASE ${copy} WITH (FORCE)`)
  })
  const restored = store({ database: there, keys: keysIn(secretKey) })
  expect(await restored.current()).toMatchObject({ kind: 'unusable', reason: 'other-machine' })
  expect((await restored.refresh(first, NEVER)).kind).toBe('superseded')
  expect(sandbox.counts.tokenRequests).toBe(0)
  expect(await restored.adopt()).toBe(true)
  expect((await restored.current()).kind).toBe('oauth')
  expect(await restored.adopt()).toBe(false)
})

/** As a dump that is restored under another name. */
async function copyDatabase(
  url: string,
  copy: string,
  from: { query(sql: string): Promise<readonly unknown[]> },
): Promise<void> {
  const { migrate } = await import('../migrations/migrate.ts')
  const target = new URL(url)
  target.pathname = `/${copy}`
  await admin(`CREATE DATABASE ${copy}`)
  await migrate({ url: new Secret(target.href) })
  const rows = (await from.query('SELECT * FROM hermes.sign_ins')) as Array<Record<string, unknown>>
  const there = await connect(target.href)
  for (const { id, version, key_id, sealed } of rows) {
    await there.query('INSERT INTO hermes.sign_ins (id, version, key_id, sealed) VALUES ($1, $2, $3, $4)', [
      id,
      version,
      key_id,
      sealed,
    ])
  }
  await there.close()
}

it('notices a change for which no notification arrived', async () => {
  const { store, database, sandbox } = await fixture()
  let heard = 0
  using _watch = store({
    database: {
      ...database,
      query: database.query.bind(database),
      listen: () => ({ [Symbol.dispose]() {} }),
    },
  }).watch(() => heard++)
  // The first read of the stored row has ended.
  await pause(200)
  await store().signIn({ kind: 'oauth', tokens: tokensOf(sandbox.signIn()), requestedScopes: [] })
  await expect.poll(() => heard, { timeout: 5 * SECOND }).toBeGreaterThan(0)
})
