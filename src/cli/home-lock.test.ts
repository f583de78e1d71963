import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { acquireHome, isHomeHeld, lockFile } from './home-lock.ts'

let home: string
let stderr = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hermes-'))
  stderr = ''
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text
    return true
  })
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(home, { recursive: true, force: true })
})

test("another program's lock file does not keep the gateway from starting, and is kept", async () => {
  writeFileSync(lockFile(home), '{"pid": 4711}')
  expect(await isHomeHeld(home)).toBe(false)
  const lock = await acquireHome(home)
  expect(lock).not.toBeNull()
  expect(readFileSync(`${lockFile(home)}.foreign`, 'utf8')).toBe('{"pid": 4711}')
  expect(stderr).toContain('gateway.lock.foreign')
  lock?.release()
})

test.each(['{"pid": 4711}', '4711\n', 'SQLite', '\0'])(
  'what is no lock of ours is kept aside: %j',
  async (text) => {
    writeFileSync(lockFile(home), text)
    const lock = await acquireHome(home)
    expect(lock).not.toBeNull()
    expect(readFileSync(`${lockFile(home)}.foreign`, 'utf8')).toBe(text)
    lock?.release()
  },
)

test('a home that nobody has is not held, and asking makes no file', async () => {
  expect(await isHomeHeld(home)).toBe(false)
  expect(() => readFileSync(lockFile(home))).toThrow('ENOENT')
  const lock = await acquireHome(home)
  lock?.release()
  const again = await acquireHome(home)
  expect(again).not.toBeNull()
  again?.release()
  expect(stderr).toBe('')
})
