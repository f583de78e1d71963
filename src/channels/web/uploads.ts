import { mkdir, open, readdir, readFile, rename, rm, stat, statfs, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attachment, AttachmentInfo } from '../../inbox/message.ts'
import { HOUR, MINUTE, type Clock, type Timer } from '../../support/clock.ts'
import { Refused, StoreError } from '../../support/errors.ts'
import { newId } from '../../support/ids.ts'
import { withinLimits } from '../kit/files/readable-file.ts'
import { SNIFF_BYTES, sniff } from '../kit/files/sniff.ts'

/** A message that is sent again after a restart still finds what it carries. */
const UPLOAD_LIFE_MS = 24 * HOUR
const SWEEP_INTERVAL_MS = 10 * MINUTE
const MIB = 1024 * 1024
/** Each file counts as this many bytes at least: what bounds the bytes bounds the files. */
const MIN_CHARGE = MIB / 4
/** The name of an upload that is still coming in. */
const PARTIAL = '.part'
const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600
/** The first line of a file: conversation, name and kind. */
const MAX_HEADER_BYTES = 4 * 1024

/** Bytes on the disk, of uploads that are stored or coming in. */
export interface UploadLimits {
  readonly total: number
  /** Beyond it the person's own oldest uploads go, and nobody else's. */
  readonly ofPerson: number
  /** Nothing is stored while the disk has less than this free: messages and sign-ins need it more. */
  readonly keepFree: number
}

/** Fifty of the largest uploads, a quarter of them by one person. */
const LIMITS: UploadLimits = { total: 1024 * MIB, ofPerson: 256 * MIB, keepFree: 256 * MIB }

interface Header {
  readonly address: string
  /** Who uploaded it. */
  readonly person: string
  readonly name: string
  readonly mediaType: string
}

/**
 * Attachments between their upload and the message that carries them: one file
 * each, with a first line that says what it is. A message takes a copy into the
 * store, so what lies here may always be removed.
 */
export class Uploads implements Disposable {
  readonly #folder: string
  readonly #clock: Clock
  readonly #limits: UploadLimits
  /** Everything in the folder as of the last sweep, and what came in since; the oldest first. */
  readonly #entries = new Map<string, Entry>()
  #swept: Promise<void> | null = null
  #timer: Timer | null = null

  /** @param folder made when it is first needed */
  constructor(folder: string, clock: Clock, limits: UploadLimits = LIMITS) {
    this.#folder = folder
    this.#clock = clock
    this.#limits = limits
  }

  /** Removes what is too old, now and every ten minutes, until disposed. */
  sweepRegularly(): void {
    this.#timer = this.#clock.setTimer(() => this.sweepRegularly(), SWEEP_INTERVAL_MS)
    this.#swept = this.#sweep().catch(() => {
      // The folder cannot be read: the next upload says so to who sends it.
      this.#swept = null
    })
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel()
  }

  /**
   * Keeps what `bytes` gives, as it comes in.
   *
   * @throws Refused for anything but a picture or a PDF; StoreError when the disk rejects it or has no
   *   room; whatever `bytes` throws
   */
  async save(
    { address, person, name }: Omit<Header, 'mediaType'>,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<AttachmentInfo> {
    const id = newId(this.#clock.now())
    const path = join(this.#folder, id)
    const source = bytes[Symbol.asyncIterator]()
    const head = await readHead(source)
    const mediaType = sniff(head)
    if (mediaType === null)
      throw new Refused('Only pictures (PNG, JPEG, GIF, WebP) and PDF files can be attached.')
    await onDisk(() => this.#prepare())
    const entry: Entry = { person, at: this.#clock.now(), size: 0, partial: true }
    this.#entries.set(id, entry)
    try {
      const file = await onDisk(() => open(path + PARTIAL, 'wx', PRIVATE_FILE))
      try {
        const write = async (chunk: Uint8Array): Promise<void> => {
          entry.size += chunk.length
          await onDisk(() => this.#makeRoom(person))
          await onDisk(() => file.appendFile(chunk))
        }
        const header: Header = { address, person, name, mediaType }
        await onDisk(() => file.appendFile(`${JSON.stringify(header)}\n`))
        await write(head)
        for (;;) {
          const next = await source.next()
          if (next.done) break
          await write(next.value)
        }
      } finally {
        await file.close().catch(() => {})
      }
      await onDisk(() => rename(path + PARTIAL, path))
    } catch (error) {
      this.#entries.delete(id)
      await unlink(path + PARTIAL).catch(() => {})
      throw error
    }
    entry.partial = false
    return { id, mediaType, name, size: entry.size }
  }

  /** @throws Refused when there is no such upload in this conversation (any more), or the model cannot be shown it */
  async load(address: string, id: string): Promise<Attachment> {
    const gone = () => new Refused('This attachment is not here any more. Please attach it again.')
    if (!/^[0-9a-z]+$/.test(id)) throw gone()
    const content = await readFile(join(this.#folder, id)).catch(() => null)
    const header = content && headerOf(content)
    if (!header) throw gone()
    // What one conversation was given is not for another one to show.
    if (header.address !== address) throw gone()
    const { mediaType, name } = header
    return withinLimits({ mediaType, name, bytes: content.subarray(content.indexOf('\n') + 1) })
  }

  /** Removes what a person uploaded, whole or in part; what does not say whose it is goes along. */
  async deletePerson(person: string): Promise<void> {
    for (const name of await readdir(this.#folder).catch(() => [])) {
      const owner = await readPerson(join(this.#folder, name))
      if (owner === null || owner === person) await this.#remove(name)
    }
  }

  /** Makes the folder, and learns what is in it. @throws when there is no room */
  async #prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: PRIVATE_FOLDER })
    await (this.#swept ??= this.#sweep())
    const { bavail, bsize } = await statfs(this.#folder)
    if (bavail * bsize < this.#limits.keepFree) throw new Error('the disk is nearly full')
  }

  /** Removes what is too old or was cut off, and learns what else is there. */
  async #sweep(): Promise<void> {
    const now = this.#clock.now()
    const names = await readdir(this.#folder).catch(() => [])
    const there = new Set(names)
    for (const [id, { partial }] of this.#entries) if (!partial && !there.has(id)) this.#entries.delete(id)
    const found: Array<[string, Entry]> = []
    for (const name of names) {
      const known = this.#entries.get(name.replace(PARTIAL, ''))
      if (known?.partial) continue
      const path = join(this.#folder, name)
      const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }))
      if (name.endsWith(PARTIAL) || now - mtimeMs > UPLOAD_LIFE_MS) await this.#remove(name)
      else if (!known)
        found.push([name, { person: await readPerson(path), at: mtimeMs, size, partial: false }])
    }
    for (const [name, entry] of found.sort(([, a], [, b]) => a.at - b.at)) this.#entries.set(name, entry)
  }

  /** Makes room for what `person` sends: first their own oldest uploads go, then those of the person who has most. */
  async #makeRoom(person: string): Promise<void> {
    const { total, ofPerson } = this.#limits
    for (;;) {
      const charges = this.#charges()
      if ((charges.get(person) ?? 0) > ofPerson) {
        await this.#removeOldest(person)
        continue
      }
      if (charges.values().reduce((sum, charge) => sum + charge, 0) <= total) return
      const [most] = charges.entries().reduce((first, other) => (other[1] > first[1] ? other : first))
      await this.#removeOldest(most)
    }
  }

  /** By person; in one look, because each piece of an upload asks. */
  #charges(): ReadonlyMap<string | null, number> {
    const charges = new Map<string | null, number>()
    for (const { person, size } of this.#entries.values())
      charges.set(person, (charges.get(person) ?? 0) + Math.max(MIN_CHARGE, size))
    return charges
  }

  /** @throws when everything of theirs is still coming in */
  async #removeOldest(person: string | null): Promise<void> {
    for (const [id, entry] of this.#entries)
      if (entry.person === person && !entry.partial) return this.#remove(id)
    throw new Error('too much is being uploaded at the same time')
  }

  async #remove(name: string): Promise<void> {
    this.#entries.delete(name)
    await rm(join(this.#folder, name), { force: true })
  }
}

interface Entry {
  /** Null: the file does not say. */
  readonly person: string | null
  readonly at: number
  size: number
  /** Still coming in. */
  partial: boolean
}

/** Null: the file does not say whose it is. */
async function readPerson(path: string): Promise<string | null> {
  const file = await open(path).catch(() => null)
  if (!file) return null
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_HEADER_BYTES), 0, MAX_HEADER_BYTES, 0)
    return headerOf(buffer.subarray(0, bytesRead))?.person ?? null
  } finally {
    await file.close()
  }
}

function headerOf(content: Buffer): (Partial<Header> & Omit<Header, 'person'>) | null {
  const end = content.subarray(0, MAX_HEADER_BYTES).indexOf('\n')
  if (end < 0) return null
  try {
    return JSON.parse(content.subarray(0, end).toString('utf8')) as Header
  } catch {
    return null
  }
}

/** The first bytes of an upload, as many as are needed to recognise its type. */
async function readHead(source: AsyncIterator<Uint8Array>): Promise<Buffer> {
  let head = Buffer.alloc(0)
  while (head.length < SNIFF_BYTES) {
    const next = await source.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  return head
}

async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new StoreError('the attachment cannot be stored', { cause: error })
  }
}
