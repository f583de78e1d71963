import DOMPurify from 'dompurify'
import { Marked, type Tokens } from 'marked'

/**
 * Answers as HTML. What the model writes is data from outside: it is cleaned of
 * everything that runs, loads or frames, and pictures become links, so that showing
 * an answer asks no other server for anything.
 */
const marked = new Marked({
  gfm: true,
  breaks: true,
  renderer: {
    code({ text, lang }: Tokens.Code) {
      const language = /^[\w+#.-]{1,20}/.exec(lang ?? '')?.[0] ?? ''
      return (
        `<div class="code"><div class="code-head"><span>${escape(language || 'text')}</span>` +
        `<button type="button" class="copy">Copy</button></div>` +
        `<pre tabindex="0"><code>${escape(text)}</code></pre></div>`
      )
    },
    image({ href, text }: Tokens.Image) {
      return `<a href="${escape(href)}">${escape(text || href)}</a>`
    },
    table(
      this: { parser: { parseInline(tokens: Tokens.TableCell['tokens']): string } },
      token: Tokens.Table,
    ) {
      const row = (cells: readonly Tokens.TableCell[], tag: string): string =>
        `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`
      const body = token.rows.map((cells) => row(cells, 'td')).join('')
      // Wide tables scroll by themselves, not with the page.
      return `<div class="table" tabindex="0"><table><thead>${row(token.header, 'th')}</thead><tbody>${body}</tbody></table></div>`
    },
  },
})

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A') return
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer nofollow')
})

const ALLOWED = {
  ALLOWED_TAGS: (
    'a b blockquote br button code del div em h1 h2 h3 h4 h5 h6 hr i input kbd li ol p pre s span strong ' +
    'sub sup table tbody td th thead tr ul'
  ).split(' '),
  ALLOWED_ATTR: ['href', 'class', 'type', 'tabindex', 'start', 'checked', 'disabled', 'title'],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  RETURN_TRUSTED_TYPE: true,
} as const

/** Puts `text`, read as Markdown, into `element`. */
export function showMarkdown(element: HTMLElement, text: string): void {
  const html = marked.parse(text, { async: false })
  element.innerHTML = DOMPurify.sanitize(html, ALLOWED as never) as unknown as string
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
