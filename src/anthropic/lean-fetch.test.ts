import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BodyTooLarge } from '../support/limit-body.ts'
import { leanFetch } from './lean-fetch.ts'

const LIMITS = { maxBytes: 16 * 1024 * 1024, maxLineBytes: 16 * 1024 * 1024 }

let server: Server
let play: (request: IncomingMessage, response: ServerResponse) => void
let requests: IncomingMessage[]
let closed: Promise<void>

beforeEach(async () => {
  requests = []
  const over = Promise.withResolvers<void>()
  closed = over.promise
  server = createServer((request, response) => {
    requests.push(request)
    response.on('close', over.resolve)
    play(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const url = (path = '/') => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => null,
    (error: unknown) => error as Error,
  )

test('what is sent arrives, and what is answered comes back', async () => {
  const received: string[] = []
  play = (request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => received.push(text))
    request.on('end', () => {
      response.writeHead(418, 'Odd', { 'request-id': 'req_1', 'x-many': ['a', 'b'] })
      response.end('{"ö":1}')
    })
  }
  const response = await leanFetch(LIMITS)(url('/v1/messages?beta=true'), {
    method: 'POST',
    headers: new Headers({ 'x-api-key': 'sk-ant-api03-TEST', 'content-type': 'application/json' }),
    body: '{"text":"Grüße"}',
  })
  expect([response.status, response.ok, response.statusText]).toEqual([418, false, 'Odd'])
  expect([response.headers.get('request-id'), response.headers.get('x-many')]).toEqual(['req_1', 'a, b'])
  expect(await response.json()).toEqual({ ö: 1 })
  expect(received.join('')).toBe('{"text":"Grüße"}')
  expect([requests[0]!.method, requests[0]!.url]).toEqual(['POST', '/v1/messages?beta=true'])
  expect(requests[0]!.headers).toMatchObject({
    'x-api-key': 'sk-ant-api03-TEST',
    'accept-encoding': 'identity',
    'content-length': '18',
  })
})

test('a redirect is an answer like any other: a credential follows none', async () => {
  play = (_, response) => response.writeHead(302, { location: url('/elsewhere') }).end()
  expect((await leanFetch(LIMITS)(url())).status).toBe(302)
  expect(requests).toHaveLength(1)
})

test('answers that were read whole leave their connections to the next requests', async () => {
  play = (_, response) => response.end('whole')
  for (let request = 0; request < 8; request++) await (await leanFetch(LIMITS)(url())).text()
  expect(new Set(requests.map(({ socket }) => socket.remotePort)).size).toBeLessThanOrEqual(2)
})

test('a reader that stops closes the connection', async () => {
  play = (_, response) => void response.write('more to come')
  for await (const piece of (await leanFetch(LIMITS)(url())).body!) {
    expect(Buffer.from(piece).toString()).toBe('more to come')
    break
  }
  await closed
})

test('a slow reader slows the sender down, and misses nothing', async () => {
  const total = 8 * 1024 * 1024
  let sent = 0
  play = (_, response) => {
    const more = () => {
      while (sent < total) {
        sent += 65_536
        if (!response.write(Buffer.alloc(65_536, sent / 65_536))) return void response.once('drain', more)
      }
      response.end()
    }
    more()
  }
  const response = await leanFetch(LIMITS)(url())
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(sent).toBeLessThan(total)
  const body = Buffer.concat(await Array.fromAsync(response.body!))
  expect(body.byteLength).toBe(total)
  for (let piece = 0; piece < total / 65_536; piece++) expect(body[piece * 65_536]).toBe((piece + 1) % 256)
})

describe('fails', () => {
  test('where nobody listens, as `fetch` does', async () => {
    const gone = url()
    await new Promise((resolve) => server.close(resolve))
    const error = await reasonOf(leanFetch(LIMITS)(gone))
    expect(error).toMatchObject({
      name: 'TypeError',
      message: 'fetch failed',
      cause: { code: 'ECONNREFUSED' },
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })

  test('where the connection breaks before the answer, and in its middle', async () => {
    play = (_, response) => response.destroy()
    expect(await reasonOf(leanFetch(LIMITS)(url()))).toMatchObject({ message: 'fetch failed' })
    play = (_, response) => response.write('half', () => response.destroy())
    const response = await leanFetch(LIMITS)(url())
    expect(await reasonOf(response.text())).toMatchObject({ name: 'TypeError', message: 'terminated' })
  })

  test('with the reason of its signal, before the answer, in its middle, and at once', async () => {
    const stop = new Error('stop')
    const send = (signal: AbortSignal) => leanFetch(LIMITS)(url(), { signal })
    const early = new AbortController()
    play = () => early.abort(stop)
    expect(await reasonOf(send(early.signal))).toBe(stop)
    const late = new AbortController()
    play = (_, response) => void response.write('half')
    const response = await send(late.signal)
    const reading = reasonOf(response.text())
    late.abort(stop)
    expect(await reading).toBe(stop)
    await closed
    const before = requests.length
    expect(await reasonOf(send(AbortSignal.abort(stop)))).toBe(stop)
    expect(requests).toHaveLength(before)
  })

  test.each([
    ['in all', 'some words\n', { maxBytes: 100_000 }],
    ['in one line', 'some words', { maxBytes: 1e9, maxLineBytes: 100_000 }],
  ])('beyond its limit %s, which closes the connection', async (_, words, limits) => {
    play = (_request, response) => {
      const more = () => {
        while (response.write(words.repeat(1000)));
        response.once('drain', more)
      }
      more()
    }
    const response = await leanFetch(limits)(url())
    expect(await reasonOf(response.text())).toBeInstanceOf(BodyTooLarge)
    await closed
  })
})
