import { legacySetOf } from './legacy-set.ts'

/** How the escapes of the 7-bit sets for Korean and Chinese begin, and the 8-bit set with the same characters. */
const SHIFTED: ReadonlyArray<readonly [designator: string, set: string]> = [
  ['\u001b$)C', 'euc-kr'],
  ['\u001b$)A', 'gb18030'],
]
const SHIFT_OUT = '\u000e'
const SHIFT_IN = '\u000f'
/** Escapes that lead out of ASCII; one that leads back alone also occurs in the output of terminals. */
const JAPANESE_ESCAPES = ['\u001b$@', '\u001b$B', '\u001b(I', '\u001b$(D'] as const
/** Bytes from which the order of a two-byte set is seen. */
const HEAD_BYTES = 1024

/**
 * The text of a file that does not say how it is written: by its mark, by its escapes, as UTF-8 where
 * it is that, else in the 8-bit set for which its bytes speak. Pure.
 */
export function decodeText(bytes: Uint8Array): string {
  const wide = wideSetOf(bytes)
  if (wide !== null) return new TextDecoder(wide).decode(bytes)
  try {
    return decodeEscapes(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    const text = new TextDecoder('utf-8').decode(bytes)
    // A file that was cut within a character, or holds a broken one, is still what it was.
    return isMostlyUtf8(text) ? text : new TextDecoder(legacySetOf(bytes)).decode(bytes)
  }
}

/**
 * The characters of a 7-bit set for Japanese, Korean or Chinese, where its escapes were taken for
 * characters; any other text as it is. Pure.
 *
 * @see RFC 1468, RFC 1557, RFC 1922
 */
export function decodeEscapes(text: string): string {
  if (!text.includes('\u001b')) return text
  const shifted = SHIFTED.find(([designator]) => text.includes(designator))
  if (shifted) return decodeShifted(text.replaceAll(shifted[0], ''), shifted[1])
  const lines = text.split('\n').map((line) => {
    const escaped = JAPANESE_ESCAPES.some((escape) => line.includes(escape))
    // Every line begins and ends in ASCII, so what is not of this set stays as it is.
    return escaped && isAscii(line)
      ? new TextDecoder('iso-2022-jp').decode(Buffer.from(line, 'latin1'))
      : line
  })
  return lines.join('\n')
}

function decodeShifted(text: string, set: string): string {
  const [first = '', ...rest] = text.split(SHIFT_OUT)
  const decoded = rest.map((part) => {
    const end = part.indexOf(SHIFT_IN)
    const inside = end === -1 ? part : part.slice(0, end)
    const outside = end === -1 ? '' : part.slice(end + 1)
    const bytes = Buffer.from(inside, 'latin1').map((byte) => (byte > 0x20 ? byte | 0x80 : byte))
    return new TextDecoder(set).decode(bytes) + outside
  })
  return first + decoded.join('')
}

/** UTF-16, which its mark shows, or the zero in every second byte of Latin text; null = neither. */
export function wideSetOf(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be'
  const head = bytes.subarray(0, HEAD_BYTES)
  const zeros = [0, 0]
  for (const [at, byte] of head.entries()) if (byte === 0) zeros[at % 2]!++
  const most = head.length * 0.4
  if (head.length < 4 || head.length % 2 === 1) return null
  if (zeros[1]! >= most && zeros[0] === 0) return 'utf-16le'
  return zeros[0]! >= most && zeros[1] === 0 ? 'utf-16be' : null
}

function isMostlyUtf8(text: string): boolean {
  let broken = 0
  let whole = 0
  for (const character of text) {
    if (character === '\ufffd') broken++
    else if (character > '\u007f') whole++
  }
  return broken < whole
}

function isAscii(text: string): boolean {
  return !/[^\p{ASCII}]/u.test(text)
}
