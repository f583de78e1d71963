import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Alerter } from '../../src/alerts/alerter.ts'
import { ntfyRoute } from '../../src/alerts/routes/ntfy.ts'
import { webhookRoute } from '../../src/alerts/routes/webhook.ts'
import { systemClock } from '../../src/support/clock.ts'
import { Secret } from '../../src/support/secret.ts'

interface Received {
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

let server: Server
let received: Received[]
let status: number

beforeEach(async () => {
  received = []
  status = 200
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      if (request.method === 'POST') received.push({ headers: request.headers, body })
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

const address = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
/** Nothing listens on port 9 of loopback. */
const dead = () => webhookRoute({ url: new Secret('http://127.0.0.1:9/'), secret: null })
const ALERT = { event: 'incident.opened', text: 'Claude cannot be reached', incident: null } as const

test('a dead route falls to the next one, once, and the status says so', async () => {
  const tries: string[] = []
  const secret = new Secret('whsec_' + Buffer.from('TEST webhook secret bytes').toString('base64'))
  const alerter = new Alerter({
    routes: [dead(), webhookRoute({ url: new Secret(address()), secret })],
    clock: systemClock,
    onAttempt: (route, outcome) => tries.push(`${route} ${outcome}`),
  })
  expect(await alerter.send(ALERT)).toBe(`webhook:${new URL(address()).host}`)
  expect(tries).toEqual(['webhook:127.0.0.1:9 failed', `webhook:${new URL(address()).host} sent`])
  expect(alerter.status.map(({ working }) => working)).toEqual([false, true])
  expect(received).toHaveLength(1)
  // An independent implementation of the standard accepts the signature.
  const verified = new Webhook(secret.reveal()).verify(
    received[0]!.body,
    received[0]!.headers as Record<string, string>,
  )
  expect(verified).toMatchObject({ event: 'incident.opened', text: ALERT.text })
})

test('a raw secret signs, too', async () => {
  const alerter = new Alerter({
    routes: [webhookRoute({ url: new Secret(address()), secret: new Secret('TEST raw secret') })],
    clock: systemClock,
  })
  await alerter.send(ALERT)
  const { body, headers } = received[0]!
  const verify = () =>
    new Webhook(Buffer.from('TEST raw secret').toString('base64')).verify(
      body,
      headers as Record<string, string>,
    )
  expect(verify).not.toThrow()
})

test('a test goes through every route and says which arrived', async () => {
  const alerter = new Alerter({
    routes: [dead(), webhookRoute({ url: new Secret(address()), secret: null })],
    clock: systemClock,
  })
  const routes = await alerter.test('This is a test')
  expect(routes.map(({ route, working }) => [route, working])).toEqual([
    ['webhook:127.0.0.1:9', false],
    [`webhook:${new URL(address()).host}`, true],
  ])
  expect(received).toHaveLength(1)
})

test('checking the routes sends nothing and finds the dead one', async () => {
  const alerter = new Alerter({
    routes: [dead(), webhookRoute({ url: new Secret(address()), secret: null })],
    clock: systemClock,
  })
  const routes = await alerter.check()
  expect(routes.map(({ problem }) => problem)).toEqual([expect.stringContaining('cannot be reached'), null])
  expect(received).toEqual([])
})

test('an alert that no route takes is tried again with the same id until one does', async () => {
  status = 503
  const alerter = new Alerter({
    routes: [webhookRoute({ url: new Secret(address()), secret: null })],
    clock: { ...systemClock, setTimer: (callback) => systemClock.setTimer(callback, 50) },
  })
  const sent = alerter.send(ALERT)
  await expect.poll(() => received.length).toBeGreaterThan(1)
  status = 200
  await sent
  expect(new Set(received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
})

test('a push by ntfy carries its token, a title and the text', async () => {
  const alerter = new Alerter({
    routes: [ntfyRoute({ url: new Secret(address()), token: new Secret('tk_TEST_token') })],
    clock: systemClock,
  })
  await alerter.send(ALERT)
  expect(received[0]!.headers).toMatchObject({
    authorization: 'Bearer tk_TEST_token',
    title: 'Hermes Gateway',
    priority: '5',
  })
  expect(received[0]!.body).toBe(ALERT.text)
})
