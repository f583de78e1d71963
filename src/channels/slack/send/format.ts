import type { MarkedToken, Token } from 'marked'
import { lexMarkdown } from '../../../support/text/lex-markdown.ts'
import { decodeEntities, joinBlocks, listAsText, tableAsText } from '../../kit/send/plain-text.ts'

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
  return joinBlocks(tokens, block).trim()
}

/** The text as it is; escaped as above. */
export function toPlainText(text: string): string {
  return escape(text.replaceAll('\0', ''))
}

const INDENT = '    '
/** Slack sees a mark only next to white space or punctuation; this is neither seen nor printed. */
const JOINT = '\u200b'

function block(token: MarkedToken): string {
  switch (token.type) {
    case 'heading':
      return wrap('*', inline(token.tokens, true))
    case 'paragraph':
      return inline(token.tokens, false)
    case 'code':
      return code(token.text)
    case 'blockquote':
      return joinBlocks(token.tokens, block)
        .split('\n')
        .map((line) => `> ${line}`)
        .join('\n')
    case 'list':
      return listAsText(token, INDENT, block)
    case 'table':
      return code(tableAsText(token))
    case 'hr':
      return '———'
    case 'html':
      return escape(token.text).trim()
    default:
      return inline([token], false)
  }
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

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
