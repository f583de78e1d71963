import type { MarkedToken, Token, Tokens } from 'marked'
import { lexMarkdown } from '../../../support/text/lex-markdown.ts'
import { decodeEntities } from '../../kit/send/entities.ts'

/**
 * Markdown, as models write it, into Slack's mrkdwn. Whatever Markdown has and mrkdwn has not
 * becomes readable text: headings are bold, lists have bullets, tables are aligned in a fixed
 * width. Nothing in it can call anybody: `&`, `<` and `>` are escaped, so that `<!channel>` and
 * `<@U…>` are shown as they are written.
 *
 * @throws RangeError for a source that is nested too deeply: it is better sent as it is
 * @see https://docs.slack.dev/messaging/formatting-message-text
 */
export function toMrkdwn(markdown: string): string {
  const tokens = lexMarkdown(markdown.replaceAll('\0', ''))
  return blocks(tokens).trim()
}

/** The text as it is; escaped as above. */
export function toPlainText(text: string): string {
  return escape(text.replaceAll('\0', ''))
}

const BULLETS = ['•', '◦', '▪']
const INDENT = '    '
/** A wider table would wrap on a phone whatever we do, and padding would only eat the message's length. */
const WIDEST_PADDED_CELL = 40
/** Slack sees a mark only next to white space or punctuation; this is neither seen nor printed. */
const JOINT = '\u200b'

function blocks(tokens: readonly Token[]): string {
  let out = ''
  for (const token of tokens as readonly MarkedToken[]) {
    if (token.type === 'space' || token.type === 'def') continue
    const text = block(token)
    if (text === '') continue
    out += out === '' ? text : `\n\n${text}`
  }
  return out
}

function block(token: MarkedToken): string {
  switch (token.type) {
    case 'heading':
      return wrap('*', inline(token.tokens, true))
    case 'paragraph':
      return inline(token.tokens, false)
    case 'code':
      return code(token.text)
    case 'blockquote':
      return blocks(token.tokens)
        .split('\n')
        .map((line) => `> ${line}`)
        .join('\n')
    case 'list':
      return list(token, 0)
    case 'table':
      return table(token)
    case 'hr':
      return '———'
    case 'html':
      return escape(token.text).trim()
    default:
      return inline([token], false)
  }
}

function list(list: Tokens.List, depth: number): string {
  let number = list.start === '' ? 1 : list.start
  const lines: string[] = []
  for (const entry of list.items) {
    const mark = list.ordered ? `${number++}.` : BULLETS[Math.min(depth, BULLETS.length - 1)]
    lines.push(`${INDENT.repeat(depth)}${mark} ${item(entry, depth)}`)
  }
  return lines.join(list.loose && depth === 0 ? '\n\n' : '\n')
}

function item(entry: Tokens.ListItem, depth: number): string {
  let out = ''
  for (const token of entry.tokens as readonly MarkedToken[]) {
    if (token.type === 'space') continue
    if (token.type === 'checkbox') {
      out += token.checked ? '☑ ' : '☐ '
      continue
    }
    const text = token.type === 'list' ? list(token, depth + 1) : block(token)
    out += out === '' || /[☑☐] $/.test(out) ? text : `\n${text}`
  }
  return out
}

function table(table: Tokens.Table): string {
  const rows = [table.header, ...table.rows].map((row) => row.map((cell) => plain(cell.tokens)))
  const widths = table.header.map((_, column) =>
    Math.min(WIDEST_PADDED_CELL, Math.max(...rows.map((row) => width(row[column] ?? '')))),
  )
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - width(cell))))
      .join(' | ')
      .trimEnd(),
  )
  lines.splice(1, 0, widths.map((size) => '-'.repeat(size)).join('-+-'))
  return code(lines.join('\n'))
}

/** @param bold the text is bold already, which cannot be nested */
function inline(tokens: readonly Token[], bold: boolean): string {
  let out = ''
  let marked = false
  for (const token of tokens as readonly MarkedToken[]) {
    const text = span(token, bold)
    const marks = MARKED.has(token.type) && text !== ''
    if ((marks && /[\p{L}\p{N}_]$/u.test(out)) || (marked && /^[\p{L}\p{N}_]/u.test(text))) out += JOINT
    out += text
    if (text !== '') marked = marks
  }
  return out
}

const MARKED = new Set(['strong', 'em', 'del', 'codespan'])

function span(token: MarkedToken, bold: boolean): string {
  switch (token.type) {
    case 'strong':
      return bold ? inline(token.tokens, true) : wrap('*', inline(token.tokens, true))
    case 'em':
      return wrap('_', inline(token.tokens, bold))
    case 'del':
      return wrap('~', inline(token.tokens, bold))
    case 'codespan':
      return wrap('`', escape(token.text))
    case 'br':
      return '\n'
    case 'link':
      return link(token.href, inline(token.tokens, bold), token.raw)
    case 'image':
      return link(token.href, escape(decodeEntities(token.text || token.href)), token.raw)
    case 'text':
      return token.tokens ? inline(token.tokens, bold) : escape(decodeEntities(token.text))
    case 'escape':
      return escape(token.text)
    default:
      return escape(token.raw)
  }
}

/** Only web and mail addresses become links; others stay readable as written. */
function link(href: string, label: string, raw: string): string {
  if (!/^(?:https?:\/\/|mailto:)\S/i.test(href)) return escape(raw)
  const target = escape(decodeEntities(href)).replaceAll('|', '%7C').replaceAll(/\s/g, '%20')
  const words = label.replaceAll(/\s+/g, ' ').trim()
  // Slack finds bare mail addresses automatically, and copies them better.
  if (target === `mailto:${words}`) return words
  return words === '' || words === target ? `<${target}>` : `<${target}|${words.replaceAll('|', '¦')}>`
}

/** Marks take effect only where they touch the words that they stand round. */
function wrap(mark: string, inner: string): string {
  const words = inner.trim()
  if (words === '') return inner
  const at = inner.indexOf(words)
  return `${inner.slice(0, at)}${mark}${words}${mark}${inner.slice(at + words.length)}`
}

function code(text: string): string {
  if (text === '') return ''
  // Three backticks within would end it.
  return `\`\`\`\n${escape(text).replaceAll('```', `\`\`${JOINT}\``)}\n\`\`\``
}

/** The words of a table's cell, where there is neither emphasis nor a link: an address stands behind its words. */
function plain(tokens: readonly Token[]): string {
  return (tokens as readonly MarkedToken[]).map(plainSpan).join('')
}

function plainSpan(token: MarkedToken): string {
  switch (token.type) {
    case 'link':
      return withAddress(plain(token.tokens), token)
    case 'image':
      return withAddress(decodeEntities(token.text), token)
    case 'br':
      return ' '
    case 'text':
      return token.tokens ? plain(token.tokens) : decodeEntities(token.text)
    default:
      if ('tokens' in token && token.tokens) return plain(token.tokens)
      return 'text' in token ? token.text : token.raw
  }
}

function withAddress(words: string, { href, raw }: Tokens.Link | Tokens.Image): string {
  if (!/^(?:https?:\/\/|mailto:)/i.test(href)) return raw
  const address = decodeEntities(href).replace(/^mailto:/i, '')
  return words === '' || words === address || raw === words ? address : `${words} (${address})`
}

function width(text: string): number {
  return [...text].length
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
