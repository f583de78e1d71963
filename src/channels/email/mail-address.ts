/** `local@domain` in lower case, ASCII, at most 254 characters: the form in which people are known and compared. */
export type MailAddress = string

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const ADDRESS = new RegExp(`^(${ATOM}(?:\\.${ATOM})*)@(${LABEL}(?:\\.${LABEL})*)$`)
/** @see RFC 5321 §4.5.3.1 */
const MAX_LENGTH = 254

/** A From of one person is shorter, even where the name is encoded. */
const MAX_FIELD_LENGTH = 1024

/** Null: not an address that we take. Quoted local parts, address literals and other alphabets are not. */
export function normalAddress(text: string): MailAddress | null {
  return text.length <= MAX_LENGTH && ADDRESS.test(text) ? text.toLowerCase() : null
}

/** The part behind the `@`. */
export function domainOf(address: MailAddress): string {
  return address.slice(address.lastIndexOf('@') + 1)
}

/**
 * The one address in a From field: `a@b`, `<a@b>`, `Name <a@b>`, `"Name" <a@b>`. Null for anything
 * else: several addresses, a group, a route, something that could be read in two ways. Text in
 * the display name or in a comment is never taken for an address.
 *
 * @see RFC 5322 §3.4
 */
export function singleMailbox(field: string): MailAddress | null {
  if (field.length > MAX_FIELD_LENGTH) return null
  const words = scan(field)
  if (!words) return null
  const open = words.findIndex(({ kind }) => kind === '<')
  if (open === -1) {
    const only = words.length === 1 ? words[0]! : null
    return only?.kind === 'text' ? normalAddress(only.text) : null
  }
  const [name, address, close] = [words.slice(0, open), words[open + 1], words[open + 2]]
  if (words.length !== open + 3 || address?.kind !== 'text' || close?.kind !== '>') return null
  // An unquoted name with an @ is an address to some programs.
  if (name.some(({ kind, text }) => kind === '>' || (kind === 'text' && /[@:;,]/.test(text)))) return null
  return normalAddress(address.text)
}

interface Word {
  readonly kind: 'text' | 'quoted' | '<' | '>'
  readonly text: string
}

/** Null: a quote or comment that never ends, or a character that separates addresses. */
function scan(field: string): readonly Word[] | null {
  const words: Word[] = []
  let at = 0
  while (at < field.length) {
    const character = field[at]!
    if (/\s/.test(character)) at++
    else if (character === '<' || character === '>') words.push({ kind: character, text: field[at++]! })
    else if (character === '"' || character === '(') {
      const end = character === '"' ? endOfQuoted(field, at) : endOfComment(field, at)
      if (end === -1) return null
      if (character === '"') words.push({ kind: 'quoted', text: field.slice(at, end) })
      at = end
    } else if (/[,;:\\)[\]]/.test(character)) return null
    else {
      const text = /^[^\s<>"(),;:\\[\]]+/.exec(field.slice(at))![0]
      words.push({ kind: 'text', text })
      at += text.length
    }
  }
  return words
}

/** Behind the closing quote of the string that opens at `at`; -1 = it never closes. */
export function endOfQuoted(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === '\\') next++
    else if (text[next] === '"') return next + 1
  }
  return -1
}

/** Behind the comment that opens at `at`, those within it included; -1 = it never closes. */
export function endOfComment(text: string, at: number): number {
  let depth = 0
  for (let next = at; next < text.length; next++) {
    if (text[next] === '\\') next++
    else if (text[next] === '(') depth++
    else if (text[next] === ')' && --depth === 0) return next + 1
  }
  return -1
}
