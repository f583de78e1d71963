import type { Attachment as Part } from 'mailparser'
import type { Attachment } from '../../../inbox/message.ts'
import { Refused } from '../../../support/errors.ts'
import { fileLimit, isTextFile } from '../../kit/readable-file.ts'
import { sniff } from '../../kit/sniff.ts'

/** Pictures within the text below this size are logos and icons of a signature. */
const LOGO_BYTES = 10 * 1024
/** More files than this are an archive, not a question. */
const MAX_FILES = 20

/** What mails carry beside the files that people send elsewhere. */
const MAIL_TYPE = /^message\/rfc822/i
const MAIL_NAMES = /\.(?:ics|eml)$/i
/** What mail programs add, and nobody means as a file. */
const TRIMMINGS =
  /^(?:application\/(?:pgp-signature|pkcs7-signature|x-pkcs7-signature|pgp-keys)|text\/(?:x-)?vcard)\b/i

/**
 * The files of a mail that are to be read with it. Nothing is checked before it is asked for.
 *
 * @see InboundEvent a loader throws Refused with the sentence for the person
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
  if (bytes.length > fileLimit(mediaType).maxBytes) throw new Refused(`${name} ${tooLarge(mediaType)}`)
  return { mediaType, name, bytes }
}

function isText({ contentType, filename = '', content }: Part): boolean {
  const known = isTextFile(contentType, filename) || MAIL_TYPE.test(contentType) || MAIL_NAMES.test(filename)
  return known && !content.includes(0)
}

function tooLarge(mediaType: string): string {
  if (mediaType.startsWith('image/')) return 'is larger than 5 MB. Please send a smaller one.'
  if (mediaType === 'text/plain') return 'holds more text than I can read at once. Please send a part of it.'
  return 'is larger than 20 MB. Please send a smaller one.'
}

/** On one line and short: the name stands in sentences and lists. */
function nameOf(part: Part): string {
  const name = (part.filename ?? '').replace(/[\p{Cc}\p{Cf}/\\]+/gu, ' ').trim()
  return name === '' ? 'file' : name.slice(0, 120)
}
