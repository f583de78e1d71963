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
