import type { Attachment as Part } from 'mailparser'
import type { Attachment } from '../../../inbox/message.ts'
import { Refused } from '../../../support/errors.ts'
import { readableType, readFile } from '../../kit/files/readable-file.ts'
import { sniff } from '../../kit/files/sniff.ts'

/** Pictures within the text below this size are logos and icons of a signature. */
const LOGO_BYTES = 10 * 1024
/** More files than this are an archive, not a question. */
const MAX_FILES = 20

/** What mails carry in addition to the files that people send elsewhere. */
const MAIL_TYPE = /^message\/rfc822/i
const MAIL_NAMES = /\.(?:ics|eml)$/i
/** What mail programs add, and nobody means as a file. */
const TRIMMINGS =
  /^(?:application\/(?:pgp-signature|pkcs7-signature|x-pkcs7-signature|pgp-keys|(?:vnd\.)?ms-tnef|applefile)|text\/(?:(?:x-)?vcard|x-amp-html))\b/i
/** How programs call what they add: Outlook its own form of the text, a Mac what only it needs of a file. */
const TRIMMING_NAMES =
  /^(?:winmail\.dat|win\.dat|ATT\d{3,6}(?:\.\w{1,4})?|\._.*|smime\.p7s|\.ds_store|signature\.asc|openpgp_signature(?:\.asc)?|openpgp_0x[\da-f]{1,40}\.asc|oledata\.mso)$/i

/** Seals of S/MIME: a mail, or a part of one, that can only be read by opening it. */
const SEALED = /^application\/(?:x-)?pkcs7-mime\b/i
const CANNOT_DECRYPT = "I can't read encrypted mail. Please send it without encryption."
const CANNOT_UNPACK =
  "Your mail is signed in a form that I can't read. Please send it unsigned, or signed in clear text."
/** What is sealed without being secret. @see RFC 8551 §3.2.2 */
const NOT_SECRET: ReadonlySet<unknown> = new Set(['signed-data', 'certs-only', 'compressed-data'])

/**
 * The sentence for a mail or a part of a type that cannot be opened; null = it is another type.
 *
 * @param header its Content-Type as the parser read it
 */
export function sealedSentence(contentType: string, header: unknown): string | null {
  if (/^multipart\/encrypted\b/i.test(contentType)) return CANNOT_DECRYPT
  if (!SEALED.test(contentType)) return null
  const { params = {} } = (header ?? {}) as { params?: Readonly<Record<string, unknown>> }
  return NOT_SECRET.has(String(params['smime-type']).toLowerCase()) ? CANNOT_UNPACK : CANNOT_DECRYPT
}

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
  if (TRIMMING_NAMES.test(part.filename ?? '') && sniff(part.content) === null) return true
  const inline = part.related || part.contentDisposition === 'inline'
  if (!inline || !/^image\//i.test(part.contentType)) return false
  // Within the text also drawings are found that nobody sent on purpose and the model cannot see.
  return part.content.length < LOGO_BYTES || sniff(part.content) === null
}

function read(part: Part): Attachment {
  const sealed = sealedSentence(part.contentType, part.headers.get('content-type'))
  if (sealed !== null) throw new Refused(sealed)
  const { contentType, filename = '' } = part
  const name = nameOf(part)
  const isMail = MAIL_TYPE.test(contentType) || MAIL_NAMES.test(filename)
  const mediaType = isMail ? 'text/plain' : (readableType(contentType, filename) ?? contentType)
  return readFile({ mediaType, name, bytes: new Uint8Array(part.content) }, name)
}

/** On one line and short: the name is put into sentences and lists. */
function nameOf(part: Part): string {
  const name = (part.filename ?? '').replace(/[\p{Cc}\p{Cf}/\\]+/gu, ' ').trim()
  return name === '' ? 'file' : name.slice(0, 120)
}
