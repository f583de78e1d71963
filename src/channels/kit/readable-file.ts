import { Refused } from '../../support/errors.ts'

const MIB = 1024 * 1024
/** The largest file that platforms serve and the model accepts. */
const MAX_FILE_BYTES = 20 * MIB
/** The largest picture the model accepts. */
export const MAX_IMAGE_BYTES = 5 * MIB
/** More text than this is beyond any model's context. */
const MAX_TEXT_BYTES = 2 * MIB

export const UNREADABLE_FILE = 'I can read pictures, PDF and plain text files. This one is of another kind.'

const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])
const TEXT_TYPES =
  /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|javascript|typescript|sql|x-sh|x-ndjson)\b)/i
const TEXT_NAMES =
  /\.(?:txt|md|markdown|rst|csv|tsv|log|json|jsonl|ya?ml|toml|ini|cfg|conf|xml|html?|css|js|mjs|cjs|ts|tsx|jsx|py|rb|go|rs|java|kt|swift|c|h|cc|cpp|hpp|cs|php|sh|bash|sql|lua|pl|r|tex|diff|patch)$/i

/** The kind as which the model can be shown a file of this media type and name; null: it cannot read it. */
export function readableType(mime: string, name: string): string | null {
  const type = mime.toLowerCase()
  if (IMAGE_TYPES.has(type)) return type
  if (type === 'image/jpg') return 'image/jpeg'
  if (type === 'application/pdf' || /\.pdf$/i.test(name)) return 'application/pdf'
  return isTextFile(type, name) ? 'text/plain' : null
}

/** By its media type or its name. */
export function isTextFile(mime: string, name: string): boolean {
  return TEXT_TYPES.test(mime) || TEXT_NAMES.test(name)
}

/** How large a file of a readable kind may be. */
export interface FileLimit {
  readonly maxBytes: number
  /** The sentence for a file above `maxBytes`. */
  readonly tooLarge: string
}

/** @param mediaType as `readableType` gives it */
export function fileLimit(mediaType: string): FileLimit {
  if (mediaType.startsWith('image/')) {
    return {
      maxBytes: MAX_IMAGE_BYTES,
      tooLarge: 'This picture is larger than 5 MB. Please send a smaller one.',
    }
  }
  if (mediaType === 'text/plain') {
    return {
      maxBytes: MAX_TEXT_BYTES,
      tooLarge: 'This file holds more text than I can read at once. Please send a part of it.',
    }
  }
  return {
    maxBytes: MAX_FILE_BYTES,
    tooLarge: 'This file is larger than 20 MB. Please send a smaller one.',
  }
}

/** A file that a message carries and the model can read, before anything of it is fetched. */
export interface ReadableFile extends FileLimit {
  readonly name: string
  /** As `readableType` gives it. */
  readonly mediaType: string
  /** In bytes, as the platform announces it; null = unknown before the download. */
  readonly size: number | null
}

/** @throws Refused where the announced size is already too much */
export function checkSize(file: ReadableFile): void {
  if (file.size !== null && file.size > file.maxBytes) throw new Refused(file.tooLarge)
}
