import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Driver, message } from '../../../test/contracts/storage/kit.ts'
import { StoreError } from '../../support/errors.ts'
import { openSqliteStorage, type SqliteStorage } from './storage.ts'

/** Small enough to fill in a moment, large enough for the empty database and its log. */
const DISK_KIB = 2_048

const disk = mkdtempSync(join(tmpdir(), 'hermes-disk-'))
const reason = mountSmallDisk()

/** null: a disk of its own is mounted. Else why it could not be. */
function mountSmallDisk(): string | null {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_KIB}k`, 'hermes-test', disk], { stdio: 'pipe' })
    return null
  } catch {
    return 'no right to mount a small disk here'
  }
}

afterAll(() => {
  if (reason === null) execFileSync('umount', [disk])
  rmSync(disk, { recursive: true })
})

describe.skipIf(reason !== null)(`a full disk${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  const ballast = join(disk, 'ballast')
  let storage: SqliteStorage
  let driver: Driver

  beforeEach(async () => {
    storage = await openSqliteStorage({ path: join(disk, 'hermes.db'), pullChannels: [] })
    driver = new Driver(storage)
  })
  afterEach(async () => {
    rmSync(ballast, { force: true })
    await storage.close()
    for (const suffix of ['', '-wal', '-shm']) rmSync(join(disk, `hermes.db${suffix}`), { force: true })
  })

  /** Takes what room is left, so that not one more page fits. */
  function fill(): void {
    for (let kib = DISK_KIB; kib > 0; kib = Math.floor(kib / 2)) {
      try {
        writeFileSync(ballast, Buffer.alloc(kib * 1_024, 1), { flag: 'a' })
        kib = kib * 2
      } catch {
        // Too much at once: try half.
      }
    }
  }

  test('refuses what it cannot keep, changes nothing, and works again when there is room', async () => {
    await driver.acceptOne(message('1'))
    const lease = await driver.mustLease()
    fill()
    expect(await storage.freeBytes()).toBeLessThan(64 * 1_024)
    const text = 'x'.repeat(256 * 1_024)
    await expect(driver.answer(lease, text)).rejects.toBeInstanceOf(StoreError)
    await expect(driver.acceptOne(message('2', { text }))).rejects.toBeInstanceOf(StoreError)
    expect(await driver.transcript()).toEqual(['user answering: text 1'])

    rmSync(ballast)
    await storage.probe()
    expect(await driver.answer(lease, text)).toBe(true)
    expect(await driver.acceptOne(message('2'))).toMatchObject({ duplicate: false, state: 'received' })
    expect((await driver.drain()).map((sent) => sent.length)).toEqual([text.length])
    expect(await storage.integrityCheck()).toEqual([])
  })

  test('fails everything that shares the commit, and still answers what only reads', async () => {
    await driver.acceptOne(message('1'))
    fill()
    const text = 'x'.repeat(256 * 1_024)
    const [small, large, read] = await Promise.allSettled([
      driver.acceptOne(message('2')),
      driver.acceptOne(message('3', { text })),
      driver.transcript(),
    ])
    expect([small.status, large.status]).toEqual(['rejected', 'rejected'])
    expect(read).toEqual({ status: 'fulfilled', value: ['user received: text 1'] })
    rmSync(ballast)
    expect(await driver.acceptOne(message('3', { text }))).toMatchObject({ duplicate: false })
  })

  test('a revision is never given twice, though a commit that took some has failed', async () => {
    await driver.acceptOne(message('1'))
    fill()
    const text = 'x'.repeat(256 * 1_024)
    await driver.acceptOne(message('2', { text })).catch(() => undefined)
    rmSync(ballast)
    await driver.acceptOne(message('3'))
    const revisions = (await storage.conversations.changes('telegram:7', 0, 9)).map((row) => row.revision)
    expect(new Set(revisions).size).toBe(revisions.length)
  })
})
