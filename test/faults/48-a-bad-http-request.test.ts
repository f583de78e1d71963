import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { post, startTestGateway, TEST_TOKEN } from '../support/web/http-gateway.ts'

/** The status of a request exactly as given, past everything that a client would tidy up. */
function rawStatus(url: string, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('close', () => resolve(Number(answer.split(' ')[1])))
    socket.on('error', reject)
  })
}

const authorization = `Authorization: Bearer ${TEST_TOKEN}`

test('without a token nothing is told and nothing is done', async () => {
  await using gateway = await startTestGateway()
  expect((await fetch(`${gateway.url}/api/status`)).status).toBe(401)
  const sent = await fetch(`${gateway.url}/api/conversations/a/messages`, post({ text: 'hi' }))
  expect(sent.status).toBe(401)
  expect(gateway.chat.rows('web:a')).toEqual([])
})

test('a wrong token is as good as none', async () => {
  await using gateway = await startTestGateway()
  const headers = { authorization: `Bearer ${TEST_TOKEN.slice(0, -1)}X` }
  expect((await fetch(`${gateway.url}/api/status`, { headers })).status).toBe(401)
  expect((await fetch(`${gateway.url}/metrics`, { headers })).status).toBe(401)
})

test('nothing is changed by looking', async () => {
  await using gateway = await startTestGateway()
  for (const path of [
    '/api/queue/known/retry',
    '/api/queue/known/drop',
    '/api/queue/retry-all',
    '/api/tickets',
    '/api/session',
    '/api/conversations/a/stop',
  ]) {
    const response = await gateway.call(path)
    expect([path, response.status, response.headers.get('allow')?.includes('POST')]).toEqual([
      path,
      405,
      true,
    ])
  }
  expect(gateway.chat.rows('web:a')).toEqual([])
})

test('a foreign name is turned away, whatever else the request brings', async () => {
  await using gateway = await startTestGateway()
  const head = `GET /api/status HTTP/1.1\r\nHost: evil.example\r\n${authorization}\r\nConnection: close\r\n\r\n`
  expect(await rawStatus(gateway.url, head)).toBe(421)
})

test('a body of 20 MB is too large for a message', async () => {
  await using gateway = await startTestGateway()
  const response = await gateway.call('/api/conversations/a/messages', post({ text: 'x'.repeat(20_000_000) }))
  expect(response.status).toBe(413)
  expect(gateway.chat.rows('web:a')).toEqual([])
})

test.each([
  '/../package.json',
  '/../../../../../../etc/passwd',
  '/assets/../../package.json',
  '/assets/..%2f..%2fpackage.json',
  '/assets/%2e%2e/%2e%2e/package.json',
  '/assets/..%5c..%5cpackage.json',
  '/assets//etc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/assets/index.html%00.js',
])('%s leads nowhere', async (path) => {
  await using gateway = await startTestGateway()
  const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${authorization}\r\nConnection: close\r\n\r\n`
  expect(await rawStatus(gateway.url, head)).toBe(404)
})

test('a backslash in the address is refused', async () => {
  await using gateway = await startTestGateway()
  const head = `GET /assets\\..\\..\\package.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
  expect([400, 404]).toContain(await rawStatus(gateway.url, head))
})
