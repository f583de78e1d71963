import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { afterThisTest, emptyHome } from '../../../test/support/provider/signed-in.ts'
import { acquireFileLock } from './file-lock.ts'

/** A process that takes the lock, says so, and keeps it. */
async function holder(path: string) {
  const module = new URL('./file-lock.ts', import.meta.url).href
  const script = `
    const { acquireFileLock } = await import(${JSON.stringify(module)})
    const lock = await acquireFileLock(process.argv[1], { waitMs: 5000 })
    process.stdout.write(lock ? 'held' : 'busy')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  afterThisTest(() => child.kill('SIGKILL'))
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  expect(said.toString()).toBe('held')
  return child
}

describe('a lock that the kernel holds', () => {
  it('is held by one at a time, in one process and across processes', async () => {
    const path = `${await emptyHome()}/test.lock`
    const lock = await acquireFileLock(path)
    expect(lock).not.toBeNull()
    expect(await acquireFileLock(path, { waitMs: 50 })).toBeNull()
    lock!.release()
    lock!.release()
    const child = await holder(path)
    expect(await acquireFileLock(path, { waitMs: 50 })).toBeNull()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(await acquireFileLock(path)).not.toBeNull()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('stays with a stopped holder, and is free at once when it is killed', async () => {
    const path = `${await emptyHome()}/test.lock`
    const child = await holder(path)
    child.kill('SIGSTOP')
    expect(await acquireFileLock(path, { waitMs: 500 })).toBeNull()
    const waiting = acquireFileLock(path, { waitMs: 5_000 })
    const killed = Date.now()
    child.kill('SIGKILL')
    using lock = await waiting
    expect(lock).not.toBeNull()
    expect(Date.now() - killed).toBeLessThan(500)
  })

  it('does not stop the event loop while it waits, and the wait can be given up', async () => {
    const path = `${await emptyHome()}/test.lock`
    using _held = await acquireFileLock(path)
    let ticks = 0
    const ticking = setInterval(() => ticks++, 5)
    const giveUp = new AbortController()
    setTimeout(() => giveUp.abort(), 200)
    await expect(acquireFileLock(path, { waitMs: 10_000, signal: giveUp.signal })).rejects.toThrow('aborted')
    clearInterval(ticking)
    expect(ticks).toBeGreaterThan(10)
  })

  it('says so when its file cannot be made', async () => {
    const home = await emptyHome()
    await mkdir(`${home}/test.lock`)
    await expect(acquireFileLock(`${home}/test.lock`)).rejects.toThrow('cannot be used')
    await expect(acquireFileLock(`${home}/no/such/folder/test.lock`)).rejects.toThrow('cannot be used')
  })
})
