import { Marked, type Tokens } from 'marked'
import { lexMarkdown } from '../../../support/text/lex-markdown.ts'
import { decodeEntities } from '../../kit/send/plain-text.ts'
import { firstPart as first, splitMarkdown as split } from '../../kit/send/split-markdown.ts'

/**
 * Markdown, as models write it, into the HTML that Matrix programs show. Raw HTML in the source is
 * shown as written, never passed on; pictures become links, for no person's program may fetch one
 * that a model names; links that would look like a mention of somebody lose their target.
 *
 * @throws RangeError for a source that is nested too deeply: it is better sent as it is
 * @see https://spec.matrix.org/latest/client-server-api/#mroommessage-msgtypes
 */
export function toMatrixHtml(markdown: string): string {
  // People see the lines as the model wrote them.
  return MARKED.parser(lexMarkdown(markdown, { breaks: true })).trim()
}

const MARKED = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }) => escape(text),
    link(token) {
      return linkTo(token, this.parser.parseInline(token.tokens))
    },
    image: (token) => linkTo(token, escape(decodeEntities(token.text || token.href))),
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
    code({ text, lang }) {
      const language = /^[A-Za-z0-9_+#.-]+/.exec(lang ?? '')?.[0]
      const kind = language ? ` class="language-${escape(language)}"` : ''
      return `<pre><code${kind}>${escape(text)}\n</code></pre>\n`
    },
    tablecell({ tokens, header }) {
      const tag = header ? 'th' : 'td'
      return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>\n`
    },
  },
})

/** Only addresses of the web and of mail become links; those of Matrix would be shown as people and rooms. */
function linkTo({ href, raw }: Tokens.Link | Tokens.Image, label: string): string {
  if (!/^(?:https?:\/\/|mailto:)[^\s]/i.test(href)) return escape(raw)
  if (/^https?:\/\/(?:[^/?#]*[@.])?matrix\.to(?:[:/?#]|$)/i.test(href)) return label
  const address = escape(decodeEntities(href))
  return `<a href="${address}">${label === '' ? address : label}</a>`
}

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** What is left of a rendering that adds nothing to the plain text. */
const BARE = /^<p>[^<]*<\/p>$/

/**
 * The content of a message that says `part`. It notifies nobody, whatever it contains: an empty
 * `m.mentions` says so to every client.
 *
 * `m.text` although a bot writes it: notices do not notify anybody by the default push rules, and
 * people are waiting for an answer, or an operator for an alert. That no bot answers a bot is
 * seen to on the receiving side.
 */
export function contentOf(part: string): Readonly<Record<string, unknown>> {
  // Some servers take neither an end of text nor half a character.
  const body = part.replaceAll('\0', '').toWellFormed()
  const html = rendered(body)
  return {
    msgtype: 'm.text',
    body,
    ...(html === null ? {} : { format: 'org.matrix.custom.html', formatted_body: html }),
    'm.mentions': {},
  }
}

/** The content that replaces what `eventId` says. The outer text is for programs that know no edits. */
export function editOf(eventId: string, part: string): Readonly<Record<string, unknown>> {
  const content = contentOf(part)
  return {
    msgtype: 'm.text',
    body: `* ${String(content['body'])}`,
    'm.mentions': {},
    'm.new_content': content,
    'm.relates_to': { rel_type: 'm.replace', event_id: eventId },
  }
}

/** Null: the plain text says it all, or cannot be rendered. */
function rendered(body: string): string | null {
  try {
    const html = toMatrixHtml(body)
    return html === '' || BARE.test(html) ? null : html
  } catch {
    // Nesting deeper than the stack: unreadable with or without formatting.
    return null
  }
}

/**
 * Far below what an event may be: while an answer is written every step of it is an event with the
 * whole text, which servers keep for good.
 */
const MAX_MESSAGE_UNITS = 4_000
/** An event is at most 65,536 bytes; the rest is for what the server adds to it. @see https://spec.matrix.org/latest/client-server-api/#size-limits */
const MAX_CONTENT_BYTES = 60_000
/** As long as an event's id may be. */
const LONGEST_ID = `$${'x'.repeat(254)}`

const ROOM = {
  limit: MAX_MESSAGE_UNITS,
  // Every part may have to be edited, which takes its text twice.
  shownLength: (markdown: string) => (sizeOf(markdown) <= MAX_CONTENT_BYTES ? markdown.length : Infinity),
}

/** The messages in which an answer is sent. */
export function splitMarkdown(text: string): readonly string[] {
  return split(text, ROOM)
}

/** The first of the parts, for a draft that shows no more. */
export function firstPart(text: string): string {
  return first(text, ROOM)
}

/** The bytes of the larger of the two forms in which a part is sent. */
export function sizeOf(part: string): number {
  return Buffer.byteLength(JSON.stringify(editOf(LONGEST_ID, part)))
}
