import type { MarkedToken, Token, Tokens } from 'marked'
import { lexMarkdown } from '../../../support/text/lex-markdown.ts'
import { decodeEntities } from '../../kit/send/entities.ts'

/**
 * Markdown, as models write it, into the HTML that Telegram takes. Whatever Markdown has
 * and Telegram has not becomes readable text: headings are bold, lists have bullets, tables
 * are aligned in a fixed width. Raw HTML in the source is shown as written, never passed on.
 *
 * @throws RangeError for a source that is nested too deeply: it is better sent as it is
 * @param options.group in groups an `@name` would call a person: it is shown without doing so
 * @see https://core.telegram.org/bots/api#html-style
 */
export function toTelegramHtml(markdown: string, options: { readonly group: boolean }): string {
  const writer = new Writer(options.group)
  // \0 ends the text for some servers, and can be in no message anyway.
  const tokens = lexMarkdown(markdown.replaceAll('\0', ''))
  return writer.blocks(tokens).trim()
}

/** The text as it is, for when the formatted one was refused; names are kept from calling people as above. */
export function toPlainText(markdown: string, options: { readonly group: boolean }): string {
  const text = markdown.replaceAll('\0', '')
  return options.group ? withoutMentions(text) : text
}

/** Length as Telegram counts it: UTF-16 units after the entities are parsed. */
export function visibleLength(html: string): number {
  return html.replace(/<[^<>]*>/g, '').replace(/&(?:lt|gt|amp|quot);/g, '.').length
}

/** An invisible joiner after the `@` keeps the text readable and the person undisturbed. */
function withoutMentions(text: string): string {
  return text.replace(/(^|[^\w@])@(?=\w)/g, '$1@\u2060')
}

const BULLETS = ['•', '◦', '▪']
const INDENT = '   '
/** A wider table would wrap on a phone whatever we do, and padding would only eat the message's length. */
const WIDEST_PADDED_CELL = 40

class Writer {
  readonly #group: boolean

  constructor(group: boolean) {
    this.#group = group
  }

  blocks(tokens: readonly Token[], quoted = false): string {
    let out = ''
    for (const token of tokens as readonly MarkedToken[]) {
      if (token.type === 'space' || token.type === 'def') continue
      const block = this.#block(token, quoted)
      if (block === '') continue
      out += out === '' ? block : `\n\n${block}`
    }
    return out
  }

  #block(token: MarkedToken, quoted: boolean): string {
    switch (token.type) {
      case 'heading':
        return `<b>${this.#inline(token.tokens)}</b>`
      case 'paragraph':
        return this.#inline(token.tokens)
      case 'code':
        return codeBlock(token.text, token.lang)
      case 'blockquote': {
        const inner = this.blocks(token.tokens, true)
        // Telegram has no quote within a quote.
        return quoted ? inner : `<blockquote>${inner}</blockquote>`
      }
      case 'list':
        return this.#list(token, 0, quoted)
      case 'table':
        return this.#table(token)
      case 'hr':
        return '———'
      case 'html':
        return this.#text(token.text).trim()
      default:
        return this.#inline([token])
    }
  }

  #list(list: Tokens.List, depth: number, quoted: boolean): string {
    let number = list.start === '' ? 1 : list.start
    const lines: string[] = []
    for (const item of list.items) {
      const mark = list.ordered ? `${number++}.` : BULLETS[Math.min(depth, BULLETS.length - 1)]
      lines.push(`${INDENT.repeat(depth)}${mark} ${this.#item(item, depth, quoted)}`)
    }
    return lines.join(list.loose && depth === 0 ? '\n\n' : '\n')
  }

  #item(item: Tokens.ListItem, depth: number, quoted: boolean): string {
    let out = ''
    for (const token of item.tokens as readonly MarkedToken[]) {
      if (token.type === 'space') continue
      if (token.type === 'checkbox') {
        out += token.checked ? '☑ ' : '☐ '
        continue
      }
      const block = token.type === 'list' ? this.#list(token, depth + 1, quoted) : this.#block(token, quoted)
      out += out === '' || /[☑☐] $/.test(out) ? block : `\n${block}`
    }
    return out
  }

  #table(table: Tokens.Table): string {
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
    return `<pre>${escape(lines.join('\n'))}</pre>`
  }

  #inline(tokens: readonly Token[]): string {
    let out = ''
    for (const token of tokens as readonly MarkedToken[]) out += this.#span(token)
    return out
  }

  #span(token: MarkedToken): string {
    switch (token.type) {
      case 'strong':
        return wrap('b', this.#inline(token.tokens))
      case 'em':
        return wrap('i', this.#inline(token.tokens))
      case 'del':
        return wrap('s', this.#inline(token.tokens))
      case 'codespan':
        return wrap('code', escape(token.text))
      case 'br':
        return '\n'
      case 'link':
        return this.#link(token.href, this.#inline(token.tokens), token.raw)
      case 'image':
        return this.#link(token.href, this.#decoded(token.text || token.href), token.raw)
      case 'text':
        return token.tokens ? this.#inline(token.tokens) : this.#decoded(token.text)
      case 'escape':
        return this.#text(token.text)
      default:
        return this.#text(token.raw)
    }
  }

  /** Only web addresses become links: `tg:` ones could call people. Others stay readable as written. */
  #link(href: string, label: string, raw: string): string {
    if (!/^https?:\/\/[^\s]/i.test(href)) return this.#text(raw)
    const address = decodeEntities(href)
    return label === '' ? this.#text(address) : `<a href="${escape(address)}">${label}</a>`
  }

  #decoded(text: string): string {
    return this.#text(decodeEntities(text))
  }

  #text(text: string): string {
    return escape(this.#group ? withoutMentions(text) : text)
  }
}

function wrap(tag: string, inner: string): string {
  return inner === '' ? '' : `<${tag}>${inner}</${tag}>`
}

function codeBlock(text: string, lang: string | undefined): string {
  const language = /^[A-Za-z0-9_+#.-]+/.exec(lang ?? '')?.[0]
  if (text === '') return ''
  return language
    ? `<pre><code class="language-${escape(language)}">${escape(text)}</code></pre>`
    : `<pre>${escape(text)}</pre>`
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
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
