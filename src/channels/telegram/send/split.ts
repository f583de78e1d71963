import {
  firstPart as first,
  splitMarkdown as split,
  type MessageRoom,
} from '../../kit/send/split-markdown.ts'
import { toPlainText, toTelegramHtml, visibleLength } from './format.ts'

/** @see https://core.telegram.org/bots/api#sendmessage */
export const MAX_MESSAGE_UNITS = 4_096

/** The messages in which an answer is sent; see the splitter that all platforms share. */
export function splitMarkdown(text: string, limit: number = MAX_MESSAGE_UNITS): readonly string[] {
  return split(text, roomOf(limit))
}

/** The first of the parts, for a draft that shows no more. */
export function firstPart(text: string, limit: number = MAX_MESSAGE_UNITS): string {
  return first(text, roomOf(limit))
}

function roomOf(limit: number): MessageRoom {
  // Only tables grow beyond double; short answers need not be formatted twice.
  const surelyFits = (markdown: string) => markdown.length <= limit / 2 && !markdown.includes('|')
  return {
    limit,
    shownLength: (markdown) => (surelyFits(markdown) ? markdown.length : shownLength(markdown)),
  }
}

/** In whichever way it is sent: formatted, or as written where the formatting is refused. */
function shownLength(markdown: string): number {
  const plain = toPlainText(markdown, { group: true }).length
  try {
    return Math.max(plain, visibleLength(toTelegramHtml(markdown, { group: true })))
  } catch {
    // Nested too deeply to be formatted: it will be sent as written.
    return plain
  }
}
