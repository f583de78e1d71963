import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../../test/support/until.ts'
import { SECOND, systemClock } from '../support/clock.ts'
import { Secret } from '../support/secret.ts'
import { profileAccess, type ProfileOptions } from './profile.ts'

let folder: string
let server: Server
let requests: string[]
let baseUrl: string
/** Answers the next request; when it is null, with another token. */
let answer: ((response: ServerResponse) => void) | null
const VARIABLES = [
  'ANTHROPIC_CONFIG_DIR',
  'ANTHROPIC_FEDERATION_RULE_ID',
  'ANTHROPIC_ORGANIZATION_ID',
  'ANTHROPIC_IDENTITY_TOKEN',
] as const
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]))

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'anthropic-profile-'))
  process.env['ANTHROPIC_CONFIG_DIR'] = folder
  requests = []
  answer = null
  server = createServer(async (request, response) => {
    let body = ''
    for await (const piece of request) body += piece
    requests.push(`${request.url} ${body}`)
    response.setHeader('content-type', 'application/json')
    if (answer) return answer(response)
    response.end(
      JSON.stringify({
        access_token: `sk-ant-oat01-TEST-issued-${requests.length}`,
        expires_in: 3_600,
        token_type: 'Bearer',
        refresh_token: `sk-ant-ort01-TEST-issued-${requests.length}`,
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  for (const name of VARIABLES) {
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  }
  server.closeAllConnections()
  server.close()
  await rm(folder, { recursive: true, force: true })
})

const credentialsFile = () => join(folder, 'credentials', 'default.json')

async function storeToken(name: string, secondsLeft = 7_200): Promise<Secret> {
  await mkdir(join(folder, 'credentials'), { mode: 0o700, recursive: true })
  const token = `sk-ant-oat01-TEST-${name}`
  await writeFile(
    credentialsFile(),
    JSON.stringify({
      version: '1.0',
      type: 'oauth_token',
      access_token: token,
      refresh_token: `sk-ant-ort01-TEST-${name}`,
      expires_at: Math.floor(Date.now() / 1_000) + secondsLeft,
    }),
    { mode: 0o600 },
  )
  return new Secret(token)
}

async function writeProfile(): Promise<Secret> {
  await mkdir(join(folder, 'configs'), { recursive: true })
  await writeFile(
    join(folder, 'configs', 'default.json'),
    JSON.stringify({ authentication: { type: 'user_oauth', client_id: 'client-TEST' } }),
  )
  return storeToken('first')
}

function useWorkloadIdentity(): void {
  process.env['ANTHROPIC_FEDERATION_RULE_ID'] = 'rule-TEST'
  process.env['ANTHROPIC_ORGANIZATION_ID'] = 'organization-TEST'
  process.env['ANTHROPIC_IDENTITY_TOKEN'] = 'identity-TEST'
}

const access = (options: Partial<ProfileOptions> = {}) =>
  profileAccess({
    baseUrl,
    userAgent: 'hermes-gateway/0.0.0-test',
    profile: null,
    clock: systemClock,
    ...options,
  })

const NEVER = new AbortController().signal
const storedToken = async () =>
  (JSON.parse(await readFile(credentialsFile(), 'utf8')) as { access_token: string }).access_token
const says = (status: number, body: unknown) => (response: ServerResponse) => {
  response.statusCode = status
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

it('finds nothing where nobody made a profile', async () => {
  expect(await access().find()).toBeNull()
  expect(await access().refresh(null, NEVER)).toMatchObject({ kind: 'transient', reason: 'absent' })
})

it("offers the profile's token, and gets a new one through the SDK's own code after a rejection", async () => {
  const first = await writeProfile()
  const found = await access().find()
  expect(found?.place).toBe('Anthropic profile (active)')
  const { stored } = found!
  expect(stored!.accessToken.equals(first)).toBe(true)
  // Seconds there, milliseconds here.
  expect(stored!.expiresAt! - Date.now()).toBeGreaterThan(7_000 * SECOND)
  expect(Math.abs(stored!.issuedAt! - Date.now())).toBeLessThan(60 * SECOND)
  expect(requests).toEqual([])
  const outcome = await access().refresh(first, NEVER)
  expect(outcome).toMatchObject({ kind: 'renewed' })
  expect('generation' in outcome && outcome.generation.accessToken.reveal()).toBe(
    'sk-ant-oat01-TEST-issued-1',
  )
  expect(requests).toHaveLength(1)
  expect(requests[0]).toContain('sk-ant-ort01-TEST-first')
  expect(await storedToken()).toBe('sk-ant-oat01-TEST-issued-1')
})

describe('a request that hangs', () => {
  it('ends at its limit, although the signal leaves it alone: a refresh token was sent', async () => {
    const first = await writeProfile()
    answer = () => {}
    const stopping = new AbortController()
    const started = performance.now()
    const outcome = access({ limitMs: SECOND }).refresh(first, stopping.signal)
    await until(() => requests.length === 1, 'the request')
    stopping.abort()
    expect(await outcome).toMatchObject({ kind: 'transient', reason: 'network', ambiguous: true })
    expect(performance.now() - started).toBeGreaterThanOrEqual(0.9 * SECOND)
  })

  it('also in the middle of its answer', async () => {
    const first = await writeProfile()
    answer = (response) => void response.write('{"access_token":')
    expect(await access({ limitMs: SECOND / 2 }).refresh(first, NEVER)).toMatchObject({
      kind: 'transient',
      ambiguous: true,
    })
  })

  it('ends at once by the signal where nothing of it is single use', async () => {
    useWorkloadIdentity()
    answer = () => {}
    const stopping = new AbortController()
    const outcome = access().refresh(null, stopping.signal)
    await until(() => requests.length === 1, 'the request')
    stopping.abort()
    expect(await outcome).toMatchObject({ kind: 'transient', reason: 'network', ambiguous: false })
  })

  it('does not overwrite a sign-in that was stored meanwhile, whatever it answers at last', async () => {
    const first = await writeProfile()
    const finish = Promise.withResolvers<ServerResponse>()
    answer = finish.resolve
    const outcome = access().refresh(first, NEVER)
    const response = await finish.promise
    const next = await storeToken('of-a-new-sign-in')
    says(200, { access_token: 'sk-ant-oat01-TEST-late', expires_in: 3_600, token_type: 'Bearer' })(response)
    expect(await outcome).toMatchObject({ kind: 'superseded', stored: { kind: 'present' } })
    expect(await storedToken()).toBe(next.reveal())
  })
})

describe('an answer', () => {
  it.each([
    [400, { error: 'invalid_grant' }, { kind: 'terminal', reason: 'revoked' }],
    [401, { error: { type: 'invalid_grant', message: 'revoked' } }, { kind: 'terminal', reason: 'revoked' }],
    [
      400,
      { error: 'invalid_grant', error_description: 'Refresh token expired' },
      { kind: 'terminal', reason: 'expired' },
    ],
    [404, 'not here', { kind: 'transient', reason: 'endpoint', ambiguous: false }],
    [429, {}, { kind: 'transient', reason: 'rate-limited', ambiguous: false }],
    [500, {}, { kind: 'transient', reason: 'endpoint', ambiguous: true }],
    [200, '<html>', { kind: 'transient', reason: 'endpoint', ambiguous: true }],
  ])('%d %j to a personal sign-in means %j, and leaves the file alone', async (status, body, expected) => {
    const first = await writeProfile()
    answer = says(status, body)
    expect(await access().refresh(first, NEVER)).toMatchObject(expected)
    expect(requests).toHaveLength(1)
    expect(await storedToken()).toBe(first.reveal())
  })

  it('with Retry-After is obeyed', async () => {
    const first = await writeProfile()
    answer = (response) => {
      response.setHeader('retry-after', '120')
      says(429, {})(response)
    }
    expect(await access().refresh(first, NEVER)).toMatchObject({ retryAfterMs: 120 * SECOND })
  })

  it('that refuses a workload says nothing of its next identity token', async () => {
    useWorkloadIdentity()
    answer = says(400, { error: 'invalid_grant' })
    expect(await access().refresh(null, NEVER)).toMatchObject({ kind: 'transient', reason: 'revoked' })
    answer = null
    expect(await access().refresh(null, NEVER)).toMatchObject({ kind: 'renewed' })
  })

  it('is repeated nowhere', async () => {
    const first = await writeProfile()
    answer = says(400, { error: 'invalid_grant', error_description: 'sk-ant-ort01-TEST-leaked' })
    expect(JSON.stringify(await access().refresh(first, NEVER))).not.toContain('leaked')
  })
})
