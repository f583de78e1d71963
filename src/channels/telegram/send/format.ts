import type { MarkedToken, Token } from 'marked'
import { lexMarkdown } from '../../../support/text/lex-markdown.ts'
import { decodeEntities, joinBlocks, listAsText, tableAsText } from '../../kit/send/plain-text.ts'

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

const INDENT = '   '

class Writer {
  readonly #group: boolean

  constructor(group: boolean) {
    this.#group = group
  }

  blocks(tokens: readonly Token[], quoted = false): string {
    return joinBlocks(tokens, (token) => this.#block(token, quoted))
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
        return listAsText(token, INDENT, (inner) => this.#block(inner, quoted))
      case 'table':
        return `<pre>${escape(tableAsText(token))}</pre>`
      case 'hr':
        return '———'
      case 'html':
        return this.#text(token.text).trim()
      default:
        return this.#inline([token])
    }
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

function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
