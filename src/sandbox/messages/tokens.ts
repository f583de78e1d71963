import { isRecord } from '../http.ts'

/** As English comes to with the real tokenizers. */
const CHARACTERS_PER_TOKEN = 4
/** A picture of usual size, whatever its bytes. */
const PICTURE_TOKENS = 1_500
/** Two pages, as text and as pictures. */
const DOCUMENT_TOKENS = 4_000
/** A number, a boolean or the marks around a field. */
const SMALL = 4

/** About the tokens of a text; never 0. */
export function tokensOf(text: string): number {
  return Math.max(1, Math.ceil(text.length / CHARACTERS_PER_TOKEN))
}

/** About the tokens of a block, a tool definition, or anything else of a request. */
export function tokensOfValue(value: unknown): number {
  return Math.ceil(sizeOf(value) / CHARACTERS_PER_TOKEN)
}

/** In characters. Marks of the cache, signatures and the bytes of pictures are no text. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length
  if (Array.isArray(value)) {
    let size = 0
    for (const item of value) size += sizeOf(item)
    return size
  }
  if (!isRecord(value)) return SMALL
  const { type, source } = value
  if (type === 'image') return PICTURE_TOKENS * CHARACTERS_PER_TOKEN
  if (type === 'document' && isRecord(source) && source['type'] !== 'text' && source['type'] !== 'content') {
    return DOCUMENT_TOKENS * CHARACTERS_PER_TOKEN
  }
  let size = 0
  for (const key in value) {
    if (key === 'cache_control' || key === 'signature') continue
    size += SMALL + sizeOf(value[key])
  }
  return size
}
