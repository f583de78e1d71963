import type { Attachment } from '../../inbox/message.ts'
import { isBlank } from '../../support/text/printable.ts'
import { invalid, unsupported } from './problem.ts'

/** The content of one message: its text and its files. */
export interface Content {
  readonly text: string
  readonly files: readonly Attachment[]
}

/** `data:image/png;base64,…`. @see https://datatracker.ietf.org/doc/html/rfc2397 */
const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]+)?(?:;[a-z-]+=[^;,]*)*;base64,/i
/** One character at a time: a pattern for the whole of it reads hostile text with the square of its length. */
const NEITHER_BASE64_NOR_SPACE = /[^A-Za-z0-9+/=\t\n\v\f\r ]/
const NEITHER_PADDING_NOR_SPACE = /[^=\t\n\v\f\r ]/
const MAX_PADDING = 2

/** File names are only displayed. */
const MAX_NAME = 120

/**
 * The `content` of a message: a string, or a list of parts. URLs are never fetched: a sender
 * could make the gateway fetch from inside its network.
 *
 * @param at the path in the request, for the error
 * @throws ParameterProblem 400
 */
export function contentOf(value: unknown, at: string): Content {
  if (value === null || value === undefined) return { text: '', files: [] }
  if (typeof value === 'string') return { text: isBlank(value) ? '' : value.toWellFormed(), files: [] }
  if (!Array.isArray(value)) throw invalid(at, 'Content must be a string or a list of parts.')
  const texts: string[] = []
  const files: Attachment[] = []
  for (const [index, part] of value.entries()) {
    const place = `${at}[${index}]`
    const { type } = objectOf(part, place)
    switch (type) {
      case 'text':
        texts.push(partText(part, place))
        break
      case 'refusal':
        break
      case 'image_url':
        files.push(imageOf(part, place))
        break
      case 'file':
        files.push(fileOf(part, place))
        break
      default:
        throw unsupported(place, 'Parts may be text, image_url with a data: URL, or file with file_data.')
    }
  }
  return { text: texts.filter((text) => !isBlank(text)).join('\n\n'), files }
}

function partText(part: unknown, at: string): string {
  const { text } = objectOf(part, at)
  if (typeof text !== 'string') throw invalid(`${at}.text`, 'A text must be a string.')
  return text.toWellFormed()
}

function imageOf(part: unknown, at: string): Attachment {
  const { image_url: image } = objectOf(part, at)
  const url = typeof image === 'string' ? image : objectOf(image, `${at}.image_url`)['url']
  return { ...bytesOf(url, `${at}.image_url.url`), name: 'image' }
}

function fileOf(part: unknown, at: string): Attachment {
  const { file_data: data, filename } = objectOf(objectOf(part, at)['file'], `${at}.file`)
  const name = typeof filename === 'string' ? cleanName(filename) : ''
  return { ...bytesOf(data, `${at}.file.file_data`), name: name || 'file' }
}

function bytesOf(url: unknown, at: string): Omit<Attachment, 'name'> {
  if (typeof url !== 'string') throw invalid(at, 'A data: URL is needed here.')
  // Only the start is matched: the rest may be megabytes.
  const match = DATA_URL.exec(url.slice(0, 256))
  if (!match) throw unsupported(at, 'Addresses are not fetched: send the content as a data: URL in base64.')
  const encoded = url.slice(match[0].length)
  if (!isBase64(encoded)) throw invalid(at, 'This is not base64.')
  // Passes over the spaces: to take a million of them out first costs a hundred times as much.
  const bytes = Buffer.from(encoded, 'base64')
  if (bytes.length === 0) throw invalid(at, 'This is empty.')
  return { mediaType: (match[1] ?? 'text/plain').toLowerCase(), bytes }
}

/** Spaces and line ends may stand anywhere. */
function isBase64(encoded: string): boolean {
  if (NEITHER_BASE64_NOR_SPACE.test(encoded)) return false
  const padding = encoded.indexOf('=')
  if (padding < 0) return true
  const end = encoded.slice(padding)
  return !NEITHER_PADDING_NOR_SPACE.test(end) && end.split('=', MAX_PADDING + 2).length <= MAX_PADDING + 1
}

function cleanName(name: string): string {
  // Far more than is kept, and far less than a request may hold.
  const start = name.slice(0, 16 * MAX_NAME).toWellFormed()
  return [...start.replace(/[\p{Cc}\p{Cf}/\\]/gu, '')].slice(0, MAX_NAME).join('').trim()
}

export function objectOf(value: unknown, at: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw invalid(at, 'An object is needed here.')
}
