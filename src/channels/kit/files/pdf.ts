import { constants, inflateSync } from 'node:zlib'

/** What can be said of a PDF without reading it. */
export interface PdfFacts {
  /** It can be read only with its password. */
  readonly locked: boolean
  /** Null: it cannot be seen. */
  readonly pages: number | null
}

/** The dictionary of a node of the page tree stands within so many characters of its type. */
const BEFORE_TYPE = 4 * 1024
const BEHIND_TYPE = 16 * 1024
/** Object streams that are looked into, and how much of one: the page tree is small. */
const MAX_STREAMS = 200
const MAX_STREAM_BYTES = 256 * 1024
/** Nodes that are read: the root, which counts all pages, is one of them. */
const MAX_NODES = 2_000

/**
 * Reads from a PDF whether it is encrypted and how many pages it has. Pure. What is not found is not
 * guessed: the model's own answer decides then.
 *
 * @see ISO 32000-1 §7.5.7, §7.6 and §7.7.3
 */
export function pdfFacts(bytes: Uint8Array): PdfFacts {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  const locked = has(text, '/Encrypt', /^\s{0,8}(?:<<|\d{1,10}\s{1,8}\d{1,5}\s{1,8}R)/)
  if (locked) return { locked, pages: null }
  const plain = pagesIn(text)
  return { locked, pages: plain ?? pagesInStreams(text, bytes) }
}

function has(text: string, name: string, value: RegExp): boolean {
  for (let at = text.indexOf(name); at !== -1; at = text.indexOf(name, at + 1)) {
    const begin = at + name.length
    if (value.test(text.slice(begin, begin + 64))) return true
  }
  return false
}

/** The greatest count of a node of the page tree; null = there is none. */
function pagesIn(text: string): number | null {
  let pages: number | null = null
  let nodes = 0
  for (let at = text.indexOf('/Pages'); at !== -1; at = text.indexOf('/Pages', at + 1)) {
    if (++nodes > MAX_NODES) break
    if (!/\/Type\s{0,8}$/.test(text.slice(Math.max(0, at - 16), at))) continue
    const before = text.slice(Math.max(0, at - BEFORE_TYPE), at)
    const behind = text.slice(at, at + BEHIND_TYPE)
    const end = behind.indexOf('endobj')
    const dictionary =
      before.slice(before.lastIndexOf('obj') + 1) + (end === -1 ? behind : behind.slice(0, end))
    for (const [, count] of dictionary.matchAll(/\/Count\s{1,8}(\d{1,9})/g)) {
      pages = Math.max(pages ?? 0, Number(count))
    }
  }
  return pages
}

/** Newer files keep the page tree in compressed streams. */
function pagesInStreams(text: string, bytes: Uint8Array): number | null {
  let pages: number | null = null
  let streams = 0
  for (let at = text.indexOf('/ObjStm'); at !== -1; at = text.indexOf('/ObjStm', at + 1)) {
    if (++streams > MAX_STREAMS) break
    const opening = /stream\r?\n/.exec(text.slice(at, at + BEFORE_TYPE))
    if (!opening) continue
    const begin = at + opening.index + opening[0].length
    const found = pagesIn(inflated(bytes.subarray(begin, begin + MAX_STREAM_BYTES)))
    if (found !== null) pages = Math.max(pages ?? 0, found)
  }
  return pages
}

/** Empty: not compressed in the usual way, or more than a page tree would be. */
function inflated(bytes: Uint8Array): string {
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 8 * MAX_STREAM_BYTES }
    return inflateSync(bytes, options).toString('latin1')
  } catch {
    return ''
  }
}
