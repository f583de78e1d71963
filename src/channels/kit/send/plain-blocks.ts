import type { MarkedToken, Token, Tokens } from 'marked'
import { decodeEntities } from './entities.ts'

/** The blocks of Markdown that platforms without lists and tables show as text. */

/** How a platform writes one block. */
type WriteBlock = (token: MarkedToken) => string

const BULLETS = ['•', '◦', '▪']
/** A wider table would wrap on a phone whatever we do, and padding would only eat the message's length. */
const WIDEST_PADDED_CELL = 40

/** Blocks below each other; what shows nothing takes no room. */
export function joinBlocks(tokens: readonly Token[], write: WriteBlock): string {
  return (tokens as readonly MarkedToken[])
    .filter(({ type }) => type !== 'space' && type !== 'def')
    .map(write)
    .filter((text) => text !== '')
    .join('\n\n')
}

/** @param indent before each line, once for each list that it is in */
export function listAsText(list: Tokens.List, indent: string, write: WriteBlock, depth = 0): string {
  let number = list.start === '' ? 1 : list.start
  const lines: string[] = []
  for (const entry of list.items) {
    const mark = list.ordered ? `${number++}.` : BULLETS[Math.min(depth, BULLETS.length - 1)]
    const inner: WriteBlock = (token) =>
      token.type === 'list' ? listAsText(token, indent, write, depth + 1) : write(token)
    lines.push(`${indent.repeat(depth)}${mark} ${itemAsText(entry, inner)}`)
  }
  return lines.join(list.loose && depth === 0 ? '\n\n' : '\n')
}

function itemAsText(entry: Tokens.ListItem, write: WriteBlock): string {
  let out = ''
  for (const token of entry.tokens as readonly MarkedToken[]) {
    if (token.type === 'space') continue
    if (token.type === 'checkbox') {
      out += token.checked ? '☑ ' : '☐ '
      continue
    }
    const text = write(token)
    out += out === '' || /[☑☐] $/.test(out) ? text : `\n${text}`
  }
  return out
}

/** Its lines, aligned for a fixed width. */
export function tableAsText(table: Tokens.Table): string {
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
  return lines.join('\n')
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
