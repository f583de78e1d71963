import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import type { TokenResult } from '../oauth/token-endpoint.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import { Secret } from '../support/secret.ts'
import { accountName, LOGIN_LIFE_MS, LoginSessions, OtherAccount } from './login.ts'
import type { OwnContent } from './own/own-document.ts'

type Exchange = { readonly code: Secret; readonly verifier: Secret; readonly state: Secret }

function issued(accountId: string | null, accountEmail: string | null = null): TokenResult {
  return {
    kind: 'issued',
    tokens: {
      accessToken: new Secret(`sk-ant-oat01-TEST-${accountId}`),
      refreshToken: new Secret(`sk-ant-ort01-TEST-${accountId}`),
      expiresInMs: 8 * 60 * MINUTE,
      expiryAssumed: false,
      loginExpiresInMs: null,
      scopes: null,
      accountId,
      accountEmail,
      organizationId: null,
    },
  }
}

/** Sign-ins over an endpoint and a store in memory. */
function desk() {
  const clock = new FakeClock()
  const exchanges: Exchange[] = []
  const stored: string[] = []
  const fixture = {
    clock,
    exchanges,
    stored,
    present: { kind: 'absent' } as OwnContent,
    /** How the next exchanges end. */
    answer: (): TokenResult | Promise<TokenResult> => issued('one', 'one@example.org'),
    storeFails: false,
    paste: (url: string, code = 'TESTcode') => `${code}#${new URL(url).searchParams.get('state')}`,
  }
  const sessions = new LoginSessions({
    settings: {
      authorizeUrl: 'http://127.0.0.1/authorize',
      tokenUrls: ['http://127.0.0.1/token'],
      clientId: 'client-TEST',
      redirectUri: 'http://127.0.0.1/oauth/code/callback',
      scopes: ['user:inference'],
      userAgent: 'hermes-gateway/0.0.0-test',
      headers: {},
    },
    endpoint: {
      async exchange(grant) {
        exchanges.push(grant)
        return await fixture.answer()
      },
    },
    store: {
      current: async () => fixture.present,
      async signIn(given) {
        if (fixture.storeFails) throw new Error('no room')
        if (given.kind !== 'oauth') throw new Error('no OAuth sign-in')
        stored.push(given.tokens.accountId ?? 'nameless')
        return { id: 'id-TEST', signedInAt: clock.now(), kind: 'api-key', key: new Secret('TEST') }
      },
    },
    clock,
  })
  return { ...fixture, fixture, sessions }
}

test('a paste in time is exchanged with the verifier of its own address, and stored', async () => {
  const { sessions, exchanges, stored, paste, clock } = desk()
  const started = await sessions.begin('ada')
  expect(started.expiresAt).toBe(clock.now() + LOGIN_LIFE_MS)
  await clock.advance(LOGIN_LIFE_MS - 1)
  expect(sessions.waits('ada')).toBe(true)
  const finished = await sessions.finish('ada', started.session, paste(started.url), false)
  expect(accountName(finished)).toBe('one@example.org')
  expect(stored).toEqual(['one'])
  expect(exchanges[0]!.code.reveal()).toBe('TESTcode')
  expect(sessions.waits('ada')).toBe(false)
})

test('ten minutes later nobody is asked', async () => {
  const { sessions, exchanges, paste, clock } = desk()
  const { url, session } = await sessions.begin('ada')
  await clock.advance(LOGIN_LIFE_MS)
  expect(sessions.waits('ada')).toBe(false)
  await expect(sessions.finish('ada', session, paste(url), false)).rejects.toThrow('ten minutes are over')
  expect(exchanges).toEqual([])
})

test('a code that came in time counts, however long the exchange takes', async () => {
  const { sessions, fixture, stored, paste, clock } = desk()
  const { url } = await sessions.begin('ada')
  await clock.advance(LOGIN_LIFE_MS - SECOND)
  const answer = Promise.withResolvers<TokenResult>()
  fixture.answer = () => answer.promise
  const finishing = sessions.finish('ada', null, paste(url), false)
  await clock.advance(MINUTE)
  expect(sessions.waits('ada')).toBe(true)
  answer.resolve(issued('one'))
  await finishing
  expect(stored).toEqual(['one'])
})

test.each([
  ['an empty one', '', /Nothing was pasted/],
  ['half of one', 'TESTcode', /Only half/],
  ['one of another sign-in', `TESTcode#${'x'.repeat(43)}`, /another sign-in/],
  ['a token', 'sk-ant-oat01-TEST-token', /a token/],
])('a wrong paste (%s) is told and leaves the sign-in open, however often', async (_what, wrong, told) => {
  const { sessions, exchanges, stored, paste } = desk()
  const { url } = await sessions.begin('ada')
  for (let time = 1; time <= 20; time++) {
    await expect(sessions.finish('ada', null, wrong, false)).rejects.toThrow(told)
    expect(sessions.waits('ada')).toBe(true)
  }
  expect(exchanges).toEqual([])
  await sessions.finish('ada', null, paste(url), false)
  expect(stored).toEqual(['one'])
})

test('two people at once: neither the code nor the session of one is good for the other', async () => {
  const { sessions, exchanges, stored, paste } = desk()
  const ada = await sessions.begin('ada')
  const bob = await sessions.begin('bob')
  await expect(sessions.finish('bob', null, paste(ada.url), false)).rejects.toThrow('another sign-in')
  await expect(sessions.finish('bob', ada.session, paste(ada.url), false)).rejects.toThrow('No sign-in')
  expect(exchanges).toEqual([])
  await Promise.all([
    sessions.finish('ada', ada.session, paste(ada.url, 'codeOfAda'), false),
    sessions.finish('bob', bob.session, paste(bob.url, 'codeOfBob'), false),
  ])
  expect(stored).toHaveLength(2)
  expect(new Set(exchanges.map(({ verifier }) => verifier.fingerprint)).size).toBe(2)
  for (const { code, state } of exchanges) {
    const url = code.reveal() === 'codeOfAda' ? ada.url : bob.url
    expect(new URL(url).searchParams.get('state')).toBe(state.reveal())
  }
})

test('a new address ends the one before, also in the middle of its exchange', async () => {
  const { sessions, fixture, stored, paste } = desk()
  const first = await sessions.begin('ada')
  const answer = Promise.withResolvers<TokenResult>()
  fixture.answer = () => answer.promise
  const finishing = sessions.finish('ada', null, paste(first.url), false)
  const second = await sessions.begin('ada')
  answer.resolve(issued('one'))
  await expect(finishing).rejects.toThrow('No sign-in is waiting')
  await expect(sessions.finish('ada', null, paste(first.url), false)).rejects.toThrow('another sign-in')
  expect(stored).toEqual([])
  fixture.answer = () => issued('one')
  await sessions.finish('ada', null, paste(second.url), false)
  expect(stored).toEqual(['one'])
})

test('a code is sent once, however often it is pasted, and whatever became of it', async () => {
  const { sessions, fixture, exchanges, paste } = desk()
  const { url } = await sessions.begin('ada')
  const answer = Promise.withResolvers<TokenResult>()
  fixture.answer = () => answer.promise
  const finishing = sessions.finish('ada', null, paste(url), false)
  await expect(sessions.finish('ada', null, paste(url), false)).rejects.toThrow('used already')
  answer.resolve({ kind: 'dead', reason: 'revoked', message: 'x' })
  await expect(finishing).rejects.toThrow('The code was refused')
  await expect(sessions.finish('ada', null, paste(url), false)).rejects.toThrow('used already')
  expect(exchanges).toHaveLength(1)
})

test('a mistyped code leaves the sign-in open for the right one', async () => {
  const { sessions, fixture, exchanges, stored, paste } = desk()
  const { url } = await sessions.begin('ada')
  fixture.answer = () => ({ kind: 'dead', reason: 'revoked', message: 'x' })
  await expect(sessions.finish('ada', null, paste(url, 'TESTcodf'), false)).rejects.toThrow('was refused')
  fixture.answer = () => issued('one')
  await sessions.finish('ada', null, paste(url), false)
  expect([exchanges.length, stored]).toEqual([2, ['one']])
})

test.each([
  [{ kind: 'dead', reason: 'account', message: 'x' }, /on hold/],
  [
    { kind: 'transient', reason: 'rate-limited', message: 'x', retryAfterMs: null, ambiguous: false },
    /too many requests/,
  ],
  [
    { kind: 'transient', reason: 'network', message: 'nobody answers', retryAfterMs: null, ambiguous: true },
    /could not be exchanged: nobody answers/,
  ],
] satisfies Array<[TokenResult, RegExp]>)(
  'what the endpoint says becomes one sentence (%#)',
  async (result, told) => {
    const { sessions, fixture, stored, paste } = desk()
    const { url } = await sessions.begin('ada')
    fixture.answer = () => result
    await expect(sessions.finish('ada', null, paste(url), false)).rejects.toThrow(told)
    expect(stored).toEqual([])
    expect(sessions.waits('ada')).toBe(true)
  },
)

test('another account takes the place only when that is said, by this person, in time', async () => {
  const { sessions, fixture, stored, paste, clock } = desk()
  const generation = {
    accessToken: new Secret('sk-ant-oat01-TEST'),
    refreshToken: null,
    issuedAt: 0,
    expiresAt: 1,
    loginExpiresAt: null,
    loginExpiryEstimated: false,
    scopes: [],
    accountId: 'present',
    accountEmail: 'present@example.org',
  }
  fixture.present = { kind: 'oauth', id: 'x', signedInAt: 0, generation }
  fixture.answer = () => issued('another', 'another@example.org')
  const first = await sessions.begin('ada')
  const refused = await sessions.finish('ada', null, paste(first.url), false).catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(OtherAccount)
  expect(refused).toMatchObject({ present: 'present@example.org', given: 'another@example.org' })
  expect(stored).toEqual([])
  await expect(sessions.confirm('bob')).rejects.toThrow('No sign-in is waiting')
  await clock.advance(LOGIN_LIFE_MS)
  await expect(sessions.confirm('ada')).rejects.toThrow('No sign-in is waiting')

  const second = await sessions.begin('ada')
  await expect(sessions.confirm('ada')).rejects.toThrow('nothing to confirm')
  await expect(sessions.finish('ada', null, paste(second.url), false)).rejects.toThrow(OtherAccount)
  expect(accountName(await sessions.confirm('ada'))).toBe('another@example.org')
  await expect(sessions.confirm('ada')).rejects.toThrow('No sign-in is waiting')
  const third = await sessions.begin('ada')
  await sessions.finish('ada', null, paste(third.url), true)
  // A server that does not say whose it is cannot be asked about.
  fixture.answer = () => issued(null)
  const fourth = await sessions.begin('ada')
  expect(accountName(await sessions.finish('ada', null, paste(fourth.url), false))).toContain(
    'without a name',
  )
  expect(stored).toEqual(['another', 'another', 'nameless'])
})

test('what could not be stored is told as such, and the code is not sent again', async () => {
  const { sessions, fixture, exchanges, paste } = desk()
  const { url } = await sessions.begin('ada')
  fixture.storeFails = true
  await expect(sessions.finish('ada', null, paste(url), false)).rejects.toThrow('no room')
  await expect(sessions.finish('ada', null, paste(url), false)).rejects.toThrow('used already')
  expect(exchanges).toHaveLength(1)
  sessions.cancel('ada')
  expect(sessions.waits('ada')).toBe(false)
})
