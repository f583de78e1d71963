import { Lexer, Tokenizer, type Tokens, type TokensList } from 'marked'

/**
 * Characters that the lexer may read again in search of the end of emphasis, a link or an address
 * that has none. Answers of people's everyday use need a few thousand; hostile ones would need the
 * square of their length.
 */
const MAX_READ_AGAIN = 250_000
/** `_` between two letters is one of them: no emphasis begins there, and nothing is read again. */
const WITHIN_A_WORD = /^_+[\p{L}\p{N}]/u
const LETTER = /[\p{L}\p{N}]/u

/** Nobody reads lists or quotes this deep, and the time to parse them grows with the square of the depth. */
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t]))){32}/m
/** So far the lexer looks ahead within a word. Longer than the part before the `@` of any mail address. */
const WINDOW = 256
const BARE_ADDRESS = /^(?:https?:\/\/|ftp:\/\/|www\.|[a-z0-9._+-]{1,256}@)/i

/** `<` before another one or before `@` opens nothing: no tag and no address begins so. */
const PLAIN_ANGLES = /^(?:<(?=[<@])@*)+/
/** They open nothing where nothing closes them. */
const BRACKETS = /^(?:!?\[)+/

/** What a definition may point at to be one: anything else in its shape is a line of a chat log. */
const ADDRESS = /^(?:https?:\/\/|mailto:)/i

/**
 * Markdown into its parts, in time that grows with the length of the text whatever it contains.
 * `[name]: address` is a definition, and not shown, only where something refers to it and it is an
 * address; otherwise it is a line of the text.
 *
 * @param options.breaks a line's end in the source ends the line
 * @throws RangeError for a source that is nested too deeply: it is better shown as it is
 */
export function lexMarkdown(markdown: string, options: { readonly breaks?: boolean } = {}): TokensList {
  if (TOO_DEEP.test(markdown)) throw new RangeError('nested too deeply')
  const lex = (tokenizer: CarefulTokenizer) =>
    new Lexer({ gfm: true, breaks: options.breaks ?? false, tokenizer }).lex(markdown)
  const first = new CarefulTokenizer(new Set())
  const tokens = lex(first)
  const unused = new Set([...first.defined].filter((tag) => !first.used.has(tag)))
  return unused.size === 0 ? tokens : lex(new CarefulTokenizer(unused))
}

class CarefulTokenizer extends Tokenizer {
  readonly defined = new Set<string>()
  readonly used = new Set<string>()
  readonly #shown: ReadonlySet<string>
  #readAgain = 0

  constructor(shown: ReadonlySet<string>) {
    super()
    this.#shown = shown
  }

  override def(source: string): Tokens.Def | undefined {
    const token = super.def(source)
    if (!token || !ADDRESS.test(token.href) || this.#shown.has(token.tag)) return undefined
    this.defined.add(token.tag)
    return token
  }

  override reflink(
    source: string,
    links: Parameters<Tokenizer['reflink']>[1],
  ): ReturnType<Tokenizer['reflink']> {
    const token = super.reflink(source, links)
    if (token && token.type !== 'text') this.used.add(tagOf(token.raw))
    return token
  }

  override emStrong(...args: Parameters<Tokenizer['emStrong']>): ReturnType<Tokenizer['emStrong']> {
    const [source, , before = ''] = args
    if (LETTER.test(before) && WITHIN_A_WORD.test(source)) return undefined
    return this.#bounded(/^[*_]/, args[0], () => super.emStrong(...args))
  }

  override del(...args: Parameters<Tokenizer['del']>): ReturnType<Tokenizer['del']> {
    return this.#bounded(/^~/, args[0], () => super.del(...args))
  }

  override url(source: string): ReturnType<Tokenizer['url']> {
    return BARE_ADDRESS.test(source) ? super.url(source) : undefined
  }

  /** The lexer joins the pieces again. */
  override inlineText(source: string): ReturnType<Tokenizer['inlineText']> {
    const plain = PLAIN_ANGLES.exec(source)?.[0] ?? this.#unclosed(source)
    if (plain !== null) return { type: 'text', raw: plain, text: plain, escaped: this.lexer.state.inRawBlock }
    if (source.length <= WINDOW) return super.inlineText(source)
    let end = WINDOW
    while (end > 1 && !/\s/.test(source[end]!)) end--
    return super.inlineText(source.slice(0, end > 1 ? end : WINDOW))
  }

  #unclosed(source: string): string | null {
    const brackets = BRACKETS.exec(source)?.[0]
    return brackets && !source.includes(']') ? brackets : null
  }

  #bounded<T>(mark: RegExp, source: string, read: () => T | undefined): T | undefined {
    if (!mark.test(source) || this.#readAgain > MAX_READ_AGAIN) return undefined
    const token = read()
    if (token === undefined) this.#readAgain += source.length
    return token
  }
}

/** `[words][tag]`, `[tag][]` or `[tag]`, in the form in which the lexer keeps it. */
function tagOf(raw: string): string {
  const tag = raw.endsWith('[]')
    ? raw.slice(raw.indexOf('[') + 1, -'][]'.length)
    : raw.slice(raw.lastIndexOf('[') + 1, -1)
  return tag.replace(/\s+/g, ' ').toLowerCase()
}
