import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  post,
  startTestGateway,
  TEST_TOKEN,
  type TestGateway,
} from '../../../test/support/web/http-gateway.ts'
import { openSse } from '../../../test/support/web/sse-client.ts'
import { MINUTE } from '../../support/clock.ts'
import { Secret } from '../../support/secret.ts'
import { HostCheck } from './host-check.ts'
import { serverProof } from './server-proof.ts'
import { cookieName, readCookie, SESSION_LIFE_MS, SessionCookies } from './session-cookie.ts'
import { TICKET_LIFE_MS, Tickets } from './tickets.ts'
import { TokenList } from './token-list.ts'

async function signIn(gateway: TestGateway): Promise<string> {
  const ticket = new URL(gateway.server.pageAddress()).hash.slice('#ticket='.length)
  const response = await fetch(`${gateway.url}/api/session`, post({ ticket }))
  expect(response.status).toBe(200)
  return response.headers.get('set-cookie')!.split(';')[0]!
}

test('a principal is the same over sessions and token, another one for a narrow token and another gateway', async () => {
  await using gateway = await startTestGateway()
  await using other = await startTestGateway({ gatewayToken: new Secret(`${TEST_TOKEN}-other`) })
  const idOf = async (url: string, headers: Record<string, string>) => {
    const response = await fetch(`${url}/api/principal`, { headers })
    expect(response.status).toBe(200)
    return ((await response.json()) as { id: string }).id
  }
  const own = { authorization: `Bearer ${TEST_TOKEN}` }
  const session = async (at: TestGateway) => ({ cookie: await signIn(at), origin: at.url })
  const issued = await (await gateway.call('/api/tokens', post({ scope: 'chat' }))).json()
  const { token } = issued as { token: string }
  const first = await idOf(gateway.url, await session(gateway))
  expect(await idOf(gateway.url, await session(gateway))).toBe(first)
  expect(await idOf(gateway.url, own)).toBe(first)
  const others = [
    await idOf(gateway.url, { authorization: `Bearer ${token}` }),
    await idOf(other.url, await session(other)),
  ]
  expect(new Set([first, ...others]).size).toBe(3)
  expect((await fetch(`${gateway.url}/api/principal`)).status).toBe(401)
})

describe('the bearer token', () => {
  test.each([
    ['none', undefined],
    ['a wrong one', 'Bearer wrong'],
    ['one of the right length', `Bearer ${'x'.repeat(TEST_TOKEN.length)}`],
    ['another scheme', `Basic ${TEST_TOKEN}`],
    ['an empty one', 'Bearer '],
    ['the token alone', TEST_TOKEN],
    ['the token and more', `Bearer ${TEST_TOKEN}x`],
  ])('%s is refused everywhere', async (_what, authorization) => {
    await using gateway = await startTestGateway()
    for (const path of [
      '/api/status',
      '/api/incidents',
      '/api/queue',
      '/metrics',
      '/api/conversations',
      '/api/conversations/a/messages',
      '/api/conversations/a/events',
      '/api/events',
      '/api/tokens',
      '/%61pi/status',
    ]) {
      const response = await fetch(gateway.url + path, { headers: authorization ? { authorization } : {} })
      expect([path, response.status]).toEqual([path, 401])
      await response.body?.cancel()
    }
    const message = await fetch(`${gateway.url}/api/conversations/a/messages`, {
      ...post({ text: 'hi' }),
      headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
    })
    expect(message.status).toBe(401)
    expect(gateway.chat.rows('web:a')).toEqual([])
  })

  test('the scheme is taken in any case', async () => {
    await using gateway = await startTestGateway()
    const headers = { authorization: `bearer ${TEST_TOKEN}` }
    expect((await fetch(`${gateway.url}/api/status`, { headers })).status).toBe(200)
  })
})

describe('the proof of the server', () => {
  test('is given without a token, and holds for one nonce, one token and one port', async () => {
    await using gateway = await startTestGateway()
    const ask = async (nonce: unknown) => fetch(`${gateway.url}/api/proof`, post({ nonce }))
    const nonce = 'n'.repeat(22)
    const given = (await (await ask(nonce)).json()) as { proof: string }
    const port = Number(new URL(gateway.url).port)
    const token = new Secret(TEST_TOKEN)
    expect(given).toEqual({ proof: serverProof(token, nonce, port) })
    expect(given.proof).not.toBe(serverProof(token, nonce, port + 1))
    expect(given.proof).not.toBe(serverProof(new Secret('TEST-other'), nonce, port))
    expect(given.proof).not.toBe(serverProof(token, 'm'.repeat(22), port))
    for (const bad of ['', 'short', 'x'.repeat(65), 7, null, 'n'.repeat(22) + '\n'])
      expect([bad, (await ask(bad)).status]).toEqual([bad, 400])
  })
})

describe('narrower tokens', () => {
  test('talk, or read the figures, and nothing else; they are kept as hashes and can be revoked', async () => {
    await using gateway = await startTestGateway()
    const issue = async (scope: string) =>
      (await (await gateway.call('/api/tokens', post({ scope }))).json()) as { id: string; token: string }
    const [chat, metrics] = [await issue('chat'), await issue('metrics')]
    const status = async (token: string, path: string) => {
      const response = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${token}` } })
      await response.body?.cancel()
      return response.status
    }
    expect(await status(chat.token, '/api/conversations')).toBe(200)
    expect(await status(chat.token, '/metrics')).toBe(403)
    expect(await status(chat.token, '/api/status')).toBe(403)
    expect(await status(metrics.token, '/metrics')).toBe(200)
    expect(await status(metrics.token, '/api/conversations')).toBe(403)
    expect((await gateway.call('/api/tokens', post({ scope: 'all' }))).status).toBe(400)

    const file = join(gateway.home, 'gateway-tokens.json')
    expect(await readFile(file, 'utf8')).not.toContain(chat.token)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await TokenList.open(file)).find(chat.token)?.scope).toBe('chat')

    expect((await gateway.call(`/api/tokens/${chat.id}`, { method: 'DELETE' })).status).toBe(200)
    expect(await status(chat.token, '/api/conversations')).toBe(401)
  })

  test('a revoked one is told nothing more: its streams end, and no other', async () => {
    await using gateway = await startTestGateway()
    const issue = async () =>
      (await (await gateway.call('/api/tokens', post({ scope: 'chat' }))).json()) as {
        id: string
        token: string
      }
    const [gone, kept] = [await issue(), await issue()]
    const open = (path: string, token: string) =>
      openSse(gateway.url + path, { authorization: `Bearer ${token}` })
    using first = await open('/api/conversations/a/events', gone.token)
    using second = await open('/api/events?watch=a@0', gone.token)
    using third = await open('/api/conversations/a/events', kept.token)
    await gateway.call(`/api/tokens/${gone.id}`, { method: 'DELETE' })
    await Promise.all([first.ended, second.ended])
    for (const { id } of [gone, kept]) gateway.chat.add(`web:token:${id}/a`, { text: 'secret' })
    await third.until((events) => events.length > 0)
    expect(first.events).toEqual([])
    expect(second.events.filter(({ event }) => event === 'message')).toEqual([])
  })

  test('each one has its own conversations, and reaches no other’s in any way', async () => {
    await using gateway = await startTestGateway()
    const issue = async () => {
      const response = await gateway.call('/api/tokens', post({ scope: 'chat' }))
      const { id, token } = (await response.json()) as { id: string; token: string }
      return { id, authorization: `Bearer ${token}` }
    }
    const [anna, bert] = [await issue(), await issue()]
    const owner = { id: 'owner', authorization: `Bearer ${TEST_TOKEN}` }
    const call = (who: typeof owner, path: string, init: RequestInit = {}) =>
      fetch(`${gateway.url}/api/conversations${path}`, {
        ...init,
        headers: { 'content-type': 'application/json', authorization: who.authorization },
      })
    const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.from('of anna')])
    const uploaded = await call(anna, '/main/attachments?name=a.png', { method: 'POST', body: png })
    const { id: upload } = (await uploaded.json()) as { id: string }
    for (const who of [anna, bert, owner]) {
      const attachments = who === anna ? [upload] : []
      const body = { text: `salary of ${who.id}`, messageId: 'm1', attachments }
      expect((await call(who, '/main/messages', post(body))).status).toBe(202)
    }
    const attachment = [...gateway.chat.attachments.keys()][0]!
    for (const who of [anna, bert, owner]) {
      const listed = await (await call(who, '')).json()
      expect(listed).toMatchObject({ items: [{ id: 'main', preview: `salary of ${who.id}` }] })
      const { items } = (await (await call(who, '/main/messages')).json()) as { items: { text: string }[] }
      expect(items.map(({ text }) => text)).toEqual([`salary of ${who.id}`])
      for (const query of ['/conversations/main/events', '/events?watch=main@0']) {
        using stream = await openSse(`${gateway.url}/api${query}`, { authorization: who.authorization })
        const events = await stream.until((all) => all.some(({ event }) => event === 'message'))
        const messages = events.filter(({ event }) => event === 'message').map(({ data }) => data)
        expect(messages).toMatchObject([{ text: `salary of ${who.id}`, conversation: 'web:main' }])
      }
      expect((await call(who, `/main/attachments/${attachment}`)).status).toBe(who === anna ? 200 : 404)
      const other = `/${encodeURIComponent(`token:${anna.id}/main`)}/messages`
      expect((await call(who, other)).status).toBe(400)
    }
    expect(gateway.chat.rows(`web:token:${anna.id}/main`)[0]!.personId).toBe(`token:${anna.id}`)
    const taken = await call(bert, '/main/messages', post({ text: 'look', attachments: [upload] }))
    expect(taken.status).toBe(400)
    expect((await call(bert, '/main/stop', { method: 'POST' })).status).toBe(202)
    expect(gateway.chat.rows('web:main')).toHaveLength(1)
    expect(gateway.chat.rows(`web:token:${anna.id}/main`)).toHaveLength(1)
  })

  test('one has so many event streams, and takes none from another', async () => {
    await using gateway = await startTestGateway()
    const response = await gateway.call('/api/tokens', post({ scope: 'chat' }))
    const { token } = (await response.json()) as { token: string }
    await using stack = new AsyncDisposableStack()
    for (let n = 0; n < 32; n++)
      stack.use(await openSse(`${gateway.url}/api/events`, { authorization: `Bearer ${token}` }))
    const headers = { authorization: `Bearer ${token}` }
    const refused = await fetch(`${gateway.url}/api/conversations/a/events`, { headers })
    expect([refused.status, await refused.json()]).toMatchObject([429, { error: { code: 'streams' } }])
    using own = await openSse(`${gateway.url}/api/events`, { authorization: `Bearer ${TEST_TOKEN}` })
    await own.until((events) => events.length > 0)
  })
})

describe('a new gateway.token', () => {
  test('ends the old one, its sessions, tickets and streams, and no narrower token', async () => {
    await using gateway = await startTestGateway()
    const cookie = await signIn(gateway)
    const ticket = new URL(gateway.server.pageAddress()).hash.slice('#ticket='.length)
    const issued = await gateway.call('/api/tokens', post({ scope: 'chat' }))
    const { token: chat } = (await issued.json()) as { token: string }
    const session = { cookie, origin: gateway.url }
    using byToken = await openSse(`${gateway.url}/api/events`, { authorization: `Bearer ${TEST_TOKEN}` })
    using bySession = await openSse(`${gateway.url}/api/events`, session)
    using byChat = await openSse(`${gateway.url}/api/events`, { authorization: `Bearer ${chat}` })
    expect(gateway.server.replaceGatewayToken(new Secret(TEST_TOKEN))).toBe(false)
    expect(gateway.server.replaceGatewayToken(new Secret('TEST-new'))).toBe(true)
    await Promise.all([byToken.ended, bySession.ended])
    const status = async (headers: Record<string, string>) =>
      (await fetch(`${gateway.url}/api/conversations`, { headers })).status
    expect(await status({ authorization: `Bearer ${TEST_TOKEN}` })).toBe(401)
    expect(await status(session)).toBe(401)
    expect(await status({ authorization: 'Bearer TEST-new' })).toBe(200)
    expect(await status({ authorization: `Bearer ${chat}` })).toBe(200)
    expect((await fetch(`${gateway.url}/api/session`, post({ ticket }))).status).toBe(401)
    await byChat.until((events) => events.length > 0)
  })

  test('and a list of narrower tokens that somebody edits count while the gateway runs', async () => {
    await using gateway = await startTestGateway()
    const issued = await gateway.call('/api/tokens', post({ scope: 'chat' }))
    const headers = { authorization: `Bearer ${((await issued.json()) as { token: string }).token}` }
    using stream = await openSse(`${gateway.url}/api/events`, headers)
    const file = join(gateway.home, 'gateway-tokens.json')
    await writeFile(file, '{')
    await expect(gateway.server.reloadTokens()).rejects.toThrow('damaged')
    expect((await fetch(`${gateway.url}/api/conversations`, { headers })).status).toBe(200)
    await rm(file)
    await gateway.server.reloadTokens()
    await stream.ended
    expect((await fetch(`${gateway.url}/api/conversations`, { headers })).status).toBe(401)
  })
})

describe('the page’s session', () => {
  test('a ticket works once, and gives a cookie that no script and no other site can use', async () => {
    await using gateway = await startTestGateway()
    const ticket = new URL(gateway.server.pageAddress()).hash.slice('#ticket='.length)
    const first = await fetch(`${gateway.url}/api/session`, post({ ticket }))
    const cookie = first.headers.get('set-cookie')!
    expect(cookie).toMatch(/; HttpOnly/)
    expect(cookie).toMatch(/; SameSite=Strict/)
    const second = await fetch(`${gateway.url}/api/session`, post({ ticket }))
    expect(second.status).toBe(401)
    expect(await second.json()).toMatchObject({
      error: { message: expect.stringContaining('hermes dashboard') },
    })
  })

  test.each([
    ['its own origin', (url: string) => ({ origin: url }), 200],
    ['fetch metadata of the same origin', () => ({ 'sec-fetch-site': 'same-origin' }), 200],
    ['a referrer of the same origin', (url: string) => ({ referer: `${url}/c/a` }), 200],
    ['nothing that says where it comes from', () => ({}), 403],
    ['a foreign origin', () => ({ origin: 'https://evil.example' }), 403],
    ['an opaque origin', () => ({ origin: 'null' }), 403],
    ['another port of this machine', () => ({ origin: 'http://127.0.0.1:3000' }), 403],
    ['a foreign referrer', () => ({ referer: 'https://evil.example/' }), 403],
    ['same-site is not same-origin', () => ({ 'sec-fetch-site': 'same-site' }), 403],
    [
      'a foreign origin with good metadata',
      () => ({ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }),
      403,
    ],
  ])('a GET with %s', async (_what, headers, expected) => {
    await using gateway = await startTestGateway()
    const cookie = await signIn(gateway)
    const given = headers(gateway.url) as Record<string, string>
    const response = await fetch(`${gateway.url}/api/status`, { headers: { cookie, ...given } })
    expect(response.status).toBe(expected)
  })

  test('a POST needs the Origin itself', async () => {
    await using gateway = await startTestGateway()
    const cookie = await signIn(gateway)
    const status = async (headers: Record<string, string>) =>
      (
        await fetch(`${gateway.url}/api/conversations/a/messages`, {
          ...post({ text: 'hi' }),
          headers: { 'content-type': 'application/json', cookie, ...headers },
        })
      ).status
    expect(await status({ origin: gateway.url })).toBe(202)
    expect(await status({ 'sec-fetch-site': 'same-origin' })).toBe(403)
    expect(await status({ referer: gateway.url })).toBe(403)
    expect(await status({ origin: 'http://localhost:1' })).toBe(403)
    expect(gateway.chat.rows('web:a')).toHaveLength(1)
  })

  test('outlives a restart, and ends with a new gateway token', () => {
    const value = new SessionCookies(new Secret('TEST-one')).issue(0)
    expect(new SessionCookies(new Secret('TEST-one')).verify(value, 1)).not.toBeNull()
    expect(new SessionCookies(new Secret('TEST-two')).verify(value, 1)).toBeNull()
    expect(new SessionCookies(new Secret('TEST-one')).verify(value, SESSION_LIFE_MS)).toBeNull()
  })

  test('a cookie whose end was moved is refused', () => {
    const cookies = new SessionCookies(new Secret('TEST-one'))
    const [id, , seal] = cookies.issue(0).split('.')
    expect(cookies.verify(`${id}.${SESSION_LIFE_MS * 9}.${seal}`, 1)).toBeNull()
    for (const broken of ['', '.', '..', 'a.b.c', 'a.b.c.d']) expect(cookies.verify(broken, 1)).toBeNull()
  })

  test('its cookie is found among others', () => {
    const name = cookieName(8642)
    expect(readCookie(`a=b; ${name}=x=y; c`, name)).toBe('x=y')
    expect(readCookie(`x${name}=no`, name)).toBeNull()
  })

  test('signing out ends the session on the server, its streams with it, and a restart does not bring it back', async () => {
    await using gateway = await startTestGateway()
    const cookie = await signIn(gateway)
    const headers = { cookie, origin: gateway.url }
    using stream = await openSse(`${gateway.url}/api/events`, headers)
    using other = await openSse(`${gateway.url}/api/events`, { authorization: `Bearer ${TEST_TOKEN}` })
    await stream.until((events) => events.length > 0)
    expect((await fetch(`${gateway.url}/api/session`, { method: 'DELETE', headers })).status).toBe(200)
    await stream.ended
    expect((await fetch(`${gateway.url}/api/status`, { headers })).status).toBe(401)
    const id = cookie.split('=')[1]!.split('.')[0]!
    const again = await TokenList.open(join(gateway.home, 'gateway-tokens.json'))
    expect(again.isSessionEnded(id)).toBe(true)
    gateway.chat.add('web:a', { text: 'x' })
    await other.until((events) => events.length > 0)
  })

  test('an ended session is forgotten when it would have expired', async () => {
    await using gateway = await startTestGateway()
    const tokens = await TokenList.open(join(gateway.home, 'ended.json'))
    await tokens.endSession({ id: 'first', endsAt: 10 }, 0)
    await tokens.endSession({ id: 'second', endsAt: 30 }, 20)
    expect([tokens.isSessionEnded('first'), tokens.isSessionEnded('second')]).toEqual([false, true])
  })

  test('a plain http origin is not ours under a name that is reached by https', () => {
    const hosts = new HostCheck(['https://chat.example.org', 'http://gateway.lan:8642'])
    expect(hosts.isSameOrigin('http://chat.example.org', 'chat.example.org')).toBe(false)
    expect(hosts.isSameOrigin('http://CHAT.example.org', 'chat.example.ORG')).toBe(false)
    expect(hosts.isSameOrigin('https://chat.example.org', 'chat.example.org')).toBe(true)
    expect(hosts.isSameOrigin('http://gateway.lan:8642', 'gateway.lan:8642')).toBe(true)
    expect(hosts.isSameOrigin('http://127.0.0.1:8642', '127.0.0.1:8642')).toBe(true)
    expect(hosts.isSameOrigin('http://[::1]:8642', '[::1]:8642')).toBe(true)
  })

  test('signing out removes the cookie', async () => {
    await using gateway = await startTestGateway()
    const cookie = await signIn(gateway)
    const response = await fetch(`${gateway.url}/api/session`, {
      method: 'DELETE',
      headers: { cookie, origin: gateway.url },
    })
    expect(response.headers.get('set-cookie')).toMatch(/=; .*Max-Age=0/)
  })
})

test('a ticket ends after ten minutes, and only so many are open at a time', () => {
  const tickets = new Tickets()
  const [early, late] = [tickets.issue(0), tickets.issue(5 * MINUTE)]
  expect(tickets.redeem(early, TICKET_LIFE_MS)).toBe(false)
  expect(tickets.redeem(late, TICKET_LIFE_MS)).toBe(true)
  const first = tickets.issue(0)
  for (let n = 0; n < 64; n++) tickets.issue(0)
  expect(tickets.redeem(first, 1)).toBe(false)
})

test('the command line gets a whole address to open', async () => {
  await using gateway = await startTestGateway()
  const { url } = (await (await gateway.call('/api/tickets', { method: 'POST' })).json()) as { url: string }
  const ticket = url.split('#ticket=')[1]
  expect(url.startsWith(`${gateway.url}/#ticket=`)).toBe(true)
  expect((await fetch(`${gateway.url}/api/session`, post({ ticket }))).status).toBe(200)
})
