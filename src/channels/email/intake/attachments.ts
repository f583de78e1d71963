import type { Attachment as Part } from 'mailparser'
import type { Attachment } from '../../../inbox/message.ts'
import { Refused } from '../../../support/errors.ts'
import { sniff } from '../../kit/sniff.ts'

const MIB = 1024 * 1024
/** The model takes pictures up to this size. */
const MAX_IMAGE_BYTES = 5 * MIB
const MAX_PDF_BYTES = 20 * MIB
/** More text than this is beyond any model's context. */
const MAX_TEXT_BYTES = 2 * MIB
/** Pictures within the text below this size are logos and icons of a signature. */
const LOGO_BYTES = 10 * 1024
/** More files than this are an archive, not a question. */
const MAX_FILES = 20

const TEXT_TYPES =
  /^(?:text\/|message\/rfc822|application\/(?:json|xml|yaml|x-yaml|toml|javascript|typescript|sql|x-sh|x-ndjson)\b)/i
const TEXT_NAMES =
  /\.(?:txt|md|markdown|rst|csv|tsv|log|json|jsonl|ya?ml|toml|ini|cfg|conf|xml|html?|css|js|mjs|cjs|ts|tsx|jsx|py|rb|go|rs|java|kt|swift|c|h|cc|cpp|hpp|cs|php|sh|bash|sql|lua|pl|r|tex|diff|patch|ics|eml)$/i
/** What mail programs add, and nobody means as a file. */
const TRIMMINGS =
  /^(?:application\/(?:pgp-signature|pkcs7-signature|x-pkcs7-signature|pgp-keys)|text\/(?:x-)?vcard)\b/i

/**
 * The files of a mail that are to be read with it. Nothing is checked before it is asked for.
 *
 * @see Delivered a loader throws Refused with the sentence for the person
 */
export function filesOf(parts: readonly Part[]): ReadonlyArray<() => Promise<Attachment>> {
  const meant = parts.filter((part) => !isTrimming(part))
  if (meant.length > MAX_FILES) {
    return [
      async () => {
        throw new Refused(`Your mail holds more than ${MAX_FILES} files. Please send fewer at once.`)
      },
    ]
  }
  return meant.map((part) => async () => read(part))
}

function isTrimming(part: Part): boolean {
  if (TRIMMINGS.test(part.contentType)) return true
  const inline = part.related || part.contentDisposition === 'inline'
  if (!inline || !/^image\//i.test(part.contentType)) return false
  // Within the text also drawings are found that nobody sent on purpose and the model cannot see.
  return part.content.length < LOGO_BYTES || sniff(part.content) === null
}

function read(part: Part): Attachment {
  const bytes = new Uint8Array(part.content)
  const name = nameOf(part)
  const mediaType = sniff(bytes) ?? (isText(part) ? 'text/plain' : null)
  if (mediaType === null) {
    throw new Refused(`I can read pictures, PDF and plain text files. ${name} is of another kind.`)
  }
  const [limit, words] = limitOf(mediaType)
  if (bytes.length > limit) throw new Refused(`${name} ${words}`)
  return { mediaType, name, bytes }
}

function isText(part: Part): boolean {
  const known = TEXT_TYPES.test(part.contentType) || TEXT_NAMES.test(part.filename ?? '')
  return known && !part.content.includes(0)
}

function limitOf(mediaType: string): readonly [number, string] {
  if (mediaType.startsWith('image/'))
    return [MAX_IMAGE_BYTES, 'is larger than 5 MB. Please send a smaller one.']
  if (mediaType === 'text/plain')
    return [MAX_TEXT_BYTES, 'holds more text than I can read at once. Please send a part of it.']
  return [MAX_PDF_BYTES, 'is larger than 20 MB. Please send a smaller one.']
}

/** On one line and short: the name stands in sentences and lists. */
function nameOf(part: Part): string {
  const name = (part.filename ?? '').replace(/[\p{Cc}\p{Cf}/\\]+/gu, ' ').trim()
  return name === '' ? 'file' : name.slice(0, 120)
}
