import { Readable } from 'node:stream'
import type { ParsedMail as LibraryMail, simpleParser } from 'mailparser'
import type { Quotation } from '../../../inbox/about.ts'
import type { Attachment } from '../../../inbox/message.ts'
import { decodeEscapes, decodeText } from '../../../support/text/decode-text.ts'
import { looksLikeSignInPaste } from '../../../support/text/token-shape.ts'
import type { MailAddress } from '../mail-address.ts'
import { filesOf, sealedSentence } from './attachments.ts'
import { MAX_MATCHED_CHARACTERS, type Headers } from './headers.ts'
import { splitForward } from './split-forward.ts'
import { splitQuotes } from './strip-quotes.ts'

/** A mail as its reader sees it. */
export interface ParsedMail {
  /** How the sender calls himself; proves nothing. */
  readonly name: string | null
  readonly subject: string
  readonly text: string
  readonly files: ReadonlyArray<() => Promise<Attachment>>
  /** The short reply for what cannot be read; null = it can. */
  readonly unsupported: string | null
  /** Passed on: its text may be somebody else's. */
  readonly forwarded: boolean
  /** What it answers or passes on, as far as the mail holds that; null = nothing. */
  readonly quotation: Quotation | null
}

const KIB = 1024
/** The parser gets the mail in pieces, so that other work continues between them. */
const PIECE_BYTES = 64 * KIB
/** Turning a longer page into text would take long: nearly all of it is what others wrote before. */
const MAX_HTML_CHARACTERS = 1024 * KIB
/** So far such a page is read: what is new in an answer is at its beginning. */
const PAGE_BEGINNING = 256 * KIB

const PARSING = {
  skipTextToHtml: true,
  skipImageLinks: true,
  keepCidLinks: true,
  maxHtmlLengthToParse: MAX_HTML_CHARACTERS,
} as const

/** What represents a picture of the page in the text, and what no text may hold. */
const LEFTOVERS = /\[cid:[^\]\s]{1,200}\]|\0/g

const CANNOT_READ = "I couldn't read your mail. Please send it as plain text."

/** How subjects of answers begin, in the usual languages. */
const REPLY =
  /^\s*(?:re|aw|antw|antwort|sv|vs|odp|rif|rép|resp|ynt|atb|回复|回覆|ответ)\s*(?:(?:\[\d+\]|\(\d+\))\s*)?[:：]/iu
/** Line breaks, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]+/gu
/** Nobody reads more of a subject. */
const MAX_SUBJECT = 250

/** How subjects of forwarded mails begin. */
const FORWARD = /^\s*(?:fwd?|wg|tr|rv|enc|i|doorst|vb|vl|转发|轉寄|пересл)\s*[:：]/iu

/**
 * Reads a whole mail, its header included. Never throws: what cannot be read says so in `unsupported`.
 *
 * @param own our address
 */
export async function parseMail(
  source: Uint8Array,
  headers: Headers,
  own: MailAddress | null = null,
): Promise<ParsedMail> {
  let mail: LibraryMail
  let words: Words | null
  try {
    // Loaded with the first mail: a start must not wait for it.
    const { simpleParser } = await import('mailparser')
    mail = await simpleParser(Readable.from(pieces(source)), PARSING)
    words = await wordsOf(mail, simpleParser)
    if (words?.text.includes('\ufffd') && isPlainWithoutSet(headers.start('content-type'))) {
      words = { text: await wordsByTheirBytes(source, simpleParser), cut: false }
    }
  } catch {
    return unreadable(CANNOT_READ)
  }
  const sealed = sealedSentence(headers.start('content-type') ?? '', mail.headers.get('content-type'))
  if (sealed !== null) return unreadable(sealed)
  if (words === null) return unreadable(CANNOT_READ)
  const subject = decodeEscapes(mail.subject ?? '')
  const beginning = subject.slice(0, MAX_MATCHED_CHARACTERS)
  const forwarded = FORWARD.test(beginning)
  const answers = headers.first('in-reply-to') !== null || headers.first('references') !== null
  const isReply = !forwarded && (answers || REPLY.test(beginning))
  const text = words.text.replace(/\r\n?/g, '\n').replace(LEFTOVERS, '')
  const passedOn = forwarded ? splitForward(text) : null
  const { text: body, quoted } = splitQuotes(passedOn?.text ?? text, isReply, own)
  // Of a page that was read in part, all that is new must be in that part.
  if (words.cut && text.trimEnd().endsWith(passedOn?.forwarded ?? body)) return unreadable(CANNOT_READ)
  return {
    name: nameOf(mail),
    subject,
    text: isReply ? body : withSubject(subject, body),
    files: filesOf(mail.attachments),
    unsupported: null,
    forwarded,
    quotation: passedOn
      ? { kind: 'forward', from: passedOn.from, text: passedOn.forwarded }
      : quoted === null
        ? null
        : { kind: 'reply', from: null, text: quoted },
  }
}

interface Words {
  readonly text: string
  /** It is only the beginning of what was written. */
  readonly cut: boolean
}

/** What the mail says, as text; null: its page cannot be made into one. */
async function wordsOf(
  { text = '', html, textConversionError: failure }: LibraryMail,
  parse: typeof simpleParser,
): Promise<Words | null> {
  // Some programs add a text that is empty to a page that is not.
  const usable = failure === undefined && (text.trim() !== '' || typeof html !== 'string')
  if (usable) return { text: decodeEscapes(text), cut: false }
  if (typeof html !== 'string') return null
  const page = decodeEscapes(html)
  const cut = failure !== undefined && page.length > PAGE_BEGINNING
  const part = cut ? page.slice(0, PAGE_BEGINNING) : page
  const read = await parse(`Content-Type: text/html; charset=utf-8\n\n${part}`, PARSING)
  return read.textConversionError === undefined ? { text: read.text ?? '', cut } : null
}

/** UTF-8 is also what a mail is read as that names no set. */
function isPlainWithoutSet(type: string | null): boolean {
  if (type === null) return true
  const set = /charset\s{0,8}=\s{0,8}"?([\w.:-]{1,40})/i.exec(type)?.[1] ?? 'us-ascii'
  return /^text\/plain\b/i.test(type) && /^(?:us-ascii|ascii|utf-?8)$/i.test(set)
}

/** The words of a mail that says nothing, or something wrong, of the set that they are written in. */
async function wordsByTheirBytes(source: Uint8Array, parse: typeof simpleParser): Promise<string> {
  // The first such field counts. This is ISO-8859-1 by the one name that does not mean Windows-1252 as well.
  const asBytes = Buffer.from('Content-Type: text/plain; charset=cp28591\r\n')
  const { text = '' } = await parse(Buffer.concat([asBytes, source]), PARSING)
  return decodeText(Buffer.from(text, 'latin1'))
}

/**
 * The first mail of a thread may say in its subject what the rest is about, or everything. Not before
 * a command, which is one only at the beginning, nor before a pasted code, which must be seen as such.
 */
function withSubject(subject: string, body: string): string {
  const line = subject.replace(UNPRINTABLE, ' ').trim().slice(0, MAX_SUBJECT)
  if (line === '' || /^\s*\/[a-z]/i.test(body) || looksLikeSignInPaste(body)) return body
  return body.trim() === '' ? line : `Subject: ${line}\n\n${body}`
}

function unreadable(unsupported: string): ParsedMail {
  return { name: null, subject: '', text: '', files: [], unsupported, forwarded: false, quotation: null }
}

function* pieces(source: Uint8Array): Generator<Buffer> {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength)
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES)
}

function nameOf(mail: LibraryMail): string | null {
  const name = decodeEscapes(mail.from?.value[0]?.name ?? '')
    .replace(UNPRINTABLE, ' ')
    .trim()
  return name === '' ? null : name.slice(0, 120)
}

/** The subject of an answer: on one line, with one `Re:` at its beginning. */
export function replySubject(subject: string): string {
  const line = subject.replace(UNPRINTABLE, ' ').trim().slice(0, MAX_SUBJECT)
  if (line === '') return 'Re: your message'
  return REPLY.test(line) ? line : `Re: ${line}`
}
