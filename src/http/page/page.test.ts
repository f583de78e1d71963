import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTestGateway } from '../../../test/support/web/http-gateway.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hermes-page-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function build(): Promise<void> {
  await mkdir(join(folder, 'assets'))
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>')
  await writeFile(join(folder, 'assets/app-1a2b.js'), 'plain')
  await writeFile(join(folder, 'assets/app-1a2b.js.br'), 'as brotli')
  await writeFile(join(folder, 'assets/app-1a2b.js.gz'), 'as gzip')
  await writeFile(join(folder, 'secrets.env'), 'TEST')
}

/** The body as it came over the wire; `fetch` would unpack it. */
function rawBody(url: string, encodings: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { 'accept-encoding': encodings } }, (response) => {
      let body = ''
      response.on('data', (chunk) => (body += chunk))
      response.on('end', () => resolve(`${response.headers['content-encoding'] ?? 'plain'}: ${body}`))
    })
      .on('error', reject)
      .end()
  })
}

test('the page may load only what the gateway serves, and nothing inline', async () => {
  await build()
  await using gateway = await startTestGateway({ pageFolder: folder })
  for (const path of ['/', '/c/kitchen']) {
    const response = await fetch(gateway.url + path)
    expect(await response.text()).toContain('<title>page')
    const policy = response.headers.get('content-security-policy')!
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe|data:|https?:/)
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(response.headers.get('referrer-policy')).toBe('same-origin')
    expect(response.headers.get('x-dns-prefetch-control')).toBe('off')
  }
})

test('a file with a hash in its name is cached forever, in the smallest encoding that the browser accepts', async () => {
  await build()
  await using gateway = await startTestGateway({ pageFolder: folder })
  const address = `${gateway.url}/assets/app-1a2b.js`
  expect(await rawBody(address, 'gzip, deflate, br')).toBe('br: as brotli')
  expect(await rawBody(address, 'gzip')).toBe('gzip: as gzip')
  expect(await rawBody(address, 'identity')).toBe('plain: plain')
  const response = await fetch(address)
  expect(response.headers.get('cache-control')).toContain('immutable')
})

test('a page that has not changed is not sent again', async () => {
  await build()
  await using gateway = await startTestGateway({ pageFolder: folder })
  const etag = (await fetch(gateway.url)).headers.get('etag')!
  expect((await fetch(gateway.url, { headers: { 'if-none-match': etag } })).status).toBe(304)
  expect((await fetch(gateway.url, { headers: { 'if-none-match': '"x"' } })).status).toBe(200)
})

test('nothing else in the folder is served', async () => {
  await build()
  await using gateway = await startTestGateway({ pageFolder: folder })
  for (const path of [
    '/secrets.env',
    '/assets/secrets.env',
    '/assets/',
    '/index.html',
    '/assets/app-1a2b.js.br',
  ])
    expect([path, (await fetch(gateway.url + path)).status]).toEqual([path, 404])
})

test('without a build it says how to make one, and finds it afterwards', async () => {
  await using gateway = await startTestGateway({ pageFolder: folder })
  const response = await fetch(gateway.url)
  expect([response.status, await response.text()]).toEqual([
    503,
    expect.stringContaining('npm run build:web'),
  ])
  await build()
  expect((await fetch(gateway.url)).status).toBe(200)
})
