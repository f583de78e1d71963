import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open, readdir, readlink, realpath, rename, stat, unlink, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

/** Far above any sign-in file; a larger file is something else. */
const MAX_BYTES = 1024 * 1024
/** Readable and writable by this user alone: every file here is read and made so. */
const PRIVATE_FILE = 0o600
const OTHERS = 0o077

export type PrivateFile =
  | {
      readonly kind: 'text'
      readonly text: string
      readonly tightened: boolean
      /** Epoch milliseconds of the last write. */
      readonly writtenAt: number
    }
  | { readonly kind: 'absent' }
  /** Not to be trusted or not readable; `message` says why, for people. */
  | { readonly kind: 'refused'; readonly message: string }

/**
 * Reads a small file that must belong to this user alone. One that others may
 * read is tightened to 0600 (`tightened`, so that the caller can warn); a folder,
 * a FIFO, a device or another user's file is refused. Never blocks and never throws.
 */
export async function readPrivateFile(path: string): Promise<PrivateFile> {
  let handle
  try {
    // O_NONBLOCK: opening a FIFO would otherwise wait for a writer forever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return { kind: 'absent' }
    return { kind: 'refused', message: `${path} cannot be read (${code})` }
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) return { kind: 'refused', message: `${path} is not a regular file` }
    if (process.getuid && stat.uid !== process.getuid()) {
      return { kind: 'refused', message: `${path} belongs to another user (uid ${stat.uid})` }
    }
    if (stat.size > MAX_BYTES)
      return { kind: 'refused', message: `${path} is too large to be a sign-in file` }
    const tightened = (stat.mode & OTHERS) !== 0
    if (tightened) await handle.chmod(PRIVATE_FILE)
    const writtenAt = Math.floor(stat.mtimeMs)
    return { kind: 'text', text: await handle.readFile('utf8'), tightened, writtenAt }
  } catch (error) {
    return { kind: 'refused', message: `${path} cannot be read (${(error as NodeJS.ErrnoException).code})` }
  } finally {
    await handle.close()
  }
}

/** Space reserved before it is needed: four times the largest sign-in file seen. */
const LEAST_RESERVED_BYTES = 16 * 1024
/** A file that is larger than usual may become larger still. */
const RESERVED_SIZES = 2

/**
 * A file that is about to replace another one. It is in the same folder and has its disk space allocated,
 * so a commit fails only when the new text is longer than the reserved space, or when the folder has
 * changed since.
 */
export interface PreparedFile {
  /** The path of the temporary file. */
  readonly temporaryPath: string
  /**
   * Makes `text` the content of the target: write, fsync, rename, fsync of the
   * folder. May be called again after it threw.
   *
   * @throws NodeJS.ErrnoException (ENOSPC, EROFS, …); the target is then untouched
   */
  commit(text: string): Promise<void>
  /** Removes the temporary file. Never throws; does nothing after a commit. */
  discard(): Promise<void>
}

export interface PrepareOptions {
  /** Bytes to reserve; by default twice the present size, and never less than 16 KiB. */
  readonly reserve?: number
  /** A word in the temporary file's name that says what it is for. */
  readonly tag?: string
}

/**
 * Opens a temporary file (0600) in the same folder as `path` and fills the reserved space, which proves
 * that the folder is writable and the disk has room. A symbolic link is followed, so that the link stays
 * and its target is what will be replaced.
 *
 * @throws NodeJS.ErrnoException when the folder or the disk rejects it
 */
export async function prepareFile(path: string, options: PrepareOptions = {}): Promise<PreparedFile> {
  const target = await resolveLink(path)
  const suffix = `${options.tag ?? 'write'}-${process.pid}-${randomBytes(4).toString('hex')}`
  const temporaryPath = join(dirname(target), `${temporaryPrefix(target)}${suffix}${TEMPORARY_SUFFIX}`)
  const reserve = options.reserve ?? Math.max(LEAST_RESERVED_BYTES, RESERVED_SIZES * (await sizeOf(target)))
  const handle = await open(temporaryPath, 'wx', PRIVATE_FILE)
  const prepared = new Prepared(handle, temporaryPath, target)
  try {
    if (reserve > 0) {
      // Spaces: until the tail is truncated, a reader still sees valid JSON.
      await writeWhole(handle, Buffer.alloc(reserve, 0x20))
      await handle.sync()
    }
  } catch (error) {
    await prepared.discard()
    throw error
  }
  return prepared
}

/** Replaces the content of `path` atomically, also in a crash. @throws NodeJS.ErrnoException */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const prepared = await prepareFile(path, { reserve: 0 })
  try {
    await prepared.commit(text)
  } finally {
    await prepared.discard()
  }
}

/**
 * The temporary files of `path` that a killed process left behind, as full paths. Call it only under the
 * lock that all writers of `path` hold; otherwise the file of a live writer may be among them.
 */
export async function findLeftovers(path: string): Promise<string[]> {
  const target = await resolveLink(path)
  const prefix = temporaryPrefix(target)
  const names = await readdir(dirname(target)).catch(() => [])
  return names
    .filter((name) => name.startsWith(prefix) && name.endsWith(TEMPORARY_SUFFIX))
    .map((name) => join(dirname(target), name))
}

/** Makes a rename or removal in `folder` durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The file behind `path`; `path` itself when there is no link, or nothing behind it yet. */
export async function resolveLink(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const link = await readlink(path).catch(() => null)
    if (link !== null) return resolveLink(resolve(dirname(path), link))
    return join(await realpath(dirname(path)), basename(path))
  }
}

/** A nearly full disk writes only a part and reports no error; the next write fails. */
async function writeWhole(handle: FileHandle, bytes: Buffer): Promise<void> {
  let written = 0
  while (written < bytes.length) {
    written += (await handle.write(bytes, written, bytes.length - written, written)).bytesWritten
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

const TEMPORARY_SUFFIX = '.hermes-tmp'

function temporaryPrefix(target: string): string {
  const name = basename(target)
  return `${name.startsWith('.') ? '' : '.'}${name}.`
}

class Prepared implements PreparedFile {
  readonly temporaryPath: string
  readonly #target: string
  readonly #handle: FileHandle
  #state: 'open' | 'renamed' | 'closed' = 'open'

  constructor(handle: FileHandle, temporaryPath: string, target: string) {
    this.#handle = handle
    this.temporaryPath = temporaryPath
    this.#target = target
  }

  async commit(text: string): Promise<void> {
    if (this.#state === 'closed') throw new Error('commit after the temporary file was given up')
    if (this.#state === 'open') {
      const bytes = Buffer.from(text)
      await writeWhole(this.#handle, bytes)
      await this.#handle.truncate(bytes.length)
      await this.#handle.sync()
      await rename(this.temporaryPath, this.#target)
      this.#state = 'renamed'
    }
    await syncFolder(dirname(this.#target))
    await this.#close()
  }

  async discard(): Promise<void> {
    if (this.#state === 'closed') return
    const renamed = this.#state === 'renamed'
    await this.#close()
    if (!renamed) await unlink(this.temporaryPath).catch(() => {})
  }

  async #close(): Promise<void> {
    this.#state = 'closed'
    await this.#handle.close().catch(() => {})
  }
}

export type ParsedObject =
  | { readonly kind: 'object'; readonly value: Record<string, unknown> }
  | { readonly kind: 'broken'; readonly message: string }

/** Parses a JSON object; the leftovers of a torn write or an editor are described without quoting content. */
export function parseObject(text: string): ParsedObject {
  if (text.trim() === '') return { kind: 'broken', message: 'is empty' }
  if (text.startsWith('\uFEFF')) return { kind: 'broken', message: 'begins with a byte order mark' }
  let value: unknown
  try {
    value = JSON.parse(text, keepOddNumbers as (key: string, value: unknown) => unknown)
  } catch {
    // The parser's message quotes the text, which may be a token.
    return { kind: 'broken', message: 'is not valid JSON (truncated?)' }
  }
  if (!isObject(value)) return { kind: 'broken', message: 'is not a JSON object' }
  return { kind: 'object', value }
}

/**
 * Numbers that JavaScript would round (or write otherwise) are kept as they were
 * written: what we do not know must survive our writing.
 */
function keepOddNumbers(_key: string, value: unknown, context: { source?: string }): unknown {
  if (typeof value !== 'number' || String(value) === context.source) return value
  return (JSON as unknown as { rawJSON(source: string): unknown }).rawJSON(context.source!)
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
