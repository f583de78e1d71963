import { utimesSync, existsSync } from 'node:fs'
import { mkdir, readFile, rmdir } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { stoppedHolder } from '../../bench/chaos/14-stopped-holder.ts'
import { fewRounds } from '../support/few-rounds.ts'
import { ClaudeCodeProcess, SignInProcess } from '../support/processes/processes.ts'
import { borrowed } from '../support/provider/claude-code.ts'
import { MACHINE, NEVER, signedIn } from '../support/provider/signed-in.ts'
import { tokensOf } from '../support/provider/tokens-of.ts'
import { pause } from '../support/until.ts'

/** Longer than it takes a process to send; the answer finds it stopped. */
const ANSWER_MS = 600

describe('a holder of our own lock that is stopped in mid-refresh', () => {
  it('keeps everybody else from spending the token, and its result counts when it resumes', async () => {
    const { home, sandbox, store, open, first, present } = await signedIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: ANSWER_MS })
    await using holder = await SignInProcess.start({
      store: 'own',
      home,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    })
    holder.send({ do: 'refresh' })
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    holder.signal('SIGSTOP')
    // The answer has left by now, and nobody reads it.
    await expect.poll(() => sandbox.counts.tokensIssued).toBe(1)

    // Others are sent away and keep using the old token, which is still on disk and still valid.
    expect((await open({ lockWaitMs: 300 }).refresh(first, NEVER)).kind).toBe('busy')
    expect((await present()).accessToken.equals(first.accessToken)).toBe(true)
    expect(sandbox.counts.tokenRequests).toBe(1)

    holder.signal('SIGCONT')
    expect(await holder.next()).toMatchObject({ kind: 'renewed' })
    expect((await store.refresh(first, NEVER)).kind).toBe('adopted')
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, invalidGrants: 0 })
  })

  it('does not keep a person from signing in, and its late result is discarded', async () => {
    const { home, sandbox, store, settings } = await signedIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: ANSWER_MS })
    await using holder = await SignInProcess.start({
      store: 'own',
      home,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    })
    holder.send({ do: 'refresh' })
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    holder.signal('SIGSTOP')

    const given = await store.signIn({
      kind: 'oauth',
      tokens: tokensOf(sandbox.signIn()),
      requestedScopes: settings.scopes,
    })
    // Stored, while the holder still stands still in the middle of its refresh.
    expect(await store.current()).toMatchObject({ id: given.id })

    holder.signal('SIGCONT')
    expect(await holder.next()).toMatchObject({ kind: 'superseded' })
    const stored = await store.current()
    expect(stored).toMatchObject({ kind: 'oauth', id: given.id })
    expect(await holder.ask('read')).toMatchObject({
      kind: 'present',
      access: given.kind === 'oauth' && given.generation.accessToken.fingerprint,
    })
  })

  it('frees the lock at once when it is killed', async () => {
    const { home, sandbox, open, first } = await signedIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'timeout', times: 1 })
    await using holder = await SignInProcess.start({
      store: 'own',
      home,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    })
    holder.send({ do: 'refresh' })
    await expect
      .poll(() => sandbox.counts.tokenRequests + (sandbox.state().faults[0]?.struck ?? 0))
      .toBeGreaterThan(0)
    holder.signal('SIGSTOP')
    await holder.kill()
    const outcome = await open({ backoff: { initialMs: 1, maxMs: 1 } }).refresh(first, NEVER)
    expect(outcome.kind).toBe('renewed')
  })
})

describe('a holder of Claude Code’s locks that is stopped', () => {
  it('before its request asks again whether the locks are its own, and sends nothing when they are not', async () => {
    const { configDir, open, first, sandbox } = await borrowed()
    const locks = [`${configDir}/.oauth_refresh.lock`, `${configDir}.lock`]
    let slept = false
    // As if the process had slept between taking the locks and sending: both have been taken over.
    const original = open()
    const stolen = open({
      endpoint: {
        refresh: async (
          _token: unknown,
          _scopes: unknown,
          options: { beforeSend: () => Promise<boolean> },
        ) => {
          for (const lock of locks) {
            await rmdir(lock)
            await mkdir(lock)
          }
          slept = true
          return (await options.beforeSend()) ? { kind: 'never' } : { kind: 'stopped' }
        },
      } as never,
    })
    expect((await stolen.refresh(first, NEVER)).kind).toBe('busy')
    expect(slept).toBe(true)
    expect(sandbox.counts.tokenRequests).toBe(0)
    // They belong to somebody else now, and are left to them.
    expect(locks.map((lock) => existsSync(lock))).toEqual([true, true])
    for (const lock of locks) await rmdir(lock)
    expect((await original.refresh(first, NEVER)).kind).toBe('renewed')
  })

  it('checks again before its write, and discards its result when the file was rotated in between', async () => {
    const { home, configDir, path, sandbox, write, document } = await borrowed()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: ANSWER_MS })
    await using holder = await SignInProcess.start({
      store: 'claude-code',
      home,
      configDir,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    })
    holder.send({ do: 'refresh' })
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    holder.signal('SIGSTOP')
    // A minute later by the file's time: another program takes the stale locks, writes, and lets them go.
    for (const lock of [`${configDir}/.oauth_refresh.lock`, `${configDir}.lock`]) {
      utimesSync(lock, new Date(Date.now() - 61_000), new Date(Date.now() - 61_000))
      await rmdir(lock)
    }
    const other = sandbox.signIn()
    const { claudeAiOauth, ...rest } = await document()
    const { accessToken, refreshToken, expiresAt } = other
    await write({ claudeAiOauth: { ...claudeAiOauth, accessToken, refreshToken, expiresAt }, ...rest })
    const theirs = await readFile(path, 'utf8')

    holder.signal('SIGCONT')
    expect(await holder.next()).toMatchObject({ kind: 'superseded' })
    expect(await readFile(path, 'utf8')).toBe(theirs)
    expect(existsSync(`${configDir}.lock`)).toBe(false)
  })

  it('whose file did not change in between acquires the locks again and saves its result', async () => {
    const { home, configDir, path, sandbox, present } = await borrowed()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: ANSWER_MS })
    await using holder = await SignInProcess.start({
      store: 'claude-code',
      home,
      configDir,
      machineId: MACHINE,
      tokenUrl: sandbox.tokenUrl,
    })
    holder.send({ do: 'refresh' })
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    holder.signal('SIGSTOP')
    for (const lock of [`${configDir}/.oauth_refresh.lock`, `${configDir}.lock`]) await rmdir(lock)
    holder.signal('SIGCONT')
    const answer = await holder.next()
    expect(answer).toMatchObject({ kind: 'renewed' })
    expect((await present()).accessToken.fingerprint).toBe(answer['access'])
    expect(existsSync(`${configDir}/.oauth_refresh.lock`) || existsSync(`${configDir}.lock`)).toBe(false)
    expect(await readFile(path, 'utf8')).toContain('mcpOAuth')
  })

  it('waits for the process that took its locks over before it saves its result', async () => {
    const { home, configDir, path, sandbox } = await borrowed()
    const { tokenUrl } = sandbox
    const before = await readFile(path, 'utf8')
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: ANSWER_MS })
    const options = { store: 'claude-code', home, configDir, machineId: MACHINE, tokenUrl } as const
    await using holder = await SignInProcess.start(options)
    await using program = await ClaudeCodeProcess.start({ configDir, tokenUrl })
    holder.send({ do: 'refresh' })
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    holder.signal('SIGSTOP')
    const longAgo = new Date(Date.now() - 61_000)
    for (const lock of [`${configDir}/.oauth_refresh.lock`, `${configDir}.lock`])
      utimesSync(lock, longAgo, longAgo)
    await program.ask('hold')
    holder.signal('SIGCONT')
    const answer = holder.next()
    await expect.poll(() => sandbox.counts.tokensIssued).toBe(1)
    // It has the answer, and writes nothing for as long as another holds its locks.
    await pause(300)
    expect(await readFile(path, 'utf8')).toBe(before)
    await program.ask('let-go')
    expect(await answer).toMatchObject({ kind: 'renewed' })
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, replays: 0 })
  })
})

fewRounds([stoppedHolder])
