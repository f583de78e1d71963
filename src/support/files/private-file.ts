import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/** Far above any sign-in file; a larger file is something else. */
const MAX_BYTES = 1024 * 1024
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
