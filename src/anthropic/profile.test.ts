import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { profileAccess } from './profile.ts'

let folder: string
let server: Server
let requests: string[]
let baseUrl: string
const before = process.env['ANTHROPIC_CONFIG_DIR']

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anthropic-profile-'))
  process.env['ANTHROPIC_CONFIG_DIR'] = folder
  requests = []
  server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    requests.push(`${request.url} ${body}`)
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify({
        access_token: 'sk-ant-oat01-TEST-second',
        expires_in: 3_600,
        token_type: 'Bearer',
        refresh_token: 'sk-ant-ort01-TEST-second',
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  if (before === undefined) delete process.env['ANTHROPIC_CONFIG_DIR']
  else process.env['ANTHROPIC_CONFIG_DIR'] = before
  server.close()
  await rm(folder, { recursive: true, force: true })
})

async function writeProfile(): Promise<void> {
  await mkdir(join(folder, 'configs'))
  await mkdir(join(folder, 'credentials'), { mode: 0o700 })
  await writeFile(
    join(folder, 'configs', 'default.json'),
    JSON.stringify({ authentication: { type: 'user_oauth', client_id: 'client-TEST' } }),
  )
  await writeFile(
    join(folder, 'credentials', 'default.json'),
    JSON.stringify({
      version: '1.0',
      type: 'oauth_token',
      access_token: 'sk-ant-oat01-TEST-first',
      refresh_token: 'sk-ant-ort01-TEST-first',
      expires_at: Math.floor(Date.now() / 1_000) + 7_200,
    }),
    { mode: 0o600 },
  )
}

const access = () => profileAccess({ baseUrl, userAgent: 'hermes-gateway/0.0.0-test', profile: null })

it('finds nothing where nobody made a profile', async () => {
  expect(await access().find()).toBeNull()
  await expect(access().token(false)).rejects.toThrow('the profile is gone')
})

it("gives the profile's token, and a new one through the SDK's own code after a rejection", async () => {
  await writeProfile()
  expect(await access().find()).toEqual({ place: 'Anthropic profile (active)' })
  const first = await access().token(false)
  expect(first.token).toBe('sk-ant-oat01-TEST-first')
  // Seconds there, milliseconds here.
  expect(first.expiresAt! - Date.now()).toBeGreaterThan(7_000_000)
  expect(requests).toEqual([])
  expect((await access().token(true)).token).toBe('sk-ant-oat01-TEST-second')
  expect(requests).toHaveLength(1)
  expect(requests[0]).toContain('sk-ant-ort01-TEST-first')
})
