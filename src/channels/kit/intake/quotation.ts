import { looksLikeSignInPaste } from '../../../support/text/token-shape.ts'

/** Somebody's words that a person points to, and the model would not see otherwise. */
export interface Quotation {
  /** Was it answered, or passed on? */
  readonly kind: 'answered' | 'shared'
  /** Who wrote it, as others call them; null = nobody knows. */
  readonly from: string | null
  /** Empty: it has no words, such as a picture. */
  readonly text: string
}

/** More of it is not needed to know what is meant. */
const MAX_QUOTED = 4_000
const MAX_NAME = 120

/**
 * A person's words behind those that they point to, marked as somebody's quoted words: `>` before
 * each line. Not before a command, which is one only at the beginning, nor before a pasted code, which
 * must be seen as such.
 */
export function withQuotation(text: string, quotation: Quotation): string {
  if (/^\s*\/[a-z]/i.test(text) || looksLikeSignInPaste(text)) return text
  const { kind, from } = quotation
  const name = from
    ?.slice(0, MAX_NAME)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
  const source = `${kind === 'answered' ? 'In reply to a message' : 'A message'}${name ? ` from ${name}` : ''}`
  const words = quotation.text.trim()
  if (words === '') return `[${source}]\n\n${text}`.trimEnd()
  const shown = words.length > MAX_QUOTED ? `${words.slice(0, MAX_QUOTED).toWellFormed()}…` : words
  const lines = shown.split('\n').map((line) => `> ${line}`.trimEnd())
  return `[${source}:]\n${lines.join('\n')}\n\n${text}`.trimEnd()
}

/** Words that link to an address, with the address. What is the address already stays as it is. */
export function withAddress(words: string, address: string): string {
  const shown = words.trim()
  const bare = address.replace(/^[a-z][a-z0-9+.-]{0,20}:(?:\/\/)?/i, '')
  if (shown === address || shown === bare || `${shown}/` === address || `${shown}/` === bare) return words
  return shown === '' ? address : `[${words}](${address})`
}
