import { mkdtemp, readdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FakeMemory } from '../../../test/support/provider/memory-sign-in.ts'
import { memoryFile } from '../own/own-store.ts'
import { PersistentRecord } from './keeper-context.ts'
import { forget, parseRecord, remember } from './record.ts'

describe('what the keeper remembers', () => {
  it('comes back from the file as it was written, readable for its owner alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'keeper-memory-'))
    const path = join(folder, 'refresh-state.json')
    const book = new PersistentRecord(memoryFile(path), () => {})
    book.open()
    book.update({
      generation: 'aaaaaaaa',
      failure: { reason: 'network', message: 'no answer', attempt: 3, nextAttemptAt: 1_000, ambiguous: true },
      rejected: ['bbbbbbbb'],
      consecutive401: 2,
    })
    await book.flush()
    const next = new PersistentRecord(memoryFile(path), () => {})
    await next.load()
    expect(next.record).toEqual(book.record)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(folder)).toEqual(['refresh-state.json'])
  })

  it.each([
    ['nothing', ''],
    ['a torn write', '{"generation": "aaaa'],
    ['something else', '[1, 2, 3]'],
  ])('is forgotten where the file holds %s', async (_what, text) => {
    const path = join(await mkdtemp(join(tmpdir(), 'keeper-memory-')), 'refresh-state.json')
    await writeFile(path, text)
    expect(await memoryFile(path).load()).toBeNull()
  })

  it('is kept part by part where one part is of another version, or of a hand', () => {
    const record = parseRecord(
      JSON.stringify({
        failure: { reason: 'a reason of next year', attempt: 'many' },
        rejected: ['aaaaaaaa'],
        consecutive401: -7,
        ended: { fingerprint: 'bbbbbbbb', reason: 'revoked', message: 'gone' },
        unknown: true,
      }),
    )
    expect(record).toMatchObject({
      failure: null,
      rejected: ['aaaaaaaa'],
      consecutive401: 0,
      ended: { fingerprint: 'bbbbbbbb', reason: 'revoked' },
    })
  })

  it('is not written by a process that only reads, and a disk that rejects it stops nothing', async () => {
    const memory = new FakeMemory()
    const looking = new PersistentRecord(memory, () => {})
    looking.update({ consecutive401: 1 })
    await looking.flush()
    expect(memory.record).toBeNull()

    const said: string[] = []
    const book = new PersistentRecord(memoryFile('/nowhere/at/all/refresh-state.json'), (message) =>
      said.push(message),
    )
    book.open()
    book.update({ consecutive401: 1 })
    await book.flush()
    expect(book.record.consecutive401).toBe(1)
    expect(said).toHaveLength(1)
  })

  it('writes changes of one moment once', async () => {
    let saves = 0
    const book = new PersistentRecord({ load: async () => null, save: async () => void saves++ }, () => {})
    book.open()
    for (let count = 0; count < 100; count++) book.update({ consecutive401: count })
    await book.flush()
    expect(saves).toBe(1)
  })
})

it('lists of fingerprints keep the newest and stay short', () => {
  let list: readonly string[] = []
  for (let count = 0; count < 500; count++) list = remember(list, `${count}`)
  expect(list.length).toBeLessThanOrEqual(128)
  expect(list.at(-1)).toBe('499')
  expect(remember(list, '450').at(-1)).toBe('450')
  expect(forget(list, '499')).not.toContain('499')
})
