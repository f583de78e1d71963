import { readFileSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { MACHINE, NEVER, signedIn } from '../support/signed-in.ts'
import { fillDisk, freeDisk, NO_SMALL_DISK, smallDisk } from '../support/small-disk.ts'
import { SignInProcess } from '../support/processes.ts'

/**
 * The room that is reserved before the request makes this rare, so the file must
 * grow meanwhile (a person's note beside the sign-in) and the disk fill up.
 */
function growAndFill(home: string): void {
  const path = `${home}/credentials.json`
  const document = JSON.parse(readFileSync(path, 'utf8')) as object
  writeFileSync(path, JSON.stringify({ ...document, note: 'x'.repeat(60_000) }))
  fillDisk(home)
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
            if (strike) growAndFill(home)
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
        const outcome = await store.renew(first, NEVER)
        expect(outcome).toMatchObject({ kind: 'unsaved', message: expect.stringContaining('ENOSPC') })
        if (outcome.kind !== 'unsaved') throw new Error('unreachable')
        expect(sandbox.counts).toMatchObject({ tokenRequests: 1, tokensIssued: 1 })
        expect(await readFile(path, 'utf8')).toContain(first.refreshToken!.reveal())

        // The old refresh token is on disk for all to see, and nobody spends it.
        expect(await other.ask('renew')).toMatchObject({ kind: 'busy' })
        expect(await store.saveUnsaved()).toBe(false)
        expect((await store.renew(first, NEVER)).kind).toBe('unsaved')
        expect((await store.renew(outcome.generation, NEVER)).kind).toBe('store')
        expect(sandbox.counts.tokenRequests).toBe(1)

        freeDisk(home)
        expect(await store.saveUnsaved()).toBe(true)
        expect((await present()).accessToken.equals(outcome.generation.accessToken)).toBe(true)
        expect(await other.ask('renew')).toMatchObject({
          kind: 'adopted',
          access: outcome.generation.accessToken.fingerprint,
        })
        expect((await store.renew(outcome.generation, NEVER)).kind).toBe('renewed')
        expect(sandbox.counts).toMatchObject({ tokenRequests: 2, invalidGrants: 0 })
      } finally {
        await other.kill()
      }
    })
  },
)
