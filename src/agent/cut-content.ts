/**
 * The content of a result in `maxBytes` of UTF-8: of a longer text its head and its tail, with a line between them
 * that says how much is left out. Blocks that are no text stay. What fits stays byte by byte.
 *
 * @param content JSON text of a string or an array of blocks; anything else becomes a string
 */
export function cutContent(content: string, maxBytes: number): string {
  const value = parse(content)
  if (typeof value === 'string') {
    return fits(value, maxBytes) ? content : JSON.stringify(cutText(value, maxBytes))
  }
  if (!isBlocks(value)) return JSON.stringify(cutText(content, maxBytes))
  const texts = value.flatMap((block) => (isText(block) ? [block.text] : []))
  if (fits(texts.join(''), maxBytes)) return content
  const share = Math.floor(maxBytes / texts.length)
  return JSON.stringify(
    value.map((block) => (isText(block) ? { ...block, text: cutText(block.text, share) } : block)),
  )
}

interface TextBlock {
  readonly type: 'text'
  readonly text: string
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return null
  }
}

function isBlocks(value: unknown): value is ReadonlyArray<{ readonly type: unknown }> {
  return (
    Array.isArray(value) &&
    value.every((block: unknown) => typeof block === 'object' && block !== null && 'type' in block)
  )
}

function isText(block: { readonly type: unknown }): block is TextBlock {
  return block.type === 'text' && 'text' in block && typeof block.text === 'string'
}

/** Half a character, which JSON may hold, is sent by no HTTP client. */
function fits(text: string, maxBytes: number): boolean {
  return text.isWellFormed() && Buffer.byteLength(text) <= maxBytes
}

function cutText(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text)
  if (bytes.length <= maxBytes) return bytes.toString()
  const half = Math.floor(maxBytes / 2)
  const headEnd = border(bytes, half, -1)
  const tailStart = border(bytes, bytes.length - half, 1)
  const leftOut = tailStart - headEnd
  const line = `\n[… ${leftOut} of ${bytes.length} bytes are left out here …]\n`
  return `${bytes.toString('utf8', 0, headEnd)}${line}${bytes.toString('utf8', tailStart)}`
}

/** The border between characters that is next to `at`, in one direction. */
function border(bytes: Buffer, at: number, direction: 1 | -1): number {
  while (at > 0 && at < bytes.length && (bytes[at]! & 0b1100_0000) === 0b1000_0000) at += direction
  return at
}
