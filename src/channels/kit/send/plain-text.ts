import type { MarkedToken, Token, Tokens } from 'marked'

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

/** Those that models write; HTML knows two thousand more. */
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
  ensp: '\u2002',
  emsp: '\u2003',
  thinsp: '\u2009',
  copy: '©',
  reg: '®',
  trade: '™',
  hellip: '…',
  ndash: '–',
  mdash: '—',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  bull: '•',
  middot: '·',
  sect: '§',
  para: '¶',
  deg: '°',
  plusmn: '±',
  times: '×',
  divide: '÷',
  minus: '−',
  frac12: '½',
  sup2: '²',
  sup3: '³',
  micro: 'µ',
  euro: '€',
  pound: '£',
  yen: '¥',
  cent: '¢',
  larr: '←',
  rarr: '→',
  uarr: '↑',
  darr: '↓',
  harr: '↔',
  rArr: '⇒',
  le: '≤',
  ge: '≥',
  ne: '≠',
  asymp: '≈',
  infin: '∞',
  sum: '∑',
  radic: '√',
  pi: 'π',
  alpha: 'α',
  beta: 'β',
  lambda: 'λ',
  Delta: 'Δ',
  check: '✓',
}

const ENTITY = /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([A-Za-z][A-Za-z\d]{1,9}));/g

/**
 * `text` with the character references of HTML as the characters that they mean: Markdown has them,
 * and what shows text as it is would show them as they are written. One of an unseen character, or
 * of none, stays as it is.
 *
 * @param written how a character is written there; as it is unless told
 * @see https://spec.commonmark.org/0.31.2/#entity-and-numeric-character-references
 */
export function decodeEntities(text: string, written = (character: string): string => character): string {
  if (!text.includes('&')) return text
  return text.replace(ENTITY, (entity, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return Object.hasOwn(NAMED, name) ? written(NAMED[name]!) : entity
    const code = decimal === undefined ? Number.parseInt(hex!, 16) : Number(decimal)
    const isSurrogate = code >= 0xd800 && code <= 0xdfff
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0)
    const known = code <= 0x10ffff && !isSurrogate && !isControl
    const character = known ? String.fromCodePoint(code) : ''
    return isVisible(character) || character === '\u00a0' ? written(character) : entity
  })
}

/** U+2800, an empty Braille pattern, is in no class of Unicode that says so. */
const VISIBLE = /[^\s\0\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u

/** Does anything of `text` show? Platforms refuse a message of which nothing does. */
export function isVisible(text: string): boolean {
  return VISIBLE.test(text)
}
