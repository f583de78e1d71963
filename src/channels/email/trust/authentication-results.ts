import { endOfComment, endOfQuoted } from '../mail-address.ts'

/** One result of a server: a method, what came of it, and about what. */
export interface Verdict {
  /** In lower case: `dkim`, `spf`, `dmarc`. */
  readonly method: string
  /** In lower case: `pass`, `fail`, `none`. */
  readonly result: string
  /** `header.d`, `smtp.mailfrom`, in lower case, with their values as written. */
  readonly properties: ReadonlyMap<string, string>
}

export interface AuthenticationResults {
  /** Who says so, in lower case. */
  readonly authservId: string
  readonly verdicts: readonly Verdict[]
}

/** Reject oversized headers. */
const MAX_LENGTH = 16 * 1024

/**
 * Reads an Authentication-Results field. Strict where laxness could let the sender's own words pass
 * for the result: quotes and comments must end, nothing quoted ever separates, and a property that
 * comes twice makes the whole field void. Lenient with the private additions of known servers, which
 * name no method that we ask about.
 *
 * @returns null: it cannot be read beyond doubt
 * @see RFC 8601 §2.2
 */
export function parseAuthenticationResults(value: string): AuthenticationResults | null {
  const sections = tokenize(value)
  const [head, ...rest] = sections ?? []
  if (!head || head.length === 0 || head.length > 2) return null
  const id = head[0]!
  // The grammar's version follows the name; there is only one.
  if (head[1] && head[1].text !== '1') return null
  if (id.split !== -1) return null
  const verdicts: Verdict[] = []
  for (const section of rest) {
    if (section.length === 0) continue
    if (rest.length === 1 && section.length === 1 && section[0]!.text.toLowerCase() === 'none') continue
    const parsed = verdictOf(section)
    if (!parsed) return null
    verdicts.push(parsed)
  }
  return { authservId: id.text.toLowerCase(), verdicts }
}

/** Who wrote a field; null = it names nobody, or its beginning cannot be read. */
export function authservIdOf(value: string): string | null {
  return nameIn(headOf(value))
}

/**
 * Did `authservId` write this field, as far as can be told? Asked before the rest is read, so that a
 * broken field of ours is not taken for a stranger's; true where the beginning cannot be read.
 */
export function mayBeOf(value: string, authservId: string): boolean {
  const head = headOf(value)
  return head === null || nameIn(head) === authservId.toLowerCase()
}

/** What stands before the first semicolon; null: it cannot be read. */
function headOf(value: string): readonly Token[] | null {
  return tokenize(value.slice(0, MAX_LENGTH), true)?.[0] ?? null
}

function nameIn(head: readonly Token[] | null): string | null {
  const id = head?.[0]
  return !id || id.split !== -1 ? null : id.text.toLowerCase()
}

/** A run of characters without white space between them; quoted parts are taken out of their quotes. */
interface Token {
  readonly text: string
  /** Where the first `=` outside quotes stands; -1 = nowhere. */
  readonly split: number
}

function verdictOf([methodSpec, ...specs]: readonly Token[]): Verdict | null {
  const named = methodSpec && pairOf(methodSpec)
  if (!named) return null
  const properties = new Map<string, string>()
  for (const spec of specs) {
    const pair = pairOf(spec)
    if (!pair || properties.has(pair.key)) return null
    properties.set(pair.key, pair.value)
  }
  // `dkim/1=pass` names the method's version, which says nothing more.
  return { method: named.key.split('/', 1)[0]!, result: named.value.toLowerCase(), properties }
}

function pairOf({ text, split }: Token): { readonly key: string; readonly value: string } | null {
  const key = text.slice(0, Math.max(0, split)).toLowerCase()
  const value = text.slice(split + 1)
  return /^[a-z0-9._/-]+$/.test(key) && value !== '' ? { key, value } : null
}

/**
 * The field's parts between semicolons; null: something in it never ends.
 *
 * @param headOnly the first part is enough
 */
function tokenize(value: string, headOnly = false): Token[][] | null {
  if (value.length > MAX_LENGTH) return null
  const sections: Token[][] = [[]]
  let current: { text: string; split: number } | null = null
  const end = () => {
    if (current) sections.at(-1)!.push(current)
    current = null
  }
  for (let at = 0; at < value.length;) {
    const character = value[at]!
    if (character === ';') {
      if (headOnly) break
      end()
      sections.push([])
      at++
    } else if (character === '(') {
      const next = endOfComment(value, at)
      if (next === -1) return null
      end()
      at = next
    } else if (/\s/.test(character)) {
      end()
      at++
    } else if (character === '"') {
      const next = endOfQuoted(value, at)
      if (next === -1) return null
      current ??= { text: '', split: -1 }
      current.text += value.slice(at + 1, next - 1).replace(/\\(.)/g, '$1')
      at = next
    } else if (/[)\\]/.test(character)) return null
    else {
      current ??= { text: '', split: -1 }
      if (character === '=' && current.split === -1) current.split = current.text.length
      current.text += character
      at++
    }
  }
  end()
  return sections.map(joinAroundEquals)
}

/** White space is allowed round the `=`. */
function joinAroundEquals(tokens: readonly Token[]): Token[] {
  const joined: Token[] = []
  for (const token of tokens) {
    const last = joined.at(-1)
    const open = last !== undefined && last.split === last.text.length - 1 && last.split !== -1
    if (last && open && token.split <= 0)
      joined[joined.length - 1] = { ...last, text: last.text + token.text }
    else if (last && last.split === -1 && token.split === 0)
      joined[joined.length - 1] = { text: last.text + token.text, split: last.text.length }
    else joined.push(token)
  }
  return joined
}
