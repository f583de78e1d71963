import { expect, test } from 'vitest'
import { post, startTestGateway, TEST_TOKEN } from '../../../test/support/web/http-gateway.ts'
import { OtherAccount } from '../../credentials/login.ts'
import { Refused } from '../../support/errors.ts'
import type { LoginService } from './services.ts'

class Recorded implements LoginService {
  readonly calls: string[] = []

  async start(client: string) {
    this.calls.push(`start ${client}`)
    return { authorizeUrl: 'https://claude.example/authorize', session: 's1', expiresAt: 0 }
  }

  async finish(client: string, session: string, code: string) {
    this.calls.push(`finish ${client} ${session} ${code}`)
    if (code === 'other') throw new OtherAccount('a@example.org', 'b@example.org')
    if (code !== 'good') throw new Refused('The code was refused.')
    return { account: 'a@example.org', note: null }
  }

  async confirm(client: string) {
    this.calls.push(`confirm ${client}`)
    return { account: 'b@example.org', note: null }
  }

  async apiKey(key: string) {
    this.calls.push(`apiKey ${key.length}`)
    if (!key.startsWith('sk-ant-api')) throw new Refused('The provider does not accept this key.')
    return { fingerprint: '01234567', note: null }
  }
}

test('a sign-in is started, refused in a plain sentence, and finished by the client that started it', async () => {
  const login = new Recorded()
  await using gateway = await startTestGateway({ services_: { login } })
  expect(await (await gateway.call('/api/login/start', { method: 'POST' })).json()).toEqual({
    authorizeUrl: 'https://claude.example/authorize',
    session: 's1',
    expiresAt: '1970-01-01T00:00:00.000Z',
  })
  const refused = await gateway.call('/api/login/finish', post({ session: 's1', code: 'bad' }))
  expect([refused.status, await refused.json()]).toEqual([
    400,
    { error: { code: 'refused', message: 'The code was refused.' } },
  ])
  const other = await gateway.call('/api/login/finish', post({ session: 's1', code: 'other' }))
  expect([other.status, await other.json()]).toMatchObject([409, { error: { code: 'other-account' } }])
  const agreed = await gateway.call('/api/login/finish', post({ session: 's1', replace: true }))
  expect(await agreed.json()).toEqual({ account: 'b@example.org', note: null })
  expect((await gateway.call('/api/login/finish', post({ code: 'good' }))).status).toBe(400)
  expect(login.calls).toEqual([
    'start token',
    'finish token s1 bad',
    'finish token s1 other',
    'confirm token',
  ])
})

test('each browser is a client of its own', async () => {
  const login = new Recorded()
  await using gateway = await startTestGateway({ services_: { login } })
  for (let visitor = 0; visitor < 2; visitor++) {
    const ticket = new URL(gateway.server.pageAddress()).hash.slice('#ticket='.length)
    const session = await fetch(`${gateway.url}/api/session`, post({ ticket }))
    const cookie = session.headers.get('set-cookie')!.split(';')[0]!
    const headers = { cookie, origin: gateway.url }
    await fetch(`${gateway.url}/api/login/start`, { method: 'POST', headers })
  }
  const [first, second] = login.calls
  expect(first).toMatch(/^start session:/)
  expect(second).not.toBe(first)
})

test('nothing of it is offered where there is no sign-in, nor to a narrower token', async () => {
  await using without = await startTestGateway()
  expect((await without.call('/api/login/start', { method: 'POST' })).status).toBe(404)
  await using gateway = await startTestGateway({ services_: { login: new Recorded() } })
  const made = await gateway.call('/api/tokens', post({ scope: 'chat' }))
  const { token } = (await made.json()) as { token: string }
  const start = (authorization: string) =>
    fetch(`${gateway.url}/api/login/start`, { method: 'POST', headers: { authorization } })
  expect((await start(`Bearer ${token}`)).status).toBe(403)
  expect((await start(`Bearer ${TEST_TOKEN}x`)).status).toBe(401)
  expect((await gateway.call('/api/login/start')).status).toBe(405)
})
