import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { OwnStore } from '../../src/credentials/own/own-store.ts'
import { TokenEndpoint } from '../../src/oauth/token-endpoint.ts'
import type { Sandbox } from '../../src/sandbox/sandbox.ts'
import { machineId } from '../../src/support/machine.ts'
import { fingerprint } from '../../src/support/secret.ts'
import type { Finished } from '../support/processes/hermes-command.ts'
import { emptyHome, settingsFor, startProvider } from '../support/provider/signed-in.ts'
import { tokensOf } from '../support/provider/tokens-of.ts'

const BIN = fileURLToPath(new URL('../../bin/hermes.js', import.meta.url))

/** Runs the built command while the provider in this process keeps answering. */
function hermes(home: string, args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  return new Promise((resolve) => {
    const variables = { PATH: process.env['PATH'] ?? '', HOME: home, ...env }
    const child = execFile(
      process.execPath,
      [BIN, '--home', home, 'auth', ...args],
      { env: variables, timeout: 20_000, cwd: home },
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    )
  })
}

/** A home whose gateway is signed in at a simulated provider, or not. */
async function homeAt(sandbox: Sandbox, signedIn = true): Promise<{ home: string; store: OwnStore }> {
  const home = await emptyHome()
  await writeFile(
    join(home, 'config.yaml'),
    `model: { base_url: "${sandbox.url}" }\nauth: { oauth: { token_urls: ["${sandbox.tokenUrl}"] } }\n`,
    { mode: 0o600 },
  )
  const store = new OwnStore({
    path: join(home, 'credentials.json'),
    machineId: machineId(home),
    endpoint: new TokenEndpoint(settingsFor(sandbox)),
  })
  if (signedIn) {
    await store.signIn({ kind: 'oauth', tokens: tokensOf(sandbox.signIn()), requestedScopes: [] })
  }
  return { home, store }
}

const json = ({ stdout }: Finished) => JSON.parse(stdout)

it('auth status prints exactly its fields, and its exit code says who must act', async () => {
  const { home } = await homeAt(await startProvider())
  const healthy = await hermes(home, ['status', '--json'])
  expect(healthy.code).toBe(0)
  expect(json(healthy)).toEqual({
    state: 'healthy',
    reason: null,
    source: 'own',
    kind: 'oauth',
    renewable: true,
    fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/),
    expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    secondsLeft: expect.any(Number),
    loginExpiresAt: expect.any(String),
    loginExpiryEstimated: false,
    lastRefresh: null,
    nextAttemptAt: null,
    consecutive401: 0,
  })
  const empty = await emptyHome()
  const absent = await hermes(empty, ['status', '--json'])
  expect(absent.code).toBe(3)
  expect(json(absent)).toMatchObject({ state: 'needs-login', reason: 'absent', kind: null, source: null })
  const shown = await hermes(empty, ['status'])
  expect(shown.stdout).toContain('hermes auth login --headless')
})

it('auth status says what a token without a refresh source means, and what a wrong one is', async () => {
  const home = await emptyHome()
  const warned = await hermes(home, ['status'], { ANTHROPIC_API_KEY: 'sk-ant-oat01-TEST-of-the-report' })
  expect(warned.code).toBe(0)
  expect(warned.stdout).toContain(
    'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed.',
  )
  const wrong = await hermes(home, ['status', '--json'], { ANTHROPIC_TOKEN: 'TESTcode01234#TESTstate01234' })
  expect(wrong.code).toBe(78)
  expect(json(wrong)).toMatchObject({ state: 'misconfigured' })
  expect(wrong.stdout + wrong.stderr).not.toContain('TESTstate01234')
})

it('printing the state writes nothing and sends no request', async () => {
  const sandbox = await startProvider()
  const { home } = await homeAt(sandbox)
  const memory = join(home, 'refresh-state.json')
  await writeFile(memory, '{"consecutive401":2}', { mode: 0o600 })
  const looked = await hermes(home, ['status', '--json'])
  expect(json(looked).consecutive401).toBe(2)
  await hermes(home, ['sources'])
  expect(await readFile(memory, 'utf8')).toBe('{"consecutive401":2}')
  expect(sandbox.counts).toMatchObject({ tokenRequests: 0, messageRequests: 0 })
})

it('auth sources shows the whole decision in order', async () => {
  const { home } = await homeAt(await startProvider())
  await mkdir(join(home, '.claude'))
  const variables = { ANTHROPIC_TOKEN: 'sk-ant-oat01-TEST-static', ANTHROPIC_API_KEY: 'sk-ant-api03-TEST' }
  const { stdout, code } = await hermes(home, ['sources', '--json'], variables)
  expect(code).toBe(0)
  const { items } = JSON.parse(stdout)
  expect(items.map(({ source, inUse, found }: Record<string, unknown>) => [source, found, inUse])).toEqual([
    ['own', true, true],
    ['environment', false, false],
    ['environment', true, false],
    ['environment', false, false],
    ['environment', true, false],
    ['claude-code', false, false],
    ['refresh-command', false, false],
    ['profile', false, false],
  ])
  expect(items[2]).toMatchObject({
    place: 'ANTHROPIC_TOKEN',
    kind: 'oauth',
    renewable: false,
    fingerprint: fingerprint('sk-ant-oat01-TEST-static'),
  })
  expect(stdout).not.toContain('sk-ant-')
})

it('auth refresh makes one request, says how it went, and does not spend a dead grant again', async () => {
  const sandbox = await startProvider()
  const { home } = await homeAt(sandbox)
  const before = json(await hermes(home, ['status', '--json'])).fingerprint
  const refreshed = await hermes(home, ['refresh', '--json'])
  expect(refreshed.code).toBe(0)
  expect(json(refreshed)).toMatchObject({ outcome: 'renewed', status: { state: 'healthy' } })
  expect(json(refreshed).status.fingerprint).not.toBe(before)
  expect(sandbox.counts.tokenRequests).toBe(1)

  sandbox.control.revoke()
  const dead = await hermes(home, ['refresh'])
  expect(dead.code).toBe(3)
  const again = await hermes(home, ['refresh'])
  expect(again.code).toBe(3)
  expect(again.stdout + again.stderr).toContain('hermes auth login --headless')
  expect(sandbox.counts.tokenRequests).toBe(2)
})

it('auth refresh obeys what the endpoint asked for, and is temporarily unavailable until then', async () => {
  const sandbox = await startProvider()
  const { home } = await homeAt(sandbox)
  sandbox.control.fault({ target: 'token-endpoint', fault: '429', retryAfter: 120, times: 1 })
  expect((await hermes(home, ['refresh'])).code).toBe(4)
  expect((await hermes(home, ['refresh'])).code).toBe(4)
  expect(sandbox.counts.tokenRequests).toBe(1)
})

it('auth logout removes our own sign-in, and only that', async () => {
  const { home, store } = await homeAt(await startProvider())
  const out = await hermes(home, ['logout'], { ANTHROPIC_API_KEY: 'sk-ant-api03-TEST' })
  expect(out.code).toBe(0)
  expect(out.stdout).toMatch(/Removed[\s\S]*environment \(ANTHROPIC_API_KEY\)/)
  expect(await store.read()).toEqual({ kind: 'absent' })
  expect((await hermes(home, ['logout'])).stdout).toContain('The gateway has no sign-in of its own.')
})

it('auth status --adopt makes a moved home usable, which would otherwise be refused', async () => {
  const { home } = await homeAt(await startProvider())
  const path = join(home, 'credentials.json')
  const document = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(path, JSON.stringify({ ...document, machine: 'another-machine' }))
  const moved = await hermes(home, ['status', '--json'])
  expect(moved.code).toBe(3)
  expect(json(moved)).toMatchObject({ state: 'needs-login', reason: 'other-machine' })
  const adopted = await hermes(home, ['status', '--adopt', '--json'])
  expect(adopted.code).toBe(0)
  expect(json(adopted)).toMatchObject({ state: 'healthy', source: 'own' })
})

it.each([
  ['.claude', async () => {}, 'nothing is at'],
  ['~/.claude', async () => {}, 'nothing is at'],
  ['claude-file', (home: string) => writeFile(join(home, 'claude-file'), ''), 'cannot be read (ENOTDIR)'],
  [
    'empty',
    async (home: string) => {
      await mkdir(join(home, 'empty'))
      await writeFile(join(home, 'empty', '.credentials.json'), '', { mode: 0o600 })
    },
    'is empty',
  ],
])("a folder of Claude Code's sign-in in which there is none is named: %s", async (folder, prepare, why) => {
  const { home } = await homeAt(await startProvider(), false)
  await writeFile(join(home, 'config.yaml'), 'auth: { adopt_claude_code: true }\n', { mode: 0o600 })
  await writeFile(join(home, '.env'), `CLAUDE_CONFIG_DIR=${folder}\n`, { mode: 0o600 })
  await prepare(home)
  const { code, stdout } = await hermes(home, ['status'])
  expect(code).toBe(3)
  expect(stdout).toContain(join(home, folder.replace('~/', ''), '.credentials.json'))
  expect(stdout).toContain(why)
  expect(json(await hermes(home, ['status', '--json']))).toMatchObject({
    state: 'needs-login',
    reason: 'absent',
  })
  const { items } = json(await hermes(home, ['sources', '--json'])) as { items: Array<{ place: string }> }
  expect(items.map(({ place }) => place)).toContain(join(home, folder.replace('~/', ''), '.credentials.json'))
})
