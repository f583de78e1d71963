import { request as httpRequest } from 'node:http'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { startTestGateway, TEST_TOKEN, post } from '../../test/support/web/http-gateway.ts'
import { openSse } from '../../test/support/web/sse-client.ts'
import { systemClock } from '../support/clock.ts'
import { PortTaken } from './server.ts'

const authorized = { authorization: `Bearer ${TEST_TOKEN}` }

/** A request exactly as given, past everything that `fetch` would tidy up. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

describe('the port', () => {
  test('a taken port moves the sandbox to the next free one, and it says so', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    await using gateway = await startTestGateway({ port, whenTaken: 'move' })
    expect(Number(new URL(gateway.url).port)).toBeGreaterThan(port)
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200)
    other.close()
  })

  test('a taken port is waited for, and taken as soon as it is free', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    setTimeout(() => other.close(), 300)
    await using gateway = await startTestGateway({ port })
    expect(new URL(gateway.url).port).toBe(String(port))
  })

  test('a port that stays taken ends in a plain error after ten seconds', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    // Time passes a hundred times as fast here.
    const clock = {
      ...systemClock,
      monotonic: () => systemClock.monotonic() * 100,
      setTimer: (callback: () => void, ms: number) => systemClock.setTimer(callback, ms / 100),
    }
    await expect(startTestGateway({ port, clock })).rejects.toThrow(PortTaken)
    other.close()
  })
})

describe('closing', () => {
  test('ends event streams and returns within a second, also under a request that hangs', async () => {
    const gateway = await startTestGateway({ services_: { status: () => new Promise(() => {}) } })
    using stream = await openSse(`${gateway.url}/api/conversations/a/events`, authorized)
    const hanging = gateway.call('/api/status').catch(() => 'cut')
    await stream.until(() => stream.raw.length > 0)
    const begin = performance.now()
    await gateway[Symbol.asyncDispose]()
    expect(performance.now() - begin).toBeLessThan(1_500)
    await stream.ended
    expect(await hanging).toBe('cut')
  })
})

describe('probes', () => {
  test('tell the truth about readiness, to anybody and under any name', async () => {
    await using gateway = await startTestGateway()
    const port = Number(new URL(gateway.url).port)
    expect(await (await fetch(`${gateway.url}/healthz`)).json()).toEqual({ status: 'ok' })
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toEqual({ status: 'ready' })
    gateway.setReadiness({ ready: false, status: 'needs-login', reason: 'expired' })
    const response = await fetch(`${gateway.url}/readyz`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ status: 'needs-login', reason: 'expired' })
    expect(
      await raw(port, 'GET /healthz HTTP/1.1\r\nHost: 10.0.0.7:8642\r\nConnection: close\r\n\r\n'),
    ).toMatch(/^HTTP\/1\.1 200/)
  })
})

describe('names', () => {
  test.each(['localhost', '127.0.0.1', '127.1.2.3:99', '[::1]:8642', 'LOCALHOST:8642', 'chat.example.org'])(
    '%s is answered to',
    async (host) => {
      await using gateway = await startTestGateway({ publicUrls: ['https://chat.example.org/'] })
      const answer = await raw(
        Number(new URL(gateway.url).port),
        `GET /api/status HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${TEST_TOKEN}\r\nConnection: close\r\n\r\n`,
      )
      expect(answer).toMatch(/^HTTP\/1\.1 200/)
    },
  )

  test.each([
    'evil.example',
    '127.0.0.1.evil.example',
    'localhost.evil.example:8642',
    '10.0.0.1',
    'chat.example.org.',
  ])('%s is not', async (host) => {
    await using gateway = await startTestGateway({ publicUrls: ['https://chat.example.org/'] })
    for (const path of ['/', '/api/status', '/metrics', '/healthz/', '/%68ealthz', '/nothing']) {
      const answer = await raw(
        Number(new URL(gateway.url).port),
        `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${TEST_TOKEN}\r\nConnection: close\r\n\r\n`,
      )
      expect(`${path} ${answer}`).toMatch(/^\S+ HTTP\/1\.1 421/)
    }
  })
})

describe('what is not there', () => {
  test('is 404, a wrong method is 405 with what is allowed, and nothing under /api is told without a token', async () => {
    await using gateway = await startTestGateway()
    expect((await gateway.call('/nothing')).status).toBe(404)
    expect((await gateway.call('/api/nothing')).status).toBe(404)
    expect((await fetch(`${gateway.url}/api/nothing`)).status).toBe(401)
    expect((await fetch(`${gateway.url}/api`)).status).toBe(401)
    expect((await fetch(`${gateway.url}/api/queue/1/drop`)).status).toBe(401)
    const response = await gateway.call('/api/queue/known/drop')
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    const put = await gateway.call('/api/conversations/a/messages', { method: 'PUT', body: '{}' })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST, HEAD'])
    expect((await gateway.call('/api/session')).status).toBe(405)
    expect((await gateway.call('/healthz', { method: 'POST' })).status).toBe(405)
  })

  test('an error of ours is one sentence, and the log has the rest', async () => {
    const lines: string[] = []
    const { createLog } = await import('../support/log.ts')
    const log = await createLog({ destination: { write: (line: string) => void lines.push(line) } })
    await using gateway = await startTestGateway({
      log,
      services_: { status: () => Promise.reject(new TypeError('secret detail')) },
    })
    const response = await gateway.call('/api/status')
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret detail')
    expect(lines.join()).toContain('secret detail')
  })
})

describe('the operator’s routes', () => {
  test('give lists as items, and say what became of a message', async () => {
    await using gateway = await startTestGateway()
    expect(await (await gateway.call('/api/incidents')).json()).toEqual({ items: [] })
    expect(await (await gateway.call('/api/queue?state=held')).json()).toEqual({ items: [] })
    expect((await gateway.call('/api/queue?state=lost')).status).toBe(400)
    expect((await gateway.call('/api/queue/known/retry', { method: 'POST' })).status).toBe(200)
    expect((await gateway.call('/api/queue/unknown/retry', { method: 'POST' })).status).toBe(404)
    expect((await gateway.call('/api/queue/known/drop', { method: 'POST' })).status).toBe(200)
    expect(await (await gateway.call('/api/queue/retry-all', { method: 'POST' })).json()).toEqual({
      retried: 3,
    })
  })
})

test('a request that announces 20 MB is refused before it is read, and the client gets to read why', async () => {
  await using gateway = await startTestGateway()
  const response = await gateway.call('/api/conversations/a/messages', post({ text: 'x'.repeat(20 << 20) }))
  expect(response.status).toBe(413)
  expect(await response.json()).toMatchObject({ error: { code: 'too-large' } })
  // The same without a length: counted while it is read.
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(
      `${gateway.url}/api/conversations/a/messages`,
      { method: 'POST', headers: { ...authorized, 'content-type': 'application/json' } },
      (answer) => {
        resolve(answer.statusCode)
        answer.resume()
      },
    )
    request.on('error', reject)
    for (let part = 0; part < 20; part++) request.write('y'.repeat(10_000))
    request.end()
  })
  expect(status).toBe(413)
})

test('a gateway on localhost is reached by the address that it has, not by another one of the name', async () => {
  await using gateway = await startTestGateway({ host: 'localhost' })
  expect(new URL(gateway.url).hostname).toMatch(/^(127\.0\.0\.1|\[::1\])$/)
  expect((await gateway.call('/api/status')).status).toBe(200)
})
