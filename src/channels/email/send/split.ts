import { isVisible } from '../../kit/send/plain-text.ts'

/** One answer is one mail. Only what a mail program would choke on is sent in several. */
export const MAX_MAIL_CHARACTERS = 100_000
/** A part that ends before this share of the room would only make more mails. */
const GOOD_FILL = 0.5
/** Shown for an answer without any visible character. */
const NOTHING = '…'

/** The mails in which an answer is sent. Pure; joined, the parts are the text but for white space at their ends. */
export function splitAnswer(text: string, limit: number = MAX_MAIL_CHARACTERS): readonly string[] {
  const parts: string[] = []
  let rest = text.trimEnd()
  while (rest.length > limit) {
    const end = endWithin(rest, limit)
    parts.push(rest.slice(0, end).trimEnd())
    rest = rest.slice(end).replace(/^\s*\n/, '')
  }
  parts.push(rest)
  const visible = parts.filter(isVisible)
  return visible.length > 0 ? visible : [NOTHING]
}

/** After a paragraph, a line or a word, in this order; never within a character. */
function endWithin(text: string, limit: number): number {
  const window = text.slice(0, limit)
  for (const boundary of ['\n\n', '\n', ' ']) {
    const at = window.lastIndexOf(boundary)
    if (at >= limit * GOOD_FILL) return at + boundary.length
  }
  const unit = text.charCodeAt(limit)
  return unit >= 0xdc00 && unit <= 0xdfff ? limit - 1 : limit
}
