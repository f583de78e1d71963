import type { Attachment } from '../../../inbox/message.ts'
import { Refused } from '../../../support/errors.ts'
import { decodeText, wideSetOf } from '../../../support/text/decode-text.ts'
import { isBlank } from '../../../support/text/printable.ts'
import { imageSize } from './image-size.ts'
import { pdfFacts } from './pdf.ts'
import { sniff } from './sniff.ts'

const MIB = 1024 * 1024
/** The largest file that platforms serve and the model accepts. */
const MAX_FILE_BYTES = 20 * MIB
/** The largest picture the model accepts: in base64 it has 5 MiB. */
export const MAX_IMAGE_BYTES = 3.75 * MIB
/** The longest side of a picture the model accepts. */
const MAX_IMAGE_PIXELS = 8_000
/** The longest PDF the model accepts. */
const MAX_PDF_PAGES = 100
/** More text than this is beyond any model's context. */
const MAX_TEXT_BYTES = 2 * MIB

export const UNREADABLE_FILE = 'I can read pictures, PDF and plain text files. This one is of another kind.'

/** Its bytes have to say what it is. */
const UNKNOWN_TYPE = 'application/octet-stream'
const IMAGE_TYPES = new Set(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])
/** Other names of these types, and the types of programs that do not know what they send. */
const UNTOLD_TYPES =
  /^(?:|application\/(?:octet-stream|x-octet-stream|unknown|x-download|download|force-download|binary)|binary\/octet-stream|image\/(?:jpg|pjpeg|jfif|x-png|apng|x-gif|x-webp|\*)|unknown\/unknown)$/
const IMAGE_NAMES = /\.(?:jpe?g|jpe|jfif|png|gif|webp)$/i
/** What is something else beyond doubt is not fetched to find that out. */
const OTHER_NAMES =
  /\.(?:zip|rar|7z|t?gz|bz2|xz|zst|tar|iso|dmg|exe|msi|dll|apk|ipa|deb|rpm|jar|docx?|xlsx?|pptx?|od[tsp]|rtf|pages|numbers|key|epub|mobi|mp[34]|m4[av]|mov|avi|mkv|webm|wav|ogg|oga|opus|flac|aac|heic|heif|tiff?|bmp|ico|psd|ai|avif|raw|cr2|nef|dng|ttf|otf|woff2?|db|sqlite|pyc|class|o|so)$/i
const TEXT_TYPES =
  /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|javascript|typescript|sql|x-sh|x-ndjson)\b)/i
const TEXT_NAMES =
  /\.(?:txt|md|markdown|rst|csv|tsv|log|json|jsonl|ya?ml|toml|ini|cfg|conf|xml|html?|css|js|mjs|cjs|ts|tsx|jsx|py|rb|go|rs|java|kt|swift|c|h|cc|cpp|hpp|cs|php|sh|bash|sql|lua|pl|r|tex|diff|patch)$/i

/**
 * The kind as which the model can be shown a file of this media type and name, as far as they tell;
 * `application/octet-stream`: its bytes have to tell. Null: it cannot read it.
 */
export function readableType(mime: string, name: string): string | null {
  const type = mime.toLowerCase().split(';', 1)[0]!.trim()
  if (IMAGE_TYPES.has(type)) return type
  if (/^application\/(?:x-)?pdf$/.test(type) || /\.pdf$/i.test(name)) return 'application/pdf'
  if (isTextFile(type, name)) return 'text/plain'
  if (!UNTOLD_TYPES.test(type)) return null
  if (type.startsWith('image/') || IMAGE_NAMES.test(name)) return 'image/jpeg'
  return OTHER_NAMES.test(name) ? null : UNKNOWN_TYPE
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

/**
 * @param mediaType as `readableType` gives it
 * @param name how the sentence calls the file, where there are several; null = it is the only one
 */
export function fileLimit(mediaType: string, name: string | null = null): FileLimit {
  if (mediaType.startsWith('image/')) {
    const tooLarge = `${name ?? 'This picture'} is larger than 3.75 MB. Please send a smaller one.`
    return { maxBytes: MAX_IMAGE_BYTES, tooLarge }
  }
  const file = name ?? 'This file'
  if (mediaType === 'text/plain') {
    const tooLarge = `${file} holds more text than I can read at once. Please send a part of it.`
    return { maxBytes: MAX_TEXT_BYTES, tooLarge }
  }
  return { maxBytes: MAX_FILE_BYTES, tooLarge: `${file} is larger than 20 MB. Please send a smaller one.` }
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

/**
 * A file as the model is shown it. What the sender's program says of it is often wrong, and the model
 * reads the bytes.
 *
 * @param mediaType as `readableType` gives it
 * @param calledName as for `fileLimit`
 * @throws Refused with the sentence for the person: of another kind, too large, locked
 */
export function readFile(
  { mediaType, name, bytes }: Attachment,
  calledName: string | null = null,
): Attachment {
  const text = mediaType === 'text/plain' || mediaType === UNKNOWN_TYPE
  const found = sniff(bytes) ?? (text && isText(bytes) ? 'text/plain' : null)
  if (found === null) {
    throw new Refused(
      calledName === null
        ? UNREADABLE_FILE
        : `I can read pictures, PDF and plain text files. ${calledName} is of another kind.`,
    )
  }
  return withinLimits({ mediaType: found, name, bytes }, calledName)
}

/**
 * The same file, whose media type its bytes have shown.
 *
 * @throws Refused where the model would refuse it: too large, too long, locked
 */
export function withinLimits(file: Attachment, calledName: string | null = null): Attachment {
  const problem = problemOf(file.mediaType, file.bytes, calledName)
  if (problem !== null) throw new Refused(problem)
  return file
}

function isText(bytes: Uint8Array): boolean {
  return bytes.length > 0 && (!bytes.includes(0) || wideSetOf(bytes) !== null)
}

/** What the model would refuse of it; null = nothing. */
function problemOf(mediaType: string, bytes: Uint8Array, name: string | null): string | null {
  const { maxBytes, tooLarge } = fileLimit(mediaType, name)
  if (bytes.length > maxBytes) return tooLarge
  if (mediaType === 'text/plain' && isBlank(decodeText(bytes))) return `${name ?? 'This file'} is empty.`
  const size = imageSize(mediaType, bytes)
  if (size && Math.max(size.width, size.height) > MAX_IMAGE_PIXELS) {
    return `${name ?? 'This picture'} is more than 8,000 pixels wide or high. Please send a smaller one.`
  }
  if (mediaType !== 'application/pdf') return null
  const { locked, pages } = pdfFacts(bytes)
  const file = name ?? 'This PDF'
  if (locked) return `${file} is locked with a password. Please send it without one.`
  return pages !== null && pages > MAX_PDF_PAGES
    ? `${file} has more than ${MAX_PDF_PAGES} pages. Please send a part of it.`
    : null
}
