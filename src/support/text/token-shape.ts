/**
 * Shapes of tokens and of what the sign-in page shows. Pure text: nothing here knows
 * whether a token is alive.
 */

/** Why `value` cannot be a credential, as the end of a sentence with a hint; null = its shape is fine. Never holds the value. */
export function tokenShapeProblem(value: string): string | null {
  if (value.trim() === '') return 'is empty.'
  if (WRAPPED.test(value)) return 'is wrapped in quotation marks. Remove them.'
  if (QUOTED_TOKEN.test(value)) {
    return 'holds a token between quotation marks. Remove everything but the token.'
  }
  if (/\s/.test(value)) {
    return 'holds white space: a token is one unbroken line. Copy it again without spaces or line breaks.'
  }
  if (/^https?:/i.test(value)) return `is an address, not a token. ${PASTE_AT_LOGIN}`
  if (value.includes('#')) {
    return `looks like the code#state that the sign-in page shows, not like a token. ${PASTE_AT_LOGIN}`
  }
  if (value.indexOf('sk-ant-') !== value.lastIndexOf('sk-ant-') || isDoubled(value)) {
    return 'holds two tokens one after the other. Paste it once.'
  }
  if (value.includes('sk-ant-') && !value.startsWith('sk-ant-')) {
    return 'holds something in front of the token. Remove everything but the token.'
  }
  if (/^sk-ant-.*[,;.:]$/.test(value)) return 'ends with a punctuation mark. Remove everything but the token.'
  if (value.startsWith('sk-ant-ort')) {
    return 'is a refresh token, which nothing accepts as a credential by itself. Run `hermes auth login`, or configure the access token.'
  }
  // What is left must be able to stand in an HTTP header.
  if (!/^[\x21-\x7e]+$/.test(value)) return 'holds a character that no token has. Copy it again.'
  return null
}

/** Also the marks that a program or a phone makes of straight ones. */
const WRAPPED = /^["'`“”„‟‘’‚‛«»‹›]|["'`“”„‟‘’‚‛«»‹›]$/
/** A token as the value of a JSON field or of an assignment. */
const QUOTED_TOKEN = /["'`“”„‟‘’‚‛«»‹›]sk-ant-/

const PASTE_AT_LOGIN = 'Run `hermes auth login --headless` and paste it there.'

/** Keys of proxies have no known prefix; the same 20 characters twice are no accident. */
function isDoubled(value: string): boolean {
  const half = value.length / 2
  return half >= 20 && Number.isInteger(half) && value.slice(0, half) === value.slice(half)
}

/** The word in every token, key and code that the simulated Anthropic issues to a visitor. */
export const SANDBOX_MARK = 'SANDBOX'

const MARKED = /^\s*sk-ant-[a-z]{3}\d\d-SANDBOX-/

/**
 * Was this token issued by the simulated Anthropic? A production gateway refuses
 * such a token: it means nothing to the real service, and a home that holds one
 * was mixed up with the sandbox's.
 */
export function isSandboxToken(token: string): boolean {
  return MARKED.test(token)
}

/**
 * Is a chat message, or a part of it, shaped like a sign-in's secret: a token, an
 * authorization code with its state, or the address that carries both? Such text is
 * never stored. A missed secret is worse than a message that has to be put
 * differently, yet `C#`, `owner/repo#42` and `Array#flat_map` are everyday words.
 */
export function looksLikeSignInPaste(text: string): boolean {
  const clean = undressed(text)
  const suspects = suspectsOf(clean)
  if (holdsSecret(clean, suspects)) return true
  return suspects.some((suspect) => isCodeWithState(suspect) || isTornPair(suspect))
}

/**
 * As `looksLikeSignInPaste`, for what is a secret beyond doubt: a token, an address with a
 * code, a code with a state of full length. Everyday words never are.
 */
export function holdsSignInSecret(text: string): boolean {
  const clean = undressed(text)
  return holdsSecret(clean, suspectsOf(clean))
}

function holdsSecret(clean: string, suspects: readonly Suspect[]): boolean {
  return (
    TOKEN.test(clean) ||
    TORN_TOKEN.test(clean) ||
    suspects.some(({ word }) => carriesCode(word) || endsInFullState(word)) ||
    holdsLabelledPair(clean)
  )
}

/** A word that may be a secret, without what people put round it, and the words beside it. */
interface Suspect {
  readonly word: string
  /** Looked for only when the word itself fits. */
  readonly before: () => string | undefined
  readonly after: () => string | undefined
}

function isAlone({ before, after }: Suspect): boolean {
  return before() === undefined && after() === undefined
}

/**
 * The few words worth a closer look: those with a mark that every secret has. They are found by
 * the marks, and the text is not taken apart, for prompts of other front ends are megabytes long
 * and all of this runs between two messages of somebody else.
 */
function suspectsOf(clean: string): readonly Suspect[] {
  const suspects: Suspect[] = []
  const mark = /#|code=/gi
  for (let match = mark.exec(clean); match !== null; match = mark.exec(clean)) {
    const from = wordStart(clean, match.index)
    const to = wordEnd(clean, match.index)
    mark.lastIndex = to
    const word = to - from > LONGEST_WORD ? '' : unwrapped(clean.slice(from, to))
    if (word === '') continue
    suspects.push({ word, before: () => wordBefore(clean, from), after: () => wordAfter(clean, to) })
  }
  return suspects
}

function wordBefore(text: string, at: number): string | undefined {
  for (let end = at; ;) {
    while (end > 0 && isSpace(text, end - 1)) end--
    if (end === 0) return undefined
    const start = wordStart(text, end - 1)
    const word = end - start > LONGEST_WORD ? '' : unwrapped(text.slice(start, end))
    if (word !== '') return word
    end = start
  }
}

function wordAfter(text: string, at: number): string | undefined {
  for (let start = at; ;) {
    while (start < text.length && isSpace(text, start)) start++
    if (start === text.length) return undefined
    const end = wordEnd(text, start)
    const word = end - start > LONGEST_WORD ? '' : unwrapped(text.slice(start, end))
    if (word !== '') return word
    start = end
  }
}

function wordStart(text: string, at: number): number {
  let start = at
  while (start > 0 && !isSpace(text, start - 1)) start--
  return start
}

function wordEnd(text: string, at: number): number {
  let end = at
  while (end < text.length && !isSpace(text, end)) end++
  return end
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  // Nearly every character is neither of the two, and is told without a pattern.
  return code <= 32 ? /\s/.test(text[at]!) : code >= 128 && /\s/.test(text[at]!)
}

/** Longer than any address with a code in it; keeps the patterns below quick on hostile text. */
const LONGEST_WORD = 1_024

/** Characters that are not seen and would hide a shape: joiners, marks of direction, tags, variations, and their like. */
const INVISIBLE =
  /[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]|\u034f|[\ufe00-\ufe0f]/gu

/** What stands in no code, token or address of a sign-in: markup, quotation marks, pictures between words. */
const DRESSING = /<\/?[a-z][a-z0-9]{0,15}>|[<>"'`´{}[\]()|~^*,;!«»‹›“”„‟‘’‚‛\p{Extended_Pictographic}]/giu
/** Letters of a script without spaces touch what is pasted between them. */
const BESIDE_SCRIPT = /(?<=[\u3000-\u9fff\uac00-\ud7af])(?=[\w-])|(?<=[\w-])(?=[\u3000-\u9fff\uac00-\ud7af])/g

/** Other spellings of the marks that a shape is known by: of addresses, wide ones, and hyphens that a program made nicer. */
const SPELLINGS = /%(?:2[36]|3[df])|&amp;|[＃＝＆？\u2010-\u2015\u2212]/gi
const WIDE = '＃＝＆？'
const NARROW = '#=&?'

/** `text` without whatever people, phones and programs put into and around a code, a token or an address. */
export function undressed(text: string): string {
  const plain = withoutInvisible(text).replaceAll('\\', '').replace(SPELLINGS, respelled)
  return MARK.test(plain) ? plain.replace(DRESSING, ' ').replace(BESIDE_SCRIPT, ' ') : plain
}

/** Every shape has one of these; most of a long text is read for nothing else. */
const MARK = /#|code|sk-ant/i

function respelled(mark: string): string {
  if (mark === '&amp;') return '&'
  if (mark.startsWith('%')) return String.fromCharCode(parseInt(mark.slice(1), 16))
  return NARROW[WIDE.indexOf(mark)] ?? '-'
}

/** Eight characters behind the prefix: `sk-ant-oat01` alone is talk about tokens. */
const TOKEN = /sk-ant-[a-z0-9_-]{8,}/i
/** Broken after its prefix, by a line's end or by markup. */
const TORN_TOKEN = /sk-ant-\s{0,4}[a-z]{2,8}\d{2}-?\s{0,4}(?=[\w-]{0,64}\d)[\w-]{16}/i

/** Punctuation that people and platforms put round a word; `<…|…>` is Slack's link. */
const BEFORE_WORD = '<("\'`«“„‚‘*[|~'
const BEHIND_WORD = '>)"\'`»”“’‘.,;:!?*]|~'

function unwrapped(word: string): string {
  return trimMarks(word).replace(/^[a-z]{2,10}[:=](?=[\w-]+#)/i, '')
}

/** `word` without the punctuation and markup around it. */
export function trimMarks(word: string): string {
  let start = 0
  let end = word.length
  while (start < end && BEFORE_WORD.includes(word[start]!)) start++
  while (end > start && BEHIND_WORD.includes(word[end - 1]!)) end--
  return word.slice(start, end)
}

/** `text` without the characters that are not seen and would hide a shape. */
export function withoutInvisible(text: string): string {
  return text.replace(INVISIBLE, '')
}

/** `state: … code: …`, as fields of JSON or on lines of their own: long halves of letters and digits. */
function holdsLabelledPair(clean: string): boolean {
  const code = /\bcode\s{0,3}[:=]\s{0,3}([\w-]{16,512})/i.exec(clean)?.[1]
  const state = /\bstate\s{0,3}[:=]\s{0,3}([\w-]{16,512})/i.exec(clean)?.[1]
  return (
    code !== undefined && state !== undefined && mixed(code) && mixed(state) && state.length >= FULL_STATE
  )
}

/** A redirect address (or its tail) with a code: `…?code=…&state=…`, `…/oauth/…?code=…`, `…?code=…#state`. */
function carriesCode(word: string): boolean {
  if (!/(?:^|[?&#])code=[^&#\s]{4,}/i.test(word)) return false
  return (
    /[?&#]state=[^&#\s]{4,}|(?:^|[?&#])state=[^&#\s]{4,}&/i.test(word) ||
    /oauth|callback|claude\.com|anthropic\.com/i.test(word) ||
    endsInCodeAndState(word)
  )
}

/** `…code=…#state`, with at least six characters each. */
function endsInCodeAndState(word: string): boolean {
  const hash = word.lastIndexOf('#')
  if (hash === -1 || !/^[\w-]{6,}$/.test(word.slice(hash + 1))) return false
  const before = word.slice(0, hash)
  const parameter = before.slice(Math.max(before.lastIndexOf('&'), before.lastIndexOf('#')) + 1)
  const code = parameter.toLowerCase().indexOf('code=')
  return code !== -1 && parameter.length - code - 'code='.length >= 6
}

/** The shortest half of a pair that is taken for a secret when nothing else is in the message. */
const ALONE = 8
/** … and within a sentence, where only long halves are suspicious whatever they are made of. */
const AMONG_WORDS = 16
/** 32 random bytes in base64url, as every `state` of ours: enough without the code before it. */
const FULL_STATE = 40

function endsInFullState(word: string): boolean {
  const state = /^[\w-]*#([\w-]+)$/.exec(word)?.[1] ?? ''
  return state.length >= FULL_STATE && mixed(state)
}

function isCodeWithState(suspect: Suspect): boolean {
  const { word } = suspect
  const match = /^([\w-]*)#([\w-]+)$/.exec(word)
  if (!match) return false
  const [, code = '', state = ''] = match
  if (code.length < 4 || /^\d+$/.test(state)) return false
  const alone = isAlone(suspect)
  if (mixed(code) && mixed(state)) return alone || Math.min(code.length, state.length) >= ALONE
  return Math.min(code.length, state.length) >= (alone ? ALONE : AMONG_WORDS)
}

/** Letters and digits together: what random text is and words are not. */
function mixed(part: string): boolean {
  return part.length >= 6 && /[a-z]/i.test(part) && /\d/.test(part)
}

/** `code # state`, `code #state`, `code# state`: only long halves of letters and digits, because `#` begins comments and tags. */
function isTornPair({ word, before, after }: Suspect): boolean {
  const at = word.indexOf('#')
  if (at === -1 || at !== word.lastIndexOf('#')) return false
  const isHalf = (part: string | undefined) => part !== undefined && /^[\w-]{16,}$/.test(part) && mixed(part)
  const inFront = at > 0 ? word.slice(0, at) : null
  const behind = at < word.length - 1 ? word.slice(at + 1) : null
  // The half that is in the word itself comes first: looking beside it costs more.
  if (!(inFront === null || isHalf(inFront)) || !(behind === null || isHalf(behind))) return false
  return isHalf(inFront ?? before()) && isHalf(behind ?? after())
}
