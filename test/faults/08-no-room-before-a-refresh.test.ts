import { statSync, truncateSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { SignInProcess } from '../support/processes/processes.ts'
import { MACHINE, NEVER, signedIn } from '../support/provider/signed-in.ts'
import {
  fillDisk,
  freeDisk,
  makeReadOnly,
  NO_FILE_LIMIT,
  NO_SMALL_DISK,
  smallDisk,
} from '../support/stores/small-disk.ts'

describe.skipIf(NO_SMALL_DISK !== null)(
  `a disk that takes nothing${NO_SMALL_DISK ? ` (${NO_SMALL_DISK})` : ''}`,
  () => {
    it('when it is full: no request is sent, and the sign-in stays as it was', async () => {
      const home = smallDisk(128)
      const { store, sandbox, first, path, present } = await signedIn({ home })
      const before = await readFile(path, 'utf8')
      fillDisk(home)

      expect(await store.refresh(first, NEVER)).toMatchObject({
        kind: 'store',
        message: expect.stringContaining('ENOSPC'),
      })
      expect(sandbox.counts.tokenRequests).toBe(0)
      expect(await readFile(path, 'utf8')).toBe(before)

      freeDisk(home)
      expect((await store.refresh(await present(), NEVER)).kind).toBe('renewed')
    })

    it('when it is nearly full: the room for the answer is proven before the request', async () => {
      const home = smallDisk(128)
      const { store, sandbox, first } = await signedIn({ home })
      fillDisk(home)
      // Two pages: enough for the intent, not for the answer.
      truncateSync(`${home}/filler`, statSync(`${home}/filler`).size - 2 * 4096)
      expect((await store.refresh(first, NEVER)).kind).toBe('store')
      expect(sandbox.counts.tokenRequests).toBe(0)
    })

    it('when it is read-only: no request is sent', async () => {
      const home = smallDisk(256)
      const { sandbox, first, open } = await signedIn({ home })
      makeReadOnly(home)
      const outcome = await open().refresh(first, NEVER)
      expect(outcome.kind).toBe('store')
      expect(sandbox.counts.tokenRequests).toBe(0)
    })
  },
)

it.skipIf(NO_FILE_LIMIT !== null)(
  `a process that may write no room for the answer sends no request${NO_FILE_LIMIT ? ` (${NO_FILE_LIMIT})` : ''}`,
  async () => {
    const { home, sandbox, path } = await signedIn()
    const before = await readFile(path, 'utf8')
    const options = { store: 'own', home, machineId: MACHINE, tokenUrl: sandbox.tokenUrl } as const
    await using limited = await SignInProcess.start(options, 8 * 1024)
    expect(await limited.ask('refresh')).toMatchObject({
      kind: 'store',
      message: expect.stringContaining('EFBIG'),
    })
    expect(sandbox.counts.tokenRequests).toBe(0)
    expect(await readFile(path, 'utf8')).toBe(before)
    limited.liftLimit()
    expect(await limited.ask('refresh')).toMatchObject({ kind: 'renewed' })
  },
)
