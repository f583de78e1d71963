import { createHash, timingSafeEqual } from 'node:crypto'
import { Secret } from '../support/secret.ts'
import { trimMarks, undressed } from '../support/text/token-shape.ts'

/** What a person pasted, checked. `message` is one plain sentence for them, without anything they pasted. */
export type Paste =
  | { readonly kind: 'code'; readonly code: Secret }
  | {
      readonly kind: 'refused'
      readonly problem: 'empty' | 'token' | 'no-state' | 'wrong-state' | 'denied' | 'unreadable'
      readonly message: string
    }

/** Longer than any code or address with the words that people put round it; bounds the work on hostile text. */
const MAX_LENGTH = 8_192
/** A narrow terminal breaks an address into no more pieces than this. */
const MAX_PIECES = 6
/** Fewer characters behind a `#` are a word such as `C#` or `issue#42`, not another sign-in's state. */
const SHORTEST_STATE = 12

interface Pair {
  readonly code: string
  readonly state: string
}

type Matches = (state: string) => boolean

/**
 * Reads a paste: `code#state`, or the whole address the browser ended at, in whichever dress people send
 * them (words and marks around it, spaces or line breaks inside). The state is compared with the one of
 * this sign-in in constant time, and only a code that came with it is taken.
 */
export function readPaste(paste: string, expectedState: Secret): Paste {
  const text = undressed(paste.slice(0, MAX_LENGTH)).trim()
  if (text === '') return refuse('empty', 'Nothing was pasted. Paste the code that the page shows.')
  if (text.includes('sk-ant-')) {
    return refuse('token', 'That is a token, not a sign-in code. Paste the code that the page shows.')
  }
  const matches = (state: string) => isEqual(state, expectedState.reveal())
  const words = text.split(/\s+/)
  const pairs = [...words.flatMap((_, at) => pairAt(words, at, matches) ?? []), ...labelledPair(text)]
  const [code, ...others] = new Set(pairs.filter(({ state }) => matches(state)).map((pair) => pair.code))
  if (others.length > 0) {
    return refuse('unreadable', 'More than one code was pasted. Paste only the one that the page shows now.')
  }
  if (code !== undefined && code !== '') return { kind: 'code', code: new Secret(code) }
  return refusalOf(words, pairs, matches)
}

function refusalOf(words: readonly string[], pairs: readonly Pair[], matches: Matches): Paste {
  if (words.some((word) => /[?&#]error=/i.test(word))) {
    return refuse('denied', 'The sign-in was declined on the page. Start it again.')
  }
  if (words.some((word) => matches(trimMarks(word).replace(/^#/, '')))) {
    return refuse(
      'unreadable',
      'Only the end of the code was pasted. Copy all of it, including what stands before the #.',
    )
  }
  if (pairs.some(({ state }) => state.length >= SHORTEST_STATE)) {
    return refuse(
      'wrong-state',
      'This code belongs to another sign-in. Open the newest address and paste its code.',
    )
  }
  const lone = words.map(trimMarks).filter((word) => word !== '')
  const halves = [...pairs.filter(({ state }) => state === '').map(({ code }) => code), lone.join(' ')]
  if (halves.some(looksRandom)) {
    return refuse(
      'no-state',
      'Only half of the code was pasted. Copy all of it, including the # and what follows.',
    )
  }
  return refuse('unreadable', 'There is no code in what was pasted. Copy it again from the page.')
}

/** No word of a language holds a digit, a dash or a capital inside. */
function looksRandom(word: string): boolean {
  return /^[\w-]{6,}$/.test(word) && /.[\dA-Z_-]/.test(word)
}

function refuse(problem: Extract<Paste, { kind: 'refused' }>['problem'], message: string): Paste {
  return { kind: 'refused', problem, message }
}

/** The pair that begins in the word at `at`, with its pieces in the words around; null = none does. */
function pairAt(words: readonly string[], at: number, matches: Matches): Pair | null {
  const word = words[at]!
  if (/(?:^|[?&#(<"'`[*])code=|https?:\/\//i.test(word)) return addressAt(words, at, matches)
  const bare = trimMarks(word)
  const hash = bare.indexOf('#')
  if (hash === -1 || hash !== bare.lastIndexOf('#')) return null
  let from = hash
  while (from > 0 && /[\w-]/.test(bare[from - 1]!)) from--
  const own = bare.slice(from, hash)
  const behind = /^[\w-]*/.exec(bare.slice(hash + 1))![0]
  return stateIn({ code: codeFrom(words, at, own), state: behind }, words, at, matches)
}

/** The code with the pieces of it that stand before: a terminal broke it, or somebody typed spaces. */
function codeFrom(words: readonly string[], at: number, own: string): string {
  let code = own
  for (let before = at - 1; before >= Math.max(0, at - MAX_PIECES); before--) {
    const word = trimMarks(words[before]!)
    // In front of a `#` that stands alone there is nothing else than the code.
    if (!isPiece(word) && !(code === '' && /^[\w-]{4,}$/.test(word))) break
    code = word + code
  }
  return code
}

/** `pair` with the pieces of its state that stand behind, where that makes it the one of this sign-in. */
function stateIn(pair: Pair, words: readonly string[], at: number, matches: Matches): Pair {
  const { code, state } = pair
  if (matches(state)) return pair
  // Italics or an underline of a chat: a state may itself end in the mark.
  for (const mark of ['_', '__'])
    if (code.startsWith(mark) && state.endsWith(mark) && matches(state.slice(0, -mark.length)))
      return { code: code.slice(mark.length), state: state.slice(0, -mark.length) }
  let longer = state
  for (const word of words.slice(at + 1, at + 1 + MAX_PIECES).map(trimMarks)) {
    longer += word
    if (matches(longer)) return { code, state: longer }
  }
  return pair
}

/** A part of a code: four characters or more, a digit among them, as no word around a code has. */
function isPiece(word: string): boolean {
  return /^[\w-]{4,}$/.test(word) && /\d/.test(word)
}

/** The pair in an address, which continues in the words behind it where it was broken over lines. */
function addressAt(words: readonly string[], at: number, matches: Matches): Pair | null {
  const joined = Array.from({ length: MAX_PIECES }, (_, more) => words.slice(at, at + 1 + more).join(''))
  const pairs = joined.map(pairOfAddress)
  return pairs.find((pair) => pair !== null && matches(pair.state)) ?? pairs[0] ?? null
}

/** `…?code=…&state=…`, `code=…&state=…`, `…?code=…#state`; null = there is no code in it. */
function pairOfAddress(text: string): Pair | null {
  const from = text.search(/https?:/i)
  const bare = from > 0 ? text.slice(from) : trimMarks(text)
  const end = bare.search(/[<>|"'`)\]]/)
  const address = trimMarks(end === -1 ? bare : bare.slice(0, end))
  const value = (name: string) => {
    const found = address.split(/[?&#]/).find((each) => each.toLowerCase().startsWith(`${name}=`))
    return found === undefined ? '' : decoded(found.slice(name.length + 1))
  }
  const code = value('code')
  if (code === '') return null
  const hash = address.lastIndexOf('#')
  // Some pages put the state into the fragment, as in `code#state`.
  return { code, state: value('state') || (hash === -1 ? '' : address.slice(hash + 1)) }
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** `Code: …` and `State: …`, each on its own. */
function labelledPair(text: string): Pair[] {
  const code = /\bcode\b[ \t]{0,3}[:=][ \t]{0,3}([\w-]{4,512})/i.exec(text)?.[1]
  const state = /\bstate\b[ \t]{0,3}[:=][ \t]{0,3}([\w-]{4,512})/i.exec(text)?.[1]
  return code !== undefined && state !== undefined ? [{ code, state }] : []
}

/** In constant time: hashing first gives both sides one length, which an attacker may know. */
function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(createHash('sha256').update(a).digest(), createHash('sha256').update(b).digest())
}
