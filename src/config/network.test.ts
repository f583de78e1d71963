import { execFile, execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/**
 * The settings are the process's own, so each case runs in a process of its own: it
 * applies them and fetches an address through a real proxy from a real TLS server
 * with a certificate of a private authority.
 */
const CHILD = `
const { readEnvironment } = await import(process.argv[1] + '/environment/environment.ts')
const { applyNetworkSettings } = await import(process.argv[1] + '/network.ts')
const [variables, address] = JSON.parse(process.argv[2])
const restore = applyNetworkSettings(readEnvironment(variables, {}).environment.network)
const ask = () => fetch(address).then((r) => r.text(), (e) => 'failed: ' + (e.cause?.code ?? e.message))
console.log(await ask())
restore()
if (process.argv[3]) console.log(await ask())
`

/** Asks once with `fetch`, and once with Node's own client, as WebSockets do. */
const EVERY_CLIENT = `
const { readEnvironment } = await import(process.argv[1] + '/environment/environment.ts')
const { applyNetworkSettings } = await import(process.argv[1] + '/network.ts')
const { default: https } = await import('node:https')
const [variables, address] = JSON.parse(process.argv[2])
applyNetworkSettings(readEnvironment(variables, {}).environment.network)
console.log(await fetch(address).then(() => 'answered', (e) => e.cause.message))
https.get(address, { agent: https.globalAgent }, (r) => (r.destroy(), console.log('answered'))).on('error', (e) => console.log(e.message))
`

let folder: string
let server: https.Server
let proxy: http.Server
let connects: string[]
const portOf = (one: net.Server) => (one.address() as AddressInfo).port
const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })

const hasOpenssl = spawnSync('openssl', ['version']).status === 0

beforeAll(async () => {
  if (!hasOpenssl) return
  folder = mkdtempSync(join(tmpdir(), 'hermes-'))
  openssl(
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    '/CN=Test authority',
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
  )
  openssl(
    'req',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=api.test.example',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  )
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:api.test.example,DNS:localhost,IP:127.0.0.1\n')
  openssl(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'server.pem',
  )
  const read = (name: string) => readFileSync(join(folder, name))
  server = https.createServer({ key: read('server.key'), cert: read('server.pem') }, (_request, response) => {
    response.end('hello')
  })
  proxy = http.createServer().on('connect', (request, client) => {
    connects.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
    const upstream = net.connect(portOf(server), '127.0.0.1', () => {
      client.write('HTTP/1.1 201 Created\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  for (const one of [server, proxy]) await new Promise<void>((done) => one.listen(0, '127.0.0.1', done))
})

afterAll(() => {
  if (!hasOpenssl) return
  server.close()
  proxy.close()
  rmSync(folder, { recursive: true })
})

async function run(
  variables: Record<string, string>,
  address: string,
  { twice = false, child = CHILD } = {},
): Promise<string[]> {
  connects = []
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      child,
      import.meta.dirname,
      JSON.stringify([variables, address]),
      ...(twice ? ['twice'] : []),
    ],
    // No proxy and no authority of this machine; the child uses what it is given.
    { env: { PATH: process.env['PATH'] } },
  )
  return stdout.trim().split('\n')
}

const authority = () => ({ NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem') })
const throughProxy = (login = '') => ({ HTTPS_PROXY: `http://${login}127.0.0.1:${portOf(proxy)}` })
const outside = () => `https://api.test.example:${portOf(server)}/`

describe.skipIf(!hasOpenssl)(
  'applyNetworkSettings (needs openssl, which makes the test certificates)',
  () => {
    it('sends fetch through HTTPS_PROXY, with its password, and trusts the authority of .env', async () => {
      expect(await run({ ...authority(), ...throughProxy('user:TEST@') }, outside())).toEqual(['hello'])
      expect(connects).toEqual([`api.test.example:${portOf(server)} Basic ${btoa('user:TEST')}`])
    })

    it('sends every client through it, Node’s own as well', async () => {
      const variables = { ...authority(), ...throughProxy('user:TEST@') }
      expect(await run(variables, outside(), { child: EVERY_CLIENT })).toEqual(['answered', 'answered'])
      expect(connects).toHaveLength(2)
    })

    it.each([
      ['50%off', '50%off'],
      ['p%40ss', 'p@ss'],
      ['%zz', '%zz'],
      ['', ''],
    ])('gives it the password %j as %j', async (written, password) => {
      const address = `http://user:${written}@127.0.0.1:${portOf(proxy)}`
      expect(await run({ ...authority(), HTTPS_PROXY: address }, outside())).toEqual(['hello'])
      expect(connects).toEqual([`api.test.example:${portOf(server)} Basic ${btoa(`user:${password}`)}`])
    })

    it('says of a proxy that is not there that it cannot be reached', async () => {
      const nobody = net.createServer()
      await new Promise<void>((done) => nobody.listen(0, '127.0.0.1', done))
      const port = portOf(nobody)
      await new Promise<void>((done) => nobody.close(() => done()))
      const proxied = { HTTPS_PROXY: `http://127.0.0.1:${port}` }
      const words = 'the proxy cannot be reached (ECONNREFUSED)'
      expect(await run(proxied, outside(), { child: EVERY_CLIENT })).toEqual([words, words])
    })

    it('trusts nobody else: without the authority the same request fails', async () => {
      expect(await run(throughProxy(), outside())).toEqual([
        expect.stringMatching(/^failed: .*(VERIFY|SIGNED|ISSUER)/),
      ])
      expect(connects).toHaveLength(1)
    })

    it.each(['localhost', '127.0.0.1'])('reaches %s directly, whatever the proxy', async (host) => {
      expect(await run({ ...authority(), ...throughProxy() }, `https://${host}:${portOf(server)}/`)).toEqual([
        'hello',
      ])
      expect(connects).toEqual([])
    })

    it('obeys NO_PROXY', async () => {
      const variables = { ...authority(), ...throughProxy(), NO_PROXY: 'other.example, .test.example' }
      expect(await run(variables, outside())).toEqual([
        expect.stringMatching(/^failed: (ENOTFOUND|EAI_AGAIN)/),
      ])
      expect(await run({ ...variables, NO_PROXY: '*' }, outside())).toEqual([
        expect.stringMatching(/^failed:/),
      ])
      expect(connects).toEqual([])
    })

    it('can be taken back', async () => {
      expect(await run({ ...authority(), ...throughProxy() }, outside(), { twice: true })).toEqual([
        'hello',
        expect.stringMatching(/^failed: (ENOTFOUND|EAI_AGAIN)/),
      ])
      expect(connects).toHaveLength(1)
    })

    it.each<readonly [string, (client: net.Socket) => void, string]>([
      ['closes every connection', (client) => client.end(), 'the proxy closes the connection'],
      ['resets every connection', (client) => client.resetAndDestroy(), 'the proxy closes the connection'],
      [
        'wants a password',
        (client) => client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
        'the proxy refuses (407); does HTTPS_PROXY hold its name and password?',
      ],
      [
        'forbids it',
        (client) => client.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno'),
        'the proxy refuses (403)',
      ],
      [
        'cannot reach the other end',
        (client) => client.end('HTTP/1.1 503 Service Unavailable\r\n\r\n'),
        'the proxy refuses (503)',
      ],
      [
        'knows no CONNECT',
        (client) => client.end('HTTP/1.1 405 Method Not Allowed\r\nallow: GET\r\n\r\n'),
        'the proxy refuses (405)',
      ],
      [
        'opens the tunnel and closes it',
        (client) => client.end('HTTP/1.1 204 No Content\r\n\r\n'),
        'Client network socket disconnected before secure TLS connection was established',
      ],
      [
        'answers like a page',
        (client) => client.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n'),
        'Client network socket disconnected before secure TLS connection was established',
      ],
      [
        'talks nonsense',
        (client) => client.end('SSH-2.0-OpenSSH\r\n'),
        'the proxy cannot be reached (HPE_INVALID_CONSTANT)',
      ],
    ])('fails once, at once and in words when the proxy %s', async (_, treat, words) => {
      let connections = 0
      const odd = net.createServer((client) => {
        connections++
        client.on('error', () => {})
        client.once('data', () => treat(client))
      })
      await new Promise<void>((done) => odd.listen(0, '127.0.0.1', done))
      try {
        const proxied = { HTTPS_PROXY: `http://127.0.0.1:${portOf(odd)}` }
        expect(await run(proxied, outside(), { child: EVERY_CLIENT })).toEqual([words, words])
        expect(connections).toBe(2)
      } finally {
        odd.close()
      }
    })

    it.each([
      ['/not/there.pem', 'cannot be read (ENOENT)'],
      ['/etc/hostname', 'holds no certificate'],
    ])('refuses %s as a file of authorities', async (path, message) => {
      await expect(run({ NODE_EXTRA_CA_CERTS: path }, outside())).rejects.toThrow(message)
    })
  },
)
