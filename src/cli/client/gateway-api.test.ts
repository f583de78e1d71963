import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { serverProof } from '../../http/access/server-proof.ts'
import { Secret } from '../../support/secret.ts'
import { acquireHome } from '../home-lock.ts'
import { GatewayApi, runFile } from './gateway-api.ts'

const TOKEN = 'TEST-gateway-token-0123456789abcdef'

let home: string
let stack: AsyncDisposableStack
beforeEach(async () => {
  stack = new AsyncDisposableStack()
  home = await mkdtemp(join(tmpdir(), 'hermes-api-'))
  stack.defer(() => rm(home, { recursive: true, force: true }))
  await writeFile(join(home, 'gateway.token'), TOKEN)
  stack.use((await acquireHome(home))!)
})
afterEach(() => stack.disposeAsync())

type Answer = (path: string, body: string, outgoing: ServerResponse) => void

/** A server on `port`, and everything that it was sent. */
async function listen(port: number, answer: Answer): Promise<Server & { readonly received: string[] }> {
  const received: string[] = []
  const server = createServer((incoming: IncomingMessage, outgoing) => {
    let body = ''
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()))
    incoming.on('end', () => {
      received.push(`${incoming.url} ${JSON.stringify(incoming.headers)} ${body}`)
      answer(incoming.url!, body, outgoing)
    })
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => close(server))
  return Object.assign(server, { received })
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections()
  if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()))
}

/** As the gateway answers, and its port. */
async function gateway(afterProof: () => void = () => {}) {
  const server = await listen(0, (path, body, outgoing) => {
    if (path === '/api/proof') outgoing.end(JSON.stringify({ proof: proofOf(body, TOKEN, port) }), afterProof)
    else outgoing.end(JSON.stringify({ status: 'fine' }))
  })
  const { port } = server.address() as AddressInfo
  await writeFile(runFile(home), JSON.stringify({ pid: 1, url: `http://127.0.0.1:${port}`, sandbox: null }))
  return { server, port }
}

const connect = () => GatewayApi.connect(home, join(home, 'gateway.token'))
const anyAnswer: Answer = (_path, _body, outgoing) => outgoing.end(JSON.stringify({ proof: 'x'.repeat(43) }))

test('every request goes where the proof came from, and is answered', async () => {
  const { server } = await gateway()
  const api = (await connect())!
  expect(await api.call('GET', '/api/status')).toEqual({ status: 'fine' })
  expect(await api.call('POST', '/api/tickets', { a: 1 })).toEqual({ status: 'fine' })
  const authorized = server.received.filter((each) => each.includes(TOKEN))
  expect(authorized.map((each) => each.split(' ')[0])).toEqual(['/api/status', '/api/tickets'])
  expect(authorized[1]).toMatch(/ \{"a":1\}$/)
})

test('a program that takes the port of a gateway that ended is not given the token by an open chat', async () => {
  const { server, port } = await gateway()
  const api = (await connect())!
  await api.call('GET', '/api/status')
  await close(server)
  const stranger = await listen(port, anyAnswer)
  await expect(api.call('GET', '/api/status')).rejects.toThrow('is not the gateway of this home')
  expect(stranger.received).toHaveLength(1)
  expect(stranger.received.join()).not.toContain(TOKEN)
})

test('nor if the gateway ends between its proof and the request', async () => {
  let proofs = 0
  let stranger: Promise<Server & { readonly received: string[] }> | undefined
  const { server, port } = await gateway(() => {
    if (++proofs < 2) return
    stranger = close(server).then(() => listen(port, anyAnswer))
  })
  const api = (await connect())!
  await expect(api.call('GET', '/api/status')).rejects.toThrow('does not answer')
  expect((await stranger!).received).toEqual([])
})

test.each([
  ['of another token', (body: string) => ({ proof: proofOf(body, 'TEST-other', 1) })],
  ['none', () => ({})],
  ['endless', () => ({ proof: 'x'.repeat(64 * 1024) })],
])('a proof that is not right is refused: %s', async (_what, answer) => {
  const stranger = await listen(0, (_path, body, outgoing) => outgoing.end(JSON.stringify(answer(body))))
  const { port } = stranger.address() as AddressInfo
  await writeFile(runFile(home), JSON.stringify({ pid: 1, url: `http://127.0.0.1:${port}`, sandbox: null }))
  await expect(connect()).rejects.toThrow(/is not the gateway of this home|does not answer/)
  expect(stranger.received.join()).not.toContain(TOKEN)
})

function proofOf(body: string, token: string, port: number): string {
  return serverProof(new Secret(token), (JSON.parse(body) as { nonce: string }).nonce, port)
}
