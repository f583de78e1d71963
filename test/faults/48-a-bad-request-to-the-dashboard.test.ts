import { connect } from 'node:net'
import { expect, test } from 'vitest'
import type { LoginService } from '../../src/http/api/services.ts'
import { post, quietDashboard, startTestGateway, TEST_TOKEN } from '../support/web/http-gateway.ts'

const acts: string[] = []
const sandbox = {
  state: () => ({ faults: [], liveAccessTokens: 0, tokenLifetimeSeconds: 60 }),
  events: [],
  act: (action: string) => {
    acts.push(action)
    return { ended: 0 }
  },
  subscribe: () => ({ [Symbol.dispose]: () => {} }),
}
const never = (): never => {
  throw new Error('must not be reached')
}
const login: LoginService = { start: never, finish: never, confirm: never, apiKey: never }
const start = () => startTestGateway({ services_: { dashboard: quietDashboard({ sandbox }), login } })

const READS = [
  '/api/status',
  '/api/figures',
  '/api/credential/timeline',
  '/api/incidents',
  '/api/queue',
  '/api/queue/known/text',
  '/api/sandbox',
]
const WRITES = [
  '/api/queue/known/retry',
  '/api/queue/known/drop',
  '/api/queue/retry-all',
  '/api/login/start',
  '/api/login/finish',
  '/api/login/api-key',
  '/api/sandbox/revoke',
]

test('without a token, with a wrong one, or with the cookie of nobody, nothing is told and nothing is done', async () => {
  await using gateway = await start()
  for (const headers of [{}, { authorization: `Bearer ${TEST_TOKEN}x` }, { cookie: 'hermes=x' }]) {
    for (const path of READS)
      expect([path, (await fetch(gateway.url + path, { headers })).status]).toEqual([path, 401])
    for (const path of WRITES) {
      const response = await fetch(gateway.url + path, { ...post({}), headers })
      expect([path, response.status]).toEqual([path, 401])
    }
  }
  expect(acts).toEqual([])
})

test('nothing of it is changed by looking', async () => {
  await using gateway = await start()
  for (const path of WRITES) expect([path, (await gateway.call(path)).status]).toEqual([path, 405])
  for (const path of READS) expect([path, (await gateway.call(path, post({}))).status]).toEqual([path, 405])
  expect(acts).toEqual([])
})

test('another site cannot use the cookie of the page', async () => {
  await using gateway = await start()
  const ticket = gateway.server.pageAddress().split('=')[1]
  const opened = await fetch(`${gateway.url}/api/session`, post({ ticket }))
  const cookie = opened.headers.get('set-cookie')!.split(';')[0]!
  const ask = (origin: string) =>
    fetch(`${gateway.url}/api/sandbox/revoke`, { method: 'POST', headers: { cookie, origin } })
  expect((await ask('http://evil.example')).status).toBe(403)
  expect(acts).toEqual([])
  expect((await ask(gateway.url)).status).toBe(200)
  expect(acts.splice(0)).toEqual(['revoke'])
})

test('a body of 20 MB is too large for a key, a code or a switch', async () => {
  await using gateway = await start()
  const large = post({ key: 'x'.repeat(20_000_000) })
  for (const path of ['/api/login/api-key', '/api/login/finish', '/api/sandbox/fault'])
    expect([path, (await gateway.call(path, large)).status]).toEqual([path, 413])
  expect(acts).toEqual([])
})

test.each([
  ['GET /incidents/../../../etc/passwd', 'localhost', 404],
  ['GET /incidents/..%2f..%2fetc%2fpasswd/x', 'localhost', 404],
  ['GET /status/../package.json', 'localhost', 404],
  ['GET /status', 'evil.example', 421],
  ['GET /api/figures', 'evil.example', 421],
])('%s for %s is answered with %d', async (request, host, expected) => {
  await using gateway = await start()
  const status = await new Promise<number>((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () =>
      socket.write(
        `${request} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${TEST_TOKEN}\r\nConnection: close\r\n\r\n`,
      ),
    )
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('close', () => resolve(Number(answer.split(' ')[1])))
    socket.on('error', reject)
  })
  expect(status).toBe(expected)
})
