import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs'
import { chmod, mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { ClaudeCodeProcess, SignInProcess } from '../../../test/support/processes/processes.ts'
import { borrowed, type Borrowed } from '../../../test/support/provider/claude-code.ts'
import { emptyHome, MACHINE, NEVER } from '../../../test/support/provider/signed-in.ts'
import { tokenEndpointThatSays, type SeenRequest } from '../../../test/support/provider/token-answers.ts'
import { pause } from '../../../test/support/until.ts'
import { readKeychain } from './claude-code-store.ts'

function cli({ configDir, sandbox }: Borrowed, old = false): Promise<ClaudeCodeProcess> {
  return ClaudeCodeProcess.start({ configDir, tokenUrl: sandbox.tokenUrl, old })
}

const locksOf = ({ configDir }: Borrowed) => [`${configDir}/.oauth_refresh.lock`, `${configDir}.lock`]
const nothingLeft = (fixture: Borrowed) =>
  !locksOf(fixture).some((lock) => existsSync(lock)) &&
  readdirSync(fixture.configDir).join() === '.credentials.json'

describe('a sign-in that is shared with Claude Code', () => {
  it.each([
    ['a current version', false],
    ['an older version, which knows only the second lock', true],
  ])('costs one token request when both start at the same moment (%s)', async (_name, old) => {
    const fixture = await borrowed()
    const { store, sandbox, present } = fixture
    await using program = await cli(fixture, old)
    for (let round = 1; round <= 10; round++) {
      const current = await present()
      const [theirs, ours] = await Promise.all([program.ask('refresh'), store.refresh(current, NEVER)])
      expect([theirs['kind'], ours.kind].toSorted()).toEqual(['adopted', 'renewed'])
      expect('generation' in ours && ours.generation.accessToken.fingerprint).toBe(theirs['access'])
      expect(sandbox.counts.tokenRequests).toBe(round)
    }
    expect(sandbox.counts).toMatchObject({ invalidGrants: 0, replays: 0 })
    expect(nothingLeft(fixture)).toBe(true)
  })

  it('that an answer proved dead is sent by one home alone, and a new one is refreshed by all', async () => {
    const fixture = await borrowed()
    const { open, first, sandbox, write, configDir } = fixture
    const homes = [open(), open({ home: await emptyHome() }), open({ home: await emptyHome() })] as const
    sandbox.control.revoke()
    for (const store of homes) {
      const outcome = await store.refresh(first, NEVER)
      expect(outcome).toMatchObject({ kind: 'terminal', reason: 'revoked' })
    }
    expect(sandbox.counts.tokenRequests).toBe(1)
    for (const name of readdirSync(configDir).filter((each) => each !== '.credentials.json'))
      expect(await readFile(`${configDir}/${name}`, 'utf8')).not.toContain(first.refreshToken!.reveal())

    const again = sandbox.signIn({ scopes: ['user:inference'] })
    const { accessToken, refreshToken, expiresAt, scopes } = again
    await write({ claudeAiOauth: { accessToken, refreshToken, expiresAt, scopes } })
    const present = await fixture.present()
    expect((await homes[2].refresh(present, NEVER)).kind).toBe('renewed')
    expect(nothingLeft(fixture)).toBe(true)
  })

  it('is not spent while the other program holds its locks, and adopted when that has rotated', async () => {
    const fixture = await borrowed()
    const { open, first, sandbox } = fixture
    await using program = await cli(fixture)
    await program.ask('hold')
    expect((await open({ lockWaitMs: 300 }).refresh(first, NEVER)).kind).toBe('busy')
    expect(sandbox.counts.tokenRequests).toBe(0)
    await program.ask('let-go')
    const rotated = await program.ask('rotate')
    const ours = await open().refresh(first, NEVER)
    expect(ours).toMatchObject({ kind: 'adopted' })
    expect('generation' in ours && ours.generation.accessToken.fingerprint).toBe(rotated['access'])
    expect(sandbox.counts.tokenRequests).toBe(1)
  })

  it('is refreshed over locks that were abandoned a minute ago, and waits for younger ones', async () => {
    const fixture = await borrowed()
    const { open, first, sandbox } = fixture
    const program = await cli(fixture)
    await program.ask('abandon', { stamp: 61 })
    await program.kill()
    expect((await open().refresh(first, NEVER)).kind).toBe('renewed')

    const another = await cli(fixture)
    await another.ask('abandon', { stamp: 15 })
    await another.kill()
    const current = await fixture.present()
    expect((await open({ lockWaitMs: 300 }).refresh(current, NEVER)).kind).toBe('busy')
    expect(sandbox.counts.tokenRequests).toBe(1)
    expect(locksOf(fixture).every((lock) => existsSync(lock))).toBe(true)
    for (const lock of locksOf(fixture)) await rmdir(lock)
  })

  it('keeps the mtimes of both locks younger than 2 s, in the right order, while its request runs', async () => {
    const fixture = await borrowed()
    const { store, first, sandbox } = fixture
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 3_500 })
    const refresh = store.refresh(first, NEVER)
    await expect.poll(() => existsSync(locksOf(fixture)[1]!)).toBe(true)
    const born = locksOf(fixture).map((lock) => statSync(lock).birthtimeMs)
    expect(born[0]).toBeLessThanOrEqual(born[1]!)
    let oldest = 0
    const watch = setInterval(() => {
      for (const lock of locksOf(fixture)) {
        const seen = statSync(lock, { throwIfNoEntry: false })
        if (seen) oldest = Math.max(oldest, Date.now() - seen.mtimeMs)
      }
    }, 50)
    expect((await refresh).kind).toBe('renewed')
    clearInterval(watch)
    expect(oldest).toBeGreaterThan(500)
    expect(oldest).toBeLessThan(2_000)
    expect(nothingLeft(fixture)).toBe(true)
  })

  it('is freed of our own locks after a kill -9, at the next start', async () => {
    const fixture = await borrowed()
    const { home, configDir, sandbox, open } = fixture
    sandbox.control.fault({ target: 'token-endpoint', fault: 'timeout', times: 1 })
    const options = {
      store: 'claude-code',
      home,
      configDir,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    } as const
    const victim = await SignInProcess.start(options)
    victim.send({ do: 'refresh' })
    await expect.poll(() => existsSync(locksOf(fixture)[1]!)).toBe(true)
    await expect.poll(() => existsSync(`${home}/claude-code.intent.json`)).toBe(true)
    await victim.kill()
    expect(locksOf(fixture).every((lock) => existsSync(lock))).toBe(true)
    await open().open()
    expect(nothingLeft(fixture)).toBe(true)
    expect(existsSync(`${home}/claude-code.locks.json`)).toBe(false)
  })

  it('keeps another program’s locks through our start, also where ours used to be', async () => {
    const fixture = await borrowed()
    const { home, configDir, sandbox, open } = fixture
    sandbox.control.fault({ target: 'token-endpoint', fault: 'timeout', times: 1 })
    const victim = await SignInProcess.start({
      store: 'claude-code',
      home,
      configDir,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    })
    victim.send({ do: 'refresh' })
    await expect.poll(() => existsSync(`${home}/claude-code.intent.json`)).toBe(true)
    await victim.kill()
    for (const lock of locksOf(fixture)) {
      await rmdir(lock)
      await mkdir(lock)
    }
    await open().open()
    expect(locksOf(fixture).every((lock) => existsSync(lock))).toBe(true)
    for (const lock of locksOf(fixture)) await rmdir(lock)
  })

  it('is written under the writers’ own lock', async () => {
    const fixture = await borrowed()
    const { store, first, configDir, path } = fixture
    const storage = `${configDir}/.storage-write.lock`
    await mkdir(storage)
    const refresh = store.refresh(first, NEVER)
    await expect.poll(() => fixture.sandbox.counts.tokenRequests).toBe(1)
    // The answer is here, and is not written for as long as another writes.
    await pause(200)
    expect(await readFile(path, 'utf8')).toContain(first.accessToken.reveal())
    await rmdir(storage)
    expect((await refresh).kind).toBe('renewed')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('whose writers’ lock was abandoned is served from memory and saved once that is stale', async () => {
    const fixture = await borrowed()
    const { store, first, configDir, present } = fixture
    const storage = `${configDir}/.storage-write.lock`
    await mkdir(storage)
    const outcome = await store.refresh(first, NEVER)
    expect(outcome.kind).toBe('unsaved')
    const longAgo = new Date(Date.now() - 61_000)
    utimesSync(storage, longAgo, longAgo)
    expect(await store.saveUnsaved()).toBe(true)
    expect(
      'generation' in outcome && (await present()).accessToken.equals(outcome.generation.accessToken),
    ).toBe(true)
    expect(nothingLeft(fixture)).toBe(true)
  })

  it('is refreshed as the client that it was issued to', async () => {
    const seen: SeenRequest[] = []
    const tokenUrl = await tokenEndpointThatSays(503, {}, {}, seen)
    const { store, document, write, present } = await borrowed({ settings: { tokenUrls: [tokenUrl] } })
    const { claudeAiOauth, ...rest } = await document()
    await write({ claudeAiOauth: { ...claudeAiOauth, clientId: 'some-other-client-TEST' }, ...rest })
    await store.refresh(await present(), NEVER)
    expect(seen.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
      { client_id: 'some-other-client-TEST' },
    ])
  })

  it('is absent without the folder, and the folder is not made', async () => {
    const { open, configDir, first } = await borrowed()
    const store = open({ configDir: `${configDir}-elsewhere` })
    await store.open()
    expect(await store.read()).toEqual({ kind: 'absent' })
    expect((await store.refresh(first, NEVER)).kind).toBe('store')
    expect(existsSync(`${configDir}-elsewhere`)).toBe(false)
  })
})

it('counts as issued when its file was written', async () => {
  const { path, present } = await borrowed()
  const writtenAt = Date.UTC(2026, 10, 3, 4, 5, 6)
  utimesSync(path, writtenAt / 1_000, writtenAt / 1_000)
  expect(await present()).toMatchObject({ issuedAt: writtenAt })
})

describe('the Keychain', () => {
  const path = process.env['PATH']
  afterEach(() => void (process.env['PATH'] = path))

  /** Puts a program named `security` first, as macOS has one. */
  async function security(script: string): Promise<void> {
    const folder = await emptyHome()
    await writeFile(`${folder}/security`, `#!/bin/sh\n${script}\n`)
    await chmod(`${folder}/security`, 0o700)
    process.env['PATH'] = `${folder}:${path}`
  }

  it('is asked on macOS for Claude Code’s item, by name', async () => {
    await security(
      '[ "$*" = "find-generic-password -s Claude Code-credentials -w" ] && echo \'{"claudeAiOauth":{}}\'',
    )
    expect(await readKeychain('darwin')).toBe('{"claudeAiOauth":{}}')
  })

  it('is asked nowhere else', async () => {
    await security('echo should not run')
    expect(await readKeychain('linux')).toBeNull()
  })

  it('without the item, or locked, counts as nothing there', async () => {
    await security('echo "The specified item could not be found in the keychain." >&2; exit 44')
    expect(await readKeychain('darwin')).toBeNull()
    await security('exit 0')
    expect(await readKeychain('darwin')).toBeNull()
  })
})
