import DOMPurify from 'dompurify'
import { Marked, type Tokens } from 'marked'
import { lexMarkdown } from '../../src/support/text/lex-markdown.ts'

/**
 * Answers as HTML. What the model writes is data from outside: raw HTML in it is shown as written,
 * the rest is cleaned of everything that runs, loads or frames, and of whatever could look like the
 * page itself. Pictures become links, so that showing an answer asks no other server for anything.
 */
const marked = new Marked({
  gfm: true,
  renderer: {
    html: ({ text }: Tokens.HTML | Tokens.Tag) => escape(text),
    checkbox: ({ checked }: Tokens.Checkbox) => (checked ? '☑ ' : '☐ '),
    code({ text, lang }: Tokens.Code) {
      const language = /^[\w+#.-]{1,20}/.exec(lang ?? '')?.[0] ?? 'text'
      return `<pre ${LANGUAGE}="${escape(language)}"><code>${escape(text)}</code></pre>`
    },
    image({ href, text }: Tokens.Image) {
      return `<a href="${escape(href)}">${escape(text || href)}</a>`
    },
  },
})

/** Carries a block's language through the cleaner, to the head that is put on it afterwards. */
const LANGUAGE = 'data-language'

DOMPurify.addHook('afterSanitizeAttributes', (node) => {
  if (node.nodeName !== 'A') return
  node.setAttribute('target', '_blank')
  node.setAttribute('rel', 'noopener noreferrer nofollow')
})

/** What Markdown can say. No class, style or id: with those of the page an answer could cover it, or speak in its name. */
const ALLOWED = {
  ALLOWED_TAGS:
    'a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li ol p pre strong table tbody td th thead tr ul'.split(
      ' ',
    ),
  ALLOWED_ATTR: ['href', 'start', 'title', LANGUAGE],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  RETURN_TRUSTED_TYPE: true,
} as const

/** Renders `text` as Markdown into `element`. */
export function showMarkdown(element: HTMLElement, text: string): void {
  try {
    const html = marked.parser(lexMarkdown(text, { breaks: true }))
    element.innerHTML = DOMPurify.sanitize(html, ALLOWED as never) as unknown as string
  } catch {
    // Nested too deeply: unreadable with or without formatting.
    element.textContent = text
    return
  }
  element.querySelectorAll('pre').forEach(frameCode)
  element.querySelectorAll('table').forEach(frameTable)
}

/** Puts a head with the language and a button round a block of code. */
function frameCode(pre: HTMLPreElement): void {
  const language = document.createElement('span')
  language.textContent = pre.getAttribute(LANGUAGE)
  pre.removeAttribute(LANGUAGE)
  const copy = document.createElement('button')
  copy.type = 'button'
  copy.className = 'copy'
  copy.textContent = 'Copy'
  const head = document.createElement('div')
  head.className = 'code-head'
  head.append(language, copy)
  const frame = document.createElement('div')
  frame.className = 'code'
  pre.replaceWith(frame)
  pre.tabIndex = 0
  frame.append(head, pre)
}

/** Wide tables scroll on their own, not with the page. */
function frameTable(table: HTMLTableElement): void {
  const frame = document.createElement('div')
  frame.className = 'table'
  frame.tabIndex = 0
  table.replaceWith(frame)
  frame.append(table)
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)
}
