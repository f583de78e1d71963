import type { Link } from '../../../inbox/about.ts'
import { linkBehind, withAddress } from '../../kit/intake/link-behind.ts'

/** More links than this are no message to somebody. */
const MAX_LINKS = 100
/** A tag with its address, and the words between it and its end. */
const MAX_TAG = 2_500
const MAX_LABEL = 1_000

/** The addresses that only the formatted form of a message holds. */
export function linksBehind(body: string, formatted: string): readonly Link[] {
  return (
    linksIn(withoutFallback(formatted))
      // What was typed as Markdown holds its address already.
      .filter(({ address }) => !body.includes(address))
      .flatMap(({ words, address }) => linkBehind(words, address) ?? [])
  )
}

/** Quoted words with the addresses that only their formatted form holds. */
export function withLinks(body: string, formatted: string): string {
  let rest = body
  let from = 0
  for (const { words, address } of linksIn(withoutFallback(formatted))) {
    // What was typed as Markdown holds its address already.
    if (rest.includes(address)) continue
    const shown = withAddress(words, address)
    const at = placeOf(words, rest, from)
    if (at === -1) rest += `\n${shown}`
    else {
      rest = rest.slice(0, at) + shown + rest.slice(at + words.length)
      from = at + shown.length
    }
  }
  return rest
}

/** Where the words stand as words of their own; -1: nowhere. */
function placeOf(words: string, text: string, from: number): number {
  for (let at = text.indexOf(words, from); at !== -1; at = text.indexOf(words, at + words.length)) {
    const before = text[at - 1] ?? ' '
    const behind = text[at + words.length] ?? ' '
    if (!LETTER.test(before) && !LETTER.test(behind)) return at
  }
  return -1
}

const LETTER = /[\p{L}\p{N}]/u

/** Without the quotation of what is replied to. */
function withoutFallback(formatted: string): string {
  const end = formatted.startsWith('<mx-reply>') ? formatted.indexOf('</mx-reply>') : -1
  return end === -1 ? formatted : formatted.slice(end)
}

function linksIn(formatted: string): readonly Link[] {
  const links: Link[] = []
  let at = formatted.indexOf('<a ')
  while (at !== -1 && links.length < MAX_LINKS) {
    const end = formatted.indexOf('>', at)
    const close = end === -1 ? -1 : formatted.indexOf('</a', end)
    if (close === -1) break
    const address = hrefOf(formatted.slice(at, Math.min(end, at + MAX_TAG)))
    const words = unescape(withoutTags(formatted.slice(end + 1, Math.min(close, end + 1 + MAX_LABEL)))).trim()
    // A mention of somebody is a link to that person.
    const mention = address?.startsWith('https://matrix.to/') || address?.startsWith('matrix:')
    if (address && !mention && words !== '') links.push({ words, address })
    at = formatted.indexOf('<a ', close)
  }
  return links
}

function hrefOf(tag: string): string | null {
  const match = /\shref\s{0,3}=\s{0,3}(?:"([^"]{1,2000})"|'([^']{1,2000})')/i.exec(tag)
  const address = unescape(match?.[1] ?? match?.[2] ?? '')
  return /^(?:https?|mailto|ftp):/i.test(address) ? address : null
}

function withoutTags(html: string): string {
  return html.replace(/<[^>]{0,500}>/g, '')
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
