import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { useSandbox } from '../../../test/support/provider/sandbox-client.ts'
import { afterThisTest, emptyHome } from '../../../test/support/provider/signed-in.ts'
import { credentialOf, StaticDoor } from '../../../test/support/provider/static-door.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { until } from '../../../test/support/until.ts'
import type { CredentialDoor } from '../../credentials/credential.ts'
import type { KeeperNotice } from '../../credentials/keeper/status.ts'
import { SIMULATED_MODELS } from '../../sandbox/messages/model-table.ts'
import { DAY, MINUTE } from '../../support/clock.ts'
import { Emitter } from '../../support/emitter.ts'
import { NeedsLogin, TransientError } from '../../support/errors.ts'
import { BUILT_IN_MODELS } from './built-in-models.ts'
import { ModelCatalogue } from './model-catalogue.ts'

let path: string
let clock: FakeClock
let warnings: string[]
let notices: Emitter<KeeperNotice>
/** How often the list was asked for. */
let answers: number

beforeEach(async () => {
  path = join(await emptyHome(), 'models.json')
  clock = new FakeClock()
  warnings = []
  notices = new Emitter(rethrow)
  answers = 0
})

function catalogueAt(
  baseUrl: string,
  door: Pick<CredentialDoor, 'acquire'> = new StaticDoor(credentialOf('sk-ant-api03-TEST', 'api-key')),
) {
  const catalogue = new ModelCatalogue({
    baseUrl,
    userAgent: 'hermes-gateway/test',
    headers: {},
    path,
    door,
    keeper: notices,
    clock,
    log: { info() {}, warn: (...words: unknown[]) => void warnings.push(String(words[0])) },
    onProblem: rethrow,
    random: () => 0.5,
  })
  afterThisTest(() => catalogue.stop())
  return catalogue
}

/** A provider that answers each request for its list by `reply`. */
async function providerWith(
  reply: (url: URL) => { status?: number; body: string; headers?: Record<string, string> },
): Promise<string> {
  const server: Server = createServer((req, res) => {
    answers++
    const { status = 200, body, headers } = reply(new URL(req.url!, 'http://provider'))
    res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const page = (ids: readonly string[], more = false) =>
  JSON.stringify({ data: ids.map((id) => ({ id })), has_more: more, first_id: ids[0], last_id: ids.at(-1) })
const ids = (catalogue: ModelCatalogue) => catalogue.current().models.map(({ id }) => id)

test('the list of the account replaces the built-in one, and is kept for the next start, for nobody else to read', async () => {
  const sandbox = await useSandbox()
  const catalogue = catalogueAt(sandbox.url, new StaticDoor(credentialOf(sandbox.signIn().accessToken)))
  await catalogue.load()
  expect(catalogue.current()).toMatchObject({ source: 'built-in', fetchedAt: null })
  await catalogue.refresh()
  expect(catalogue.current()).toMatchObject({ source: 'provider', fetchedAt: clock.now() })
  expect(ids(catalogue)).toEqual(SIMULATED_MODELS.map(({ id }) => id))
  expect(catalogue.find('claude-opus-5-5')).toMatchObject({
    maxTokens: 128_000,
    thinking: ['adaptive', 'between_tools'],
  })
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const next = catalogueAt(sandbox.url, { acquire: () => Promise.reject(new NeedsLogin('absent', 'nobody')) })
  await next.load()
  expect(next.current()).toEqual({ ...catalogue.current(), source: 'stored' })
})

test('a list from the address of a profile serves the next start with that profile, and no other', async () => {
  let status = 200
  const profileUrl = await providerWith(() => ({ status, body: page(['claude-of-the-profile']) }))
  const profile = new StaticDoor({ ...credentialOf('sk-ant-oat01-TEST'), baseUrl: profileUrl })
  const configured = await providerWith(() => ({ status: 500, body: '{}' }))
  await catalogueAt(configured, profile).refresh()
  status = 500
  for (const [door, found] of [
    [profile, ['claude-of-the-profile']],
    [undefined, BUILT_IN_MODELS.map(({ id }) => id)],
  ] as const) {
    const next = catalogueAt(configured, door)
    await next.load()
    await expect(next.refresh()).rejects.toBeInstanceOf(TransientError)
    expect(ids(next)).toEqual(found)
  }
})

test('a model is found by its name without the date, and where the list has not got it, in the built-in one', async () => {
  const catalogue = catalogueAt(await providerWith(() => ({ body: page(['claude-haiku-9-20271001']) })))
  await catalogue.refresh()
  expect(catalogue.find('claude-haiku-9')?.id).toBe('claude-haiku-9-20271001')
  expect(catalogue.find('claude-opus-4-8')).toMatchObject({ contextTokens: 1_000_000 })
  expect(catalogue.find('claude-none')).toBeNull()
})

test('every page is read, once', async () => {
  const all = ['claude-a', 'claude-b', 'claude-c']
  const url = await providerWith(({ searchParams }) => {
    const after = all.indexOf(searchParams.get('after_id') ?? '') + 1
    return { body: page(all.slice(after, after + 1), after + 1 < all.length) }
  })
  const catalogue = catalogueAt(url)
  await catalogue.refresh()
  expect(ids(catalogue)).toEqual(all)
  expect(answers).toBe(3)
})

test('a list whose pages have no end is given up', async () => {
  const catalogue = catalogueAt(await providerWith(() => ({ body: page([`claude-${answers}`], true) })))
  await catalogue.refresh()
  expect(answers).toBe(20)
})

test.each([
  ['an error', { status: 500, body: '{}' }],
  ['a refusal', { status: 403, body: '{"type":"error","error":{"type":"permission_error","message":"no"}}' }],
  ['a redirect', { status: 302, body: '' }],
  ['no JSON', { body: '<html>' }],
  ['another object', { body: '{"object":"list"}' }],
  ['no model', { body: '{"data":[{"name":"x"}]}' }],
  ['too much', { body: JSON.stringify({ data: ['x'.repeat(5 * 1024 * 1024)] }) }],
])('%s leaves the list as it is, and one warning', async (_what, answer) => {
  const door = new StaticDoor(credentialOf('sk-ant-api03-TEST', 'api-key'))
  const catalogue = catalogueAt(await providerWith(() => answer), door)
  catalogue.start()
  await until(() => warnings.length > 0)
  await clock.advance(MINUTE)
  await until(() => answers === 2)
  await catalogue.stop()
  expect(catalogue.current().source).toBe('built-in')
  expect(warnings).toEqual([
    expect.stringMatching(/^The list of models cannot be had \(.+\): the built-in one is used\.$/),
  ])
  // It concerns the list alone.
  expect(door.rejections).toEqual([])
  await expect(readFile(path)).rejects.toThrow('ENOENT')
})

test('a credential does not follow a redirect', async () => {
  const elsewhere = await providerWith(() => ({ body: page(['claude-a']) }))
  const location = `${elsewhere}/v1/models`
  const catalogue = catalogueAt(await providerWith(() => ({ status: 307, body: '', headers: { location } })))
  await expect(catalogue.refresh()).rejects.toThrow('answered 307')
  expect(answers).toBe(1)
})

test('it is asked for again after a day, and after a failure much sooner', async () => {
  let status = 200
  const url = await providerWith(() => ({ status, body: page([`claude-${answers}`]) }))
  const catalogue = catalogueAt(url)
  catalogue.start()
  await until(() => ids(catalogue).includes('claude-1') && clock.pending === 1)
  status = 503
  await clock.advance(DAY)
  await until(() => answers === 2 && clock.pending === 1)
  status = 200
  await clock.advance(2 * MINUTE)
  await until(() => answers === 3 && clock.pending === 1)
  expect(ids(catalogue)).toEqual(['claude-3'])
})

test('nobody is warned who is not signed in, and the sign-in is the moment to ask', async () => {
  let isSignedIn = false
  const door = {
    acquire: () => {
      if (!isSignedIn) throw new NeedsLogin('absent', 'nobody is signed in')
      return credentialOf('sk-ant-api03-TEST', 'api-key')
    },
  }
  const catalogue = catalogueAt(await providerWith(() => ({ body: page(['claude-a']) })), door)
  catalogue.start()
  await until(() => clock.pending === 1)
  isSignedIn = true
  const usable = {
    type: 'transition',
    usable: true,
    at: 0,
    from: null,
    message: null,
  } as unknown as KeeperNotice
  notices.emit(usable)
  await until(() => ids(catalogue).includes('claude-a'))
  // A refresh of the same sign-in is none.
  notices.emit(usable)
  await clock.advance(MINUTE)
  expect(answers).toBe(1)
  expect(warnings).toEqual([])
})

test('a list that is larger than one can be is used, and not kept', async () => {
  const data = [{ id: 'claude-a', unknown: 'x'.repeat(2 * 1024 * 1024) }]
  const catalogue = catalogueAt(
    await providerWith(() => ({ body: JSON.stringify({ data, has_more: false }) })),
  )
  await catalogue.refresh()
  expect(ids(catalogue)).toEqual(['claude-a'])
  await expect(stat(path)).rejects.toThrow('ENOENT')
})

test.each([
  ['of another provider', { base_url: 'https://other.example', fetched_at: 1, data: [{ id: 'claude-a' }] }],
  ['without a time', { base_url: 'http://127.0.0.1:1', data: [{ id: 'claude-a' }] }],
  ['without models', { base_url: 'http://127.0.0.1:1', fetched_at: 1, data: [7] }],
  ['torn', '{"base_url":"http://127.0.0.1:1","fetched_at":1,"da'],
])('a stored list %s is not used', async (_what, content) => {
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content))
  const catalogue = catalogueAt('http://127.0.0.1:1')
  await catalogue.load()
  expect(catalogue.current().source).toBe('built-in')
})

test('a credential that is long in coming holds up no stop', async () => {
  const catalogue = catalogueAt('http://127.0.0.1:1', { acquire: () => new Promise(() => {}) })
  catalogue.start()
  await catalogue.stop()
  expect([clock.pending, notices.size]).toEqual([0, 0])
})
