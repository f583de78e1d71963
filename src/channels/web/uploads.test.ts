import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { DAY, HOUR, MINUTE } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import { sniff } from '../kit/files/sniff.ts'
import { Uploads } from './uploads.ts'

const PDF = Buffer.from('%PDF-1.7\nwhatever follows\n')
/** As which the smallest file counts. */
const CHARGE = 256 * 1024
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

  test('is removed after a day, without another one, and so is what was cut off before a restart', async () => {
    const { id } = await uploads.save({ address: 'a', person: 'owner', name: 'old.pdf' }, inPieces(PDF, 9))
    await writeFile(join(folder, 'cut.part'), '{"addr')
    using restarted = new Uploads(folder, clock)
    restarted.sweepRegularly()
    await expect.poll(() => readdir(folder)).toEqual([id])
    clock.jump(DAY + HOUR)
    await clock.advance(10 * MINUTE)
    await expect.poll(() => readdir(folder)).toEqual([])
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

  test('makes room at once when it is too much: its person’s oldest go, nobody else’s, after a restart too', async () => {
    // Two files of one person, three in all.
    const limits = { total: 3 * CHARGE, ofPerson: 2 * CHARGE, keepFree: 0 }
    let bounded = new Uploads(folder, clock, limits)
    const save = async (person: string) => {
      clock.jump(MINUTE)
      return (await bounded.save({ address: 'a', person, name: 'a.pdf' }, inPieces(PDF, 9))).id
    }
    const kept = await save('modest')
    const first = await save('greedy')
    const second = await save('greedy')
    bounded = new Uploads(folder, clock, limits)
    const third = await save('greedy')
    const fourth = await save('greedy')
    expect((await readdir(folder)).sort()).toEqual([kept, third, fourth].sort())
    expect([first, second]).not.toContain(third)
    const next = await save('new')
    expect((await readdir(folder)).sort()).toEqual([kept, fourth, next].sort())
  })

  test('counts while it comes in: so many at a time, and no more', async () => {
    const bounded = new Uploads(folder, clock, { total: 9 * CHARGE, ofPerson: 2 * CHARGE, keepFree: 0 })
    const end = Promise.withResolvers<void>()
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      yield PDF
      await end.promise
    }
    const upload = { address: 'a', person: 'greedy', name: 'a.pdf' }
    const open = [bounded.save(upload, slow()), bounded.save(upload, slow())]
    await expect.poll(async () => (await readdir(folder)).length).toBe(2)
    await expect(bounded.save(upload, inPieces(PDF, 9))).rejects.toThrow(StoreError)
    const other = { ...upload, person: 'modest' }
    await expect(bounded.save(other, inPieces(PDF, 9))).resolves.toBeDefined()
    end.resolve()
    await Promise.all(open)
    await expect(bounded.save(upload, inPieces(PDF, 9))).resolves.toBeDefined()
  })

  test('is refused while the disk is nearly full', async () => {
    const full = new Uploads(folder, clock, { total: 9 * CHARGE, ofPerson: 9 * CHARGE, keepFree: Infinity })
    const upload = { address: 'a', person: 'owner', name: 'a.pdf' }
    await expect(full.save(upload, inPieces(PDF, 9))).rejects.toThrow(StoreError)
    expect(await readdir(folder)).toEqual([])
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
