import { Marked, type Tokens } from 'marked'
import type Mail from 'nodemailer/lib/mailer'
import { lexMarkdown } from '../../../support/text/lex-markdown.ts'
import { decodeEntities } from '../../kit/send/plain-text.ts'
import { replySubject } from '../intake/parse-mail.ts'
import type { MailAddress } from '../mail-address.ts'
import type { AnsweredMail } from '../mailbox/mailbox.ts'
import { answerId, messageIds, type MessageId, type Target } from './thread.ts'

/** A References field may grow with a thread; its first and its last ids are what programs read. */
const MAX_REFERENCES = 20
/** The first line of a mail that answers nothing is its subject. */
const MAX_SUBJECT = 120

export interface Answer {
  readonly from: MailAddress
  readonly target: Target
  readonly text: string
  readonly key: string
  /** The mail that it answers; null = none. */
  readonly replyTo: MessageId | null
  /** What is known of that mail; null = it could not be had. */
  readonly answered: AnsweredMail | null
}

/**
 * The mail for an answer. Pure. The same answer always has the same Message-ID. What comes from
 * outside (subject, ids) is on one line here and is encoded by the library, so that nobody's words
 * become a field.
 */
export function composeAnswer(answer: Answer): Mail.Options & { readonly messageId: MessageId } {
  const { from, target, text, key, replyTo, answered } = answer
  const parent = messageIds(replyTo)[0] ?? null
  const references = messageIds(answered?.references ?? null).filter((id) => id !== parent)
  if (parent !== null) references.push(parent)
  const html = toMailHtml(text)
  return {
    from,
    to: target.to,
    subject: parent === null && !answered ? firstLine(text) : replySubject(answered?.subject ?? ''),
    text,
    ...(html === null ? {} : { html }),
    messageId: answerId(key, target, from),
    ...(parent === null ? {} : { inReplyTo: parent, references: shortened(references) }),
    // Keeps vacation programs quiet, and other gateways from answering. @see RFC 3834 §5
    headers: {
      'Auto-Submitted': parent === null ? 'auto-generated' : 'auto-replied',
      'X-Auto-Response-Suppress': 'All',
    },
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}

function shortened(references: readonly MessageId[]): string[] {
  const unique = [...new Set(references)]
  if (unique.length <= MAX_REFERENCES) return unique
  return [unique[0]!, ...unique.slice(1 - MAX_REFERENCES)]
}

function firstLine(text: string): string {
  const line = text.split('\n').find((candidate) => candidate.trim() !== '') ?? ''
  const plain = line.replace(/[\p{Cc}\p{Zl}\p{Zp}#*`]+/gu, ' ').trim()
  return plain === '' ? 'A message' : plain.slice(0, MAX_SUBJECT)
}

const markdown = new Marked({
  gfm: true,
  renderer: {
    // What a model writes is text: nothing of it becomes markup that it wrote itself.
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escape(text),
    link({ href, tokens }: Tokens.Link) {
      const label = this.parser.parseInline(tokens)
      return isWebAddress(href) ? `<a href="${escape(decodeEntities(href))}">${label}</a>` : label
    },
    // A picture from elsewhere would tell its server who reads this, and when.
    image: ({ href, text }: Tokens.Image) =>
      isWebAddress(href)
        ? `<a href="${escape(decodeEntities(href))}">${escape(decodeEntities(text || href))}</a>`
        : escape(decodeEntities(text)),
  },
})

/** Markdown as simple HTML; null: it is better read as it was written. */
export function toMailHtml(text: string): string | null {
  try {
    const body = markdown.parser(lexMarkdown(text.replaceAll('\0', '')))
    return `<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>${body}</body></html>`
  } catch {
    return null
  }
}

function isWebAddress(href: string): boolean {
  return /^(?:https?:\/\/|mailto:)[^\s]/i.test(href)
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
