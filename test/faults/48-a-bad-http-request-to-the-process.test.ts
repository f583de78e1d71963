import { connect } from 'node:net'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

function rawStatus(port: number, request: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('close', () => resolve(Number(answer.split(' ')[1])))
    socket.on('error', reject)
  })
}

test(
  'the running program refuses each bad request as it should, and takes a good one',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start()
    const { url, port, token } = gateway
    const status = async (path: string, init?: RequestInit) => (await fetch(url + path, init)).status
    expect(await status('/api/status')).toBe(401)
    expect(await status('/metrics')).toBe(401)
    expect(await status('/api/status', { headers: { authorization: `Bearer ${token}x` } })).toBe(401)
    expect((await gateway.fetch('/api/queue/some-id/retry')).status).toBe(405)
    const foreign = `GET /api/status HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`
    expect(await rawStatus(port, foreign)).toBe(421)
    const health = foreign.replace('/api/status', '/healthz')
    expect(await rawStatus(port, health)).toBe(200)
    expect((await gateway.say('a', 'x'.repeat(20_000_000))).status).toBe(413)
    const traversal = 'GET /../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n'
    expect(await rawStatus(port, traversal)).toBe(404)
    expect((await gateway.fetch('/api/status')).status).toBe(200)
    const first = await gateway.say('a', 'hello', 'message-1')
    expect(first.status).toBe(202)
    const again = await gateway.say('a', 'hello', 'message-1')
    expect(await again.json()).toMatchObject({ id: ((await first.json()) as { id: string }).id })
  },
)
