import { mkdtemp, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { DAY } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { sniff } from '../kit/files/sniff.ts'
import { Uploads } from './uploads.ts'

const PDF = Buffer.from('%PDF-1.7\nwhatever follows\n')
let home: string
let folder: string
let clock: FakeClock
let uploads: Uploads

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'hermes-uploads-'))
  folder = join(home, 'uploads')
  clock = new FakeClock(Date.now())
  uploads = new Uploads(folder, clock)
})
afterEach(() => rm(home, { recursive: true, force: true }))

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('an upload', () => {
  test.each([1, 7, 1_000])('comes back as it went in, in pieces of %d bytes', async (size) => {
    const info = await uploads.save({ address: 'a', person: 'owner', name: 'plan.pdf' }, inPieces(PDF, size))
    expect(info).toMatchObject({ mediaType: 'application/pdf', name: 'plan.pdf', size: PDF.length })
    const loaded = await uploads.load('a', info.id)
    expect(Buffer.from(loaded.bytes).equals(PDF)).toBe(true)
    expect((await stat(join(folder, info.id))).mode & 0o777).toBe(0o600)
  })

  test('that the model would refuse gets its reason when it is sent', async () => {
    const picture = Buffer.alloc(4.5 * 1024 * 1024)
    picture.write('\x89PNG\r\n\x1a\n', 'latin1')
    const large = await uploads.save(
      { address: 'a', person: 'owner', name: 'cat.png' },
      inPieces(picture, 64 * 1024),
    )
    await expect(uploads.load('a', large.id)).rejects.toThrow('larger than 3.75 MB')
    const locked = Buffer.from('%PDF-1.7 trailer << /Encrypt 4 0 R >>')
    const pdf = await uploads.save({ address: 'a', person: 'owner', name: 'plan.pdf' }, inPieces(locked, 9))
    await expect(uploads.load('a', pdf.id)).rejects.toThrow('locked with a password')
  })

  test('is found after a restart, and not by another conversation or under a made-up id', async () => {
    const { id } = await uploads.save({ address: 'a', person: 'owner', name: 'plan.pdf' }, inPieces(PDF, 9))
    const restarted = new Uploads(folder, clock)
    expect((await restarted.load('a', id)).name).toBe('plan.pdf')
    await expect(restarted.load('b', id)).rejects.toThrow(/attach it again/)
    await expect(restarted.load('a', '../x')).rejects.toThrow(/attach it again/)
  })

  test('that breaks off leaves nothing behind', async () => {
    const broken = async function* (): AsyncGenerator<Uint8Array> {
      yield PDF
      throw new Error('gone')
    }
    await expect(uploads.save({ address: 'a', person: 'owner', name: 'plan.pdf' }, broken())).rejects.toThrow(
      'gone',
    )
    expect(await readdir(folder)).toEqual([])
  })

  test('is removed after a day', async () => {
    const { id } = await uploads.save({ address: 'a', person: 'owner', name: 'old.pdf' }, inPieces(PDF, 9))
    const old = new Date(clock.now() - 2 * DAY)
    await utimes(join(folder, id), old, old)
    clock.jump(DAY)
    const fresh = await uploads.save({ address: 'a', person: 'owner', name: 'new.pdf' }, inPieces(PDF, 9))
    expect(await readdir(folder)).toEqual([fresh.id])
  })

  test('goes with its person, and with nobody else', async () => {
    const ofPerson = (person: string) =>
      uploads.save({ address: 'a', person, name: 'plan.pdf' }, inPieces(PDF, 9))
    const [gone, kept] = [await ofPerson('token:1'), await ofPerson('owner')]
    await writeFile(join(folder, 'cut.part'), '{"addr')
    await uploads.deletePerson('token:1')
    expect(await readdir(folder)).toEqual([kept.id])
    await expect(uploads.load('a', gone.id)).rejects.toThrow(/attach it again/)
  })

  test('makes room at once when all together are too much', async () => {
    const small = new Uploads(folder, clock, 100)
    const saved: string[] = []
    for (let n = 0; n < 5; n++) {
      const { id } = await small.save({ address: 'a', person: 'owner', name: 'a.pdf' }, inPieces(PDF, 9))
      saved.push(id)
      const at = new Date(clock.now() + n * 1_000)
      await utimes(join(folder, id), at, at)
    }
    const left = await readdir(folder)
    expect(left).toContain(saved.at(-1))
    expect(left.length).toBeLessThan(3)
  })

  test('that the disk rejects is reported as the store’s fault', async () => {
    const impossible = new Uploads('/dev/null/uploads', clock)
    await expect(
      impossible.save({ address: 'a', person: 'owner', name: 'plan.pdf' }, inPieces(PDF, 9)),
    ).rejects.toThrow(StoreError)
  })
})

test.each([
  ['\x89PNG\r\n\x1a\n....', 'image/png'],
  ['\xff\xd8\xff\xe0', 'image/jpeg'],
  ['GIF89a....', 'image/gif'],
  ['RIFF....WEBPVP8 ', 'image/webp'],
  ['RIFF....WAVEfmt ', null],
  ['%PDF-1.4', 'application/pdf'],
  ['<svg onload=alert(1)>', null],
  ['', null],
  ['PNG', null],
])('%j is %s', (head, expected) => {
  expect(sniff(Buffer.from(head, 'latin1'))).toBe(expected)
})
