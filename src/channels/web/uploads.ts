import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Attachment, AttachmentInfo } from '../../inbox/message.ts'
import { HOUR, type Clock } from '../../support/clock.ts'
import { Refused, StoreError } from '../../support/errors.ts'
import { newId } from '../../support/ids.ts'
import { withinLimits } from '../kit/files/readable-file.ts'
import { SNIFF_BYTES, sniff } from '../kit/files/sniff.ts'

/** A message that is sent again after a restart still finds what it carries. */
const UPLOAD_LIFE_MS = 24 * HOUR
/** All uploads together: fifty of the largest. Beyond it the oldest go. */
const MAX_TOTAL_BYTES = 1024 * 1024 * 1024
/** An upload that was cut off leaves its beginning behind for no longer than this. */
const PARTIAL = '.part'
const PRIVATE_FOLDER = 0o700
const PRIVATE_FILE = 0o600
/** The first line of a file: conversation, name and kind. */
const MAX_HEADER_BYTES = 4 * 1024

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
export class Uploads {
  readonly #folder: string
  readonly #clock: Clock
  readonly #maxTotalBytes: number
  #lastSweep = -Infinity
  /** Bytes in the folder at the last sweep, and what was written since. */
  #total = 0

  /**
   * @param folder made when it is first needed
   * @param maxTotalBytes of all uploads together; beyond it the oldest go
   */
  constructor(folder: string, clock: Clock, maxTotalBytes = MAX_TOTAL_BYTES) {
    this.#maxTotalBytes = maxTotalBytes
    this.#folder = folder
    this.#clock = clock
  }

  /**
   * Keeps what `bytes` gives, as it comes in.
   *
   * @throws Refused for anything but a picture or a PDF; StoreError when the disk rejects it;
   *   whatever `bytes` throws
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
    const file = await onDisk(() => open(path + PARTIAL, 'wx', PRIVATE_FILE))
    let size = 0
    const write = async (chunk: Uint8Array): Promise<void> => {
      size += chunk.length
      this.#total += chunk.length
      await onDisk(() => file.appendFile(chunk))
    }
    try {
      const header: Header = { address, person, name, mediaType }
      await onDisk(() => file.appendFile(`${JSON.stringify(header)}\n`))
      await write(head)
      for (;;) {
        const next = await source.next()
        if (next.done) break
        await write(next.value)
      }
      await file.close()
      await onDisk(() => rename(path + PARTIAL, path))
    } catch (error) {
      await file.close().catch(() => {})
      await unlink(path + PARTIAL).catch(() => {})
      throw error
    }
    return { id, mediaType, name, size }
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
      const path = join(this.#folder, name)
      const header = headerOf(await readFile(path).catch(() => Buffer.alloc(0)))
      if (header === null || header.person === undefined || header.person === person)
        await rm(path, { force: true })
    }
  }

  /** Makes the folder, and removes what is too old or too much. */
  async #prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: PRIVATE_FOLDER })
    const now = this.#clock.now()
    if (now - this.#lastSweep < SWEEP_INTERVAL_MS && this.#total <= this.#maxTotalBytes) return
    this.#lastSweep = now
    const found = await Promise.all(
      (await readdir(this.#folder)).map(async (name) => {
        const path = join(this.#folder, name)
        const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: now }))
        return { path, size, mtimeMs }
      }),
    )
    let total = 0
    for (const { path, size, mtimeMs } of found.sort((a, b) => b.mtimeMs - a.mtimeMs)) {
      if (now - mtimeMs > UPLOAD_LIFE_MS || total + size > this.#maxTotalBytes)
        await unlink(path).catch(() => {})
      else total += size
    }
    this.#total = total
  }
}

/** Often enough that the folder stays near its limit, seldom enough to cost nothing. */
const SWEEP_INTERVAL_MS = HOUR / 60

function headerOf(content: Buffer): (Partial<Header> & Omit<Header, 'person'>) | null {
  const end = content.subarray(0, MAX_HEADER_BYTES).indexOf('\n')
  return end < 0 ? null : (JSON.parse(content.subarray(0, end).toString('utf8')) as Header)
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
