import { execFileSync } from 'node:child_process'
import { chmod, chown, mkdir, rm, stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../src/support/secret.ts'
import { borrowed } from '../support/provider/claude-code.ts'
import { NEVER, signedIn } from '../support/provider/signed-in.ts'

const key = { kind: 'api-key', key: new Secret('sk-ant-api03-TEST-key') } as const

describe.each([
  ['our own file', signedIn],
  ['Claude Code’s file', borrowed],
])('%s', (_name, start) => {
  it('readable by others is tightened, with a warning, and used', async () => {
    const { store, path, warnings } = await start()
    await chmod(path, 0o644)
    expect((await store.read()).kind).toBe('present')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(warnings).toEqual([expect.stringContaining('could be read by others')])
  })

  it('as a directory is refused with the reason, and no request is made', async () => {
    const { store, path, first, sandbox } = await start()
    await rm(path)
    await mkdir(path)
    expect(await store.read()).toMatchObject({
      kind: 'unusable',
      reason: 'store',
      message: expect.stringContaining('not a regular file'),
    })
    expect((await store.refresh(first, NEVER)).kind).toBe('superseded')
    expect(sandbox.counts.tokenRequests).toBe(0)
  })

  it('as a FIFO is refused without waiting for somebody to write into it', async () => {
    const { store, path } = await start()
    await rm(path)
    execFileSync('mkfifo', [path])
    expect(await store.read()).toMatchObject({
      kind: 'unusable',
      reason: 'store',
      message: expect.stringContaining('not a regular file'),
    })
  })

  it.skipIf(process.getuid?.() !== 0)(
    'of another user is refused (giving a file away needs root)',
    async () => {
      const { store, path, first, sandbox } = await start()
      await chown(path, 12345, 12345)
      expect(await store.read()).toMatchObject({
        kind: 'unusable',
        reason: 'store',
        message: expect.stringContaining('another user'),
      })
      await store.refresh(first, NEVER)
      expect(sandbox.counts.tokenRequests).toBe(0)
    },
  )
})

it('a new sign-in does not replace a directory either, and says why', async () => {
  const { store, path } = await signedIn()
  await rm(path)
  await mkdir(path)
  await expect(store.signIn(key)).rejects.toThrow('not a regular file')
})
