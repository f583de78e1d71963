import { firstPart, splitMarkdown, type MessageRoom } from '../../kit/send/split-markdown.ts'
import { toMrkdwn, toPlainText } from './format.ts'

/**
 * What Slack recommends for one message; it accepts ten times as much and collapses it.
 *
 * @see https://docs.slack.dev/reference/methods/chat.postMessage#truncating
 */
export const MAX_MESSAGE_CHARS = 4_000

const ROOM: MessageRoom = { limit: MAX_MESSAGE_CHARS, shownLength: (markdown) => wordingOf(markdown).length }

/** The messages in which an answer is sent, each Markdown of its own. Pure. */
export function partsOf(text: string): readonly string[] {
  return splitMarkdown(text, ROOM)
}

/** The first of the parts, for a draft that shows no more. */
export function draftOf(text: string): string {
  return firstPart(text, ROOM)
}

/** A part as Slack gets it. What makes no message is sent as it was written. */
export function wordingOf(markdown: string): string {
  try {
    const text = toMrkdwn(markdown)
    if (text !== '') return text
  } catch {
    // Nesting deeper than the stack: unreadable with or without formatting.
  }
  return toPlainText(markdown)
}
