import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freePort } from '../support/processes/free-port.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

/** Listens where a gateway did, answers everything, and keeps what it is sent. */
async function listenAt(port: number): Promise<{ readonly received: string[] } & AsyncDisposable> {
  const received: string[] = []
  const server: Server = createServer((incoming, outgoing) => {
    received.push(JSON.stringify(incoming.rawHeaders))
    incoming.on('data', (chunk: Buffer) => received.push(chunk.toString()))
    incoming.on('end', () =>
      outgoing
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ proof: 'x'.repeat(43), items: [] })),
    )
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const close = () => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  return { received, [Symbol.asyncDispose]: close }
}

const COMMANDS = [
  ['status', '--json'],
  ['auth', 'status'],
  ['queue', 'retry', '--all'],
  ['queue', 'drop', 'some-id'],
  ['chat', 'hello'],
  ['dashboard'],
]

test(
  'after a kill, no command gives the token to another program that listens on the port by now',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start()
    const runFile = join(gateway.home, 'gateway.run.json')
    const left = JSON.parse(readFileSync(runFile, 'utf8')) as object
    const { token } = gateway
    await gateway.kill('SIGKILL')
    await gateway.ended
    await using stranger = await listenAt(gateway.port)
    // The process id is somebody else's by now.
    writeFileSync(runFile, JSON.stringify({ ...left, pid: 1 }))
    for (const command of COMMANDS) await gateway.run(command)
    expect(stranger.received).toEqual([])
    expect(JSON.parse((await gateway.run(['status', '--json'])).stdout)).toMatchObject({
      gateway: { running: false },
    })
    expect(token).not.toBe('')
  },
)

test(
  'while another process has the home, what does not prove itself is sent no token',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start()
    const { token } = gateway
    const runFile = join(gateway.home, 'gateway.run.json')
    const left = JSON.parse(readFileSync(runFile, 'utf8')) as object
    const port = await freePort()
    await using elsewhere = await listenAt(port)
    writeFileSync(runFile, JSON.stringify({ ...left, url: `http://127.0.0.1:${port}` }))
    for (const command of COMMANDS) {
      const { code, stderr } = await gateway.run(command)
      expect(code).not.toBe(0)
      // `auth status` reads the home where no gateway answers.
      expect(command[0] === 'auth' || stderr.includes('is not the gateway of this home')).toBe(true)
    }
    const doctor = await gateway.run(['doctor'])
    expect(doctor.stdout).toContain('Another program listens at')
    expect(elsewhere.received.length).toBeGreaterThanOrEqual(COMMANDS.length)
    expect(elsewhere.received.join('\n')).not.toContain(token)
  },
)

test(
  'what a log keeps of a start opens nothing, and a fresh link is printed on request',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.start()
    const { stdout } = await gateway.run(['dashboard'])
    expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#ticket=\S{43}\n$/)
    expect(gateway.stdout + gateway.stderr).not.toContain('#ticket=')
    expect(gateway.stdout).toContain('hermes dashboard')
  },
)
