/** An entity as the Bot API reports it; offsets in UTF-16 units. */
export interface ParsedEntity {
  readonly type: string
  readonly offset: number
  readonly length: number
  readonly url?: string
  readonly language?: string
}

export class CannotParse extends Error {}

/** The tags that Telegram knows, by the entity each makes. */
const TAGS: Record<string, string> = {
  b: 'bold',
  strong: 'bold',
  i: 'italic',
  em: 'italic',
  u: 'underline',
  s: 'strikethrough',
  del: 'strikethrough',
  code: 'code',
  pre: 'pre',
  a: 'text_link',
  blockquote: 'blockquote',
}
const NAMED: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"' }

/**
 * Reads Telegram's subset of HTML as strictly as the service's documentation words it.
 *
 * @throws CannotParse with the service's kind of text
 * @see https://core.telegram.org/bots/api#html-style
 */
export function parseTelegramHtml(html: string): {
  readonly text: string
  readonly entities: readonly ParsedEntity[]
} {
  let text = ''
  const entities: ParsedEntity[] = []
  const open: Array<{ tag: string; offset: number; url?: string; language?: string }> = []
  let at = 0
  while (at < html.length) {
    const char = html[at]!
    if (char === '&') {
      const match = /^&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]+));/i.exec(html.slice(at, at + 12))
      const decoded = match && decode(match)
      text += decoded ?? char
      at += decoded ? match[0].length : 1
      continue
    }
    if (char !== '<') {
      text += char
      at += 1
      continue
    }
    const tag = /^<(\/?)([a-z][a-z0-9-]*)((?:\s+[a-z-]+(?:="[^"<>]*")?)*)\s*>/i.exec(html.slice(at))
    if (!tag) throw new CannotParse(`can't parse entities: unclosed start tag at byte offset ${at}`)
    const [whole, slash, rawName = '', attributes = ''] = tag
    const name = rawName.toLowerCase()
    at += whole.length
    if (slash === '/') {
      const last = open.pop()
      if (last?.tag !== name)
        throw new CannotParse(`can't parse entities: unmatched end tag "${name}" at byte offset ${at}`)
      const entity = { type: TAGS[name]!, offset: last.offset, length: text.length - last.offset }
      if (entity.length > 0)
        entities.push({
          ...entity,
          ...(last.url === undefined ? {} : { url: last.url }),
          ...(last.language === undefined ? {} : { language: last.language }),
        })
      continue
    }
    if (!(name in TAGS))
      throw new CannotParse(`can't parse entities: Unsupported start tag "${name}" at byte offset ${at}`)
    refuseNesting(
      name,
      open.map((outer) => outer.tag),
    )
    const url = /\bhref="([^"]*)"/.exec(attributes)?.[1]
    const language = /\bclass="language-([^"]*)"/.exec(attributes)?.[1]
    open.push({
      tag: name,
      offset: text.length,
      ...(url === undefined ? {} : { url: unescape(url) }),
      ...(language === undefined ? {} : { language: unescape(language) }),
    })
  }
  if (open.length > 0)
    throw new CannotParse(
      `can't parse entities: can't find end tag corresponding to start tag "${open.at(-1)!.tag}"`,
    )
  return { text, entities }
}

function refuseNesting(name: string, outer: readonly string[]): void {
  const inPre = outer.at(-1) === 'pre' && name === 'code'
  if (outer.includes('code') || (outer.includes('pre') && !inPre))
    throw new CannotParse(`can't parse entities: "${name}" inside code`)
  if (name === 'blockquote' && outer.includes('blockquote'))
    throw new CannotParse(`can't parse entities: a quote inside a quote`)
}

function decode(match: RegExpExecArray): string | null {
  const [, decimal, hex, named] = match
  if (named !== undefined) return NAMED[named] ?? null
  const code = decimal !== undefined ? Number(decimal) : Number.parseInt(hex ?? '', 16)
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : null
}

function unescape(text: string): string {
  return text.replace(/&(lt|gt|amp|quot);/g, (_, name: string) => NAMED[name]!)
}
