import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../support/clock.ts'
import { ConfigurationError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import { Secret } from '../../../support/secret.ts'
import { openDatabase } from './database.ts'
import { transportOf } from './transport.ts'

const PASSWORD = 'TEST-password-of-the-database'
/** This machine under a name that is not known to be it, as a remote host would be. */
const REMOTE = '127.1'

/** The request for TLS. @see https://www.postgresql.org/docs/current/protocol-message-formats.html */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
const PROTOCOL_3 = 0x0003_0000
const CLEAR = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3])
const MD5 = Buffer.from([0x52, 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4])

interface FakeServer extends AsyncDisposable {
  readonly port: number
  /** All that came in, as it was on the wire or within TLS. */
  readonly received: Buffer[]
}

/** Asks everybody for the password; `tls` = has a certificate. */
async function listen(
  ask: Buffer,
  tls?: { readonly key: Buffer; readonly cert: Buffer },
): Promise<FakeServer> {
  const received: Buffer[] = []
  const answer = (socket: Socket | TLSSocket): void => {
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      received.push(bytes)
      if (bytes.equals(SSL_REQUEST)) {
        socket.write(tls ? 'S' : 'N')
        if (!tls) return
        socket.removeAllListeners('data')
        answer(new TLSSocket(socket, { isServer: true, ...tls }))
      } else if (bytes.length > 8 && bytes.readUInt32BE(4) === PROTOCOL_3) socket.write(ask)
    })
  }
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    answer(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    received,
    [Symbol.asyncDispose]: () => {
      for (const socket of open) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

async function problemOf(address: string): Promise<Error> {
  const log = await createLog({ level: 'silent' })
  try {
    const opened = await openDatabase({
      url: new Secret(address),
      clock: systemClock,
      log,
      onProblem: () => {},
    })
    await opened.close()
  } catch (error) {
    return error as Error
  }
  throw new Error('it was opened')
}

describe('beyond this machine', () => {
  test('nothing is said to a database without TLS, and what to do is', async () => {
    await using server = await listen(CLEAR)
    const problem = await problemOf(`postgres://hermes:${PASSWORD}@${REMOTE}:${server.port}/hermes`)
    expect(problem).toBeInstanceOf(ConfigurationError)
    expect(problem.message).toMatch(/^storage\.url: the database offers no TLS\. .*sslmode=disable/)
    expect(server.received).toEqual([SSL_REQUEST])
  })

  test.each([
    'sslmode=no-verify',
    'ssl=no-verify',
    'ssl=0',
    'uselibpqcompat=true&sslmode=require',
    'uselibpqcompat=true&sslmode=prefer',
  ])('%s, which checks nobody, is refused', (query) => {
    const url = new Secret(`postgres://hermes:${PASSWORD}@db.example.org/hermes?${query}`)
    expect(() => transportOf(url)).toThrow(ConfigurationError)
    expect(() => transportOf(url)).toThrow(/sslmode=verify-full/)
  })

  test.each([
    ['', 'verified'],
    ['?sslmode=verify-full', 'verified'],
    ['?ssl=true', 'verified'],
    ['?sslmode=disable', 'clear'],
  ])('an address that ends in "%s" is %s', (query, kind) => {
    expect(transportOf(new Secret(`postgres://hermes@db.example.org/hermes${query}`)).kind).toBe(kind)
  })

  test('the environment does not switch TLS off', () => {
    process.env['PGSSLMODE'] = 'disable'
    try {
      expect(transportOf(new Secret('postgres://hermes@db.example.org/hermes')).kind).toBe('verified')
    } finally {
      delete process.env['PGSSLMODE']
    }
  })
})

test.each([
  'postgres://hermes@localhost/hermes',
  'postgres://hermes@127.0.0.1/hermes',
  'postgres://hermes@[::1]/hermes',
  'postgres://hermes@%2Frun%2Fpostgresql/hermes',
  'postgres:///hermes?host=/run/postgresql',
])('%s is on this machine', (address) => {
  expect(transportOf(new Secret(address)).kind).toBe('local')
})

describe('a password', () => {
  test.each([
    ['as it is', CLEAR, `${REMOTE}`, '?sslmode=disable'],
    ['as an MD5 sum', MD5, `${REMOTE}`, '?sslmode=disable'],
    ['as it is, on this machine', CLEAR, '127.0.0.1', ''],
    ['as an MD5 sum, on this machine', MD5, 'localhost', ''],
  ])('is not given unprotected: %s', async (_what, ask, host, query) => {
    await using server = await listen(ask)
    const problem = await problemOf(`postgres://hermes:${PASSWORD}@${host}:${server.port}/hermes${query}`)
    expect(problem).toBeInstanceOf(ConfigurationError)
    expect(problem.message).toContain('scram-sha-256')
    expect(server.received).toHaveLength(1)
    expect(Buffer.concat(server.received).includes(PASSWORD)).toBe(false)
  })
})

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('a certificate', () => {
  let folder: string
  let tls: { readonly key: Buffer; readonly cert: Buffer }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'hermes-tls-'))
    execFileSync(
      'openssl',
      'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=db -addext'
        .split(' ')
        .concat('subjectAltName=DNS:localhost', '-keyout', 'key.pem', '-out', 'cert.pem'),
      { cwd: folder, stdio: 'pipe' },
    )
    tls = { key: readFileSync(join(folder, 'key.pem')), cert: readFileSync(join(folder, 'cert.pem')) }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test.each([
    ['of nobody known', () => ''],
    ['of another name', () => `?sslrootcert=${join(folder, 'cert.pem')}`],
  ])('%s is refused, and nothing is said', async (_what, query) => {
    await using server = await listen(CLEAR, tls)
    const problem = await problemOf(`postgres://hermes:${PASSWORD}@${REMOTE}:${server.port}/hermes${query()}`)
    expect(problem).toBeInstanceOf(ConfigurationError)
    expect(problem.message).toContain('sslrootcert=FILE')
    expect(server.received).toEqual([SSL_REQUEST])
  })

  test.each(['', '?sslmode=verify-full', '?ssl=true', '?sslmode=require'])(
    'of nobody known is refused in a process that checks no others: "%s"',
    async (query) => {
      process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
      try {
        await using server = await listen(CLEAR, tls)
        const problem = await problemOf(
          `postgres://hermes:${PASSWORD}@${REMOTE}:${server.port}/hermes${query}`,
        )
        expect(problem).toBeInstanceOf(ConfigurationError)
        expect(server.received).toEqual([SSL_REQUEST])
      } finally {
        delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      }
    },
  )

  test('that is trusted gets the password', async () => {
    await using server = await listen(CLEAR, tls)
    const query = `?sslmode=verify-full&sslrootcert=${join(folder, 'cert.pem')}`
    // The server says nothing after the password.
    await problemOf(`postgres://hermes:${PASSWORD}@localhost:${server.port}/hermes${query}`)
    expect(Buffer.concat(server.received).includes(PASSWORD)).toBe(true)
  })
})
