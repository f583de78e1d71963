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
      client.write('HTTP/1.1 200 OK\r\n\r\n')
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

async function run(variables: Record<string, string>, address: string, twice = false): Promise<string[]> {
  connects = []
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      CHILD,
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
      expect(await run({ ...authority(), ...throughProxy() }, outside(), true)).toEqual([
        'hello',
        expect.stringMatching(/^failed: (ENOTFOUND|EAI_AGAIN)/),
      ])
      expect(connects).toHaveLength(1)
    })

    it.each([
      ['/not/there.pem', 'cannot be read (ENOENT)'],
      ['/etc/hostname', 'holds no certificate'],
    ])('refuses %s as a file of authorities', async (path, message) => {
      await expect(run({ NODE_EXTRA_CA_CERTS: path }, outside())).rejects.toThrow(message)
    })
  },
)
