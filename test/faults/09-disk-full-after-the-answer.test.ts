import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { TokenEndpoint } from '../../src/oauth/token-endpoint.ts'
import { SignInProcess } from '../support/processes/processes.ts'
import { borrowed } from '../support/provider/claude-code.ts'
import { MACHINE, NEVER, settingsFor, signedIn } from '../support/provider/signed-in.ts'
import { fillDisk, freeDisk, NO_FILE_LIMIT, NO_SMALL_DISK, smallDisk } from '../support/stores/small-disk.ts'

/**
 * The space reserved before the request makes this rare, so the file must grow during the request (a
 * person's note next to the sign-in) and the disk fill up.
 */
function grow(home: string): void {
  const path = `${home}/credentials.json`
  const document = JSON.parse(readFileSync(path, 'utf8')) as object
  writeFileSync(path, JSON.stringify({ ...document, note: 'x'.repeat(60_000) }))
}

describe.skipIf(NO_SMALL_DISK !== null)(
  `a disk full after the answer${NO_SMALL_DISK ? ` (${NO_SMALL_DISK})` : ''}`,
  () => {
    it('costs nothing: the result is kept, nobody else spends, and it is saved when there is room', async () => {
      const home = smallDisk(512)
      let strike = true
      const { store, sandbox, first, path, present } = await signedIn({
        home,
        endpoint: {
          fetch: async (...request) => {
            const answer = await fetch(...request)
            if (strike) {
              grow(home)
              fillDisk(home)
            }
            strike = false
            return answer
          },
        },
      })
      const other = await SignInProcess.start({
        store: 'own',
        home,
        machineId: MACHINE,
        tokenUrl: sandbox.tokenUrl,
        lockWaitMs: 200,
      })
      try {
        const outcome = await store.refresh(first, NEVER)
        expect(outcome).toMatchObject({ kind: 'unsaved', message: expect.stringContaining('ENOSPC') })
        if (outcome.kind !== 'unsaved') throw new Error('unreachable')
        expect(sandbox.counts).toMatchObject({ tokenRequests: 1, tokensIssued: 1 })
        expect(await readFile(path, 'utf8')).toContain(first.refreshToken!.reveal())

        // The old refresh token is on disk for all to see, and nobody spends it.
        expect(await other.ask('refresh')).toMatchObject({ kind: 'busy' })
        expect(await store.saveUnsaved()).toBe(false)
        expect((await store.refresh(first, NEVER)).kind).toBe('unsaved')
        expect((await store.refresh(outcome.generation, NEVER)).kind).toBe('store')
        expect(sandbox.counts.tokenRequests).toBe(1)

        freeDisk(home)
        expect(await store.saveUnsaved()).toBe(true)
        expect((await present()).accessToken.equals(outcome.generation.accessToken)).toBe(true)
        expect(await other.ask('refresh')).toMatchObject({
          kind: 'adopted',
          access: outcome.generation.accessToken.fingerprint,
        })
        expect((await store.refresh(outcome.generation, NEVER)).kind).toBe('renewed')
        expect(sandbox.counts).toMatchObject({ tokenRequests: 2, invalidGrants: 0 })
      } finally {
        await other.kill()
      }
    })
  },
)

it.skipIf(NO_SMALL_DISK !== null)(
  `a full disk of ours keeps no answer from Claude Code’s file on another disk${NO_SMALL_DISK ? ` (${NO_SMALL_DISK})` : ''}`,
  async () => {
    const { open, configDir, first, present, sandbox } = await borrowed()
    const home = smallDisk(256)
    const settings = settingsFor(sandbox)
    const fetchAndFill: typeof fetch = async (...request) => {
      const answer = await fetch(...request)
      fillDisk(home)
      return answer
    }
    const store = open({ home, endpoint: new TokenEndpoint(settings, { fetch: fetchAndFill }) })
    const outcome = await store.refresh(first, NEVER)
    expect(outcome.kind).toBe('renewed')
    expect(
      'generation' in outcome && (await present()).accessToken.equals(outcome.generation.accessToken),
    ).toBe(true)
    // Nothing blocks the other program.
    expect(readdirSync(configDir)).toEqual(['.credentials.json'])
    expect(existsSync(`${configDir}.lock`)).toBe(false)
    fillDisk(home)
    // And the next renewal sends nothing until there is room for its intent.
    expect((await store.refresh(await present(), NEVER)).kind).toBe('store')
    expect(readdirSync(configDir)).toEqual(['.credentials.json'])
    expect(sandbox.counts.tokenRequests).toBe(1)
  },
)

it.skipIf(NO_FILE_LIMIT !== null)(
  `a result that its process may not write is kept until it may${NO_FILE_LIMIT ? ` (${NO_FILE_LIMIT})` : ''}`,
  async () => {
    const { home, sandbox, first, present } = await signedIn()
    sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 400 })
    const options = { store: 'own', home, machineId: MACHINE, tokenUrl: sandbox.tokenUrl } as const
    await using limited = await SignInProcess.start(options, 32 * 1024)
    await using other = await SignInProcess.start({ ...options, lockWaitMs: 200 })
    limited.send({ do: 'refresh' })
    await expect.poll(() => sandbox.state().faults[0]?.struck).toBe(1)
    grow(home)
    const unsaved = await limited.next()
    expect(unsaved).toMatchObject({ kind: 'unsaved' })
    expect(await other.ask('refresh')).toMatchObject({ kind: 'busy' })
    expect(await limited.ask('save')).toMatchObject({ saved: false })
    expect((await present()).accessToken.equals(first.accessToken)).toBe(true)

    limited.liftLimit()
    expect(await limited.ask('save')).toMatchObject({ saved: true })
    expect((await present()).accessToken.fingerprint).toBe(unsaved['access'])
    expect(await other.ask('refresh')).toMatchObject({ kind: 'adopted', access: unsaved['access'] })
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, invalidGrants: 0 })
  },
)
