import { closes, fenceOf, type Fence } from '../../../support/text/fence.ts'
import { decodeEntities, isVisible } from './plain-text.ts'

/** What a platform lets one message be. */
export interface MessageRoom {
  /** The greatest `shownLength` of a part. */
  readonly limit: number
  /** How much of the limit a part takes as it is sent, whatever the platform counts; pure. */
  readonly shownLength: (markdown: string) => number
}

/** A part that ends before this share of the room would only make more messages. */
const GOOD_FILL = 0.5
/** Where nothing better is found, a word's end may leave this much room empty. */
const POOR_FILL = 0.1
/** A table that grows in its fixed width gets less source, step by step, down to this. */
const LEAST_ROOM = 256
const SHRINK = 0.75
/** Shown for an answer without any visible character, which platforms refuse. */
const NOTHING = '…'

/**
 * The messages in which an answer is sent. Each is Markdown of its own that finds room in one
 * message; ends are sought at a paragraph, a line, a sentence, a word, in this
 * order, and never within a character as people see it. A code block that fits into one
 * message is not torn; one that does not is closed and opened again with its language.
 *
 * Pure: the same text always gives the same parts. Joined they are the text again, but for
 * fences added in torn code blocks and for parts that would be blank.
 */
export function splitMarkdown(text: string, room: MessageRoom): readonly string[] {
  const parts: string[] = []
  let at = 0
  let fence: Fence | null = null
  while (at < text.length) {
    const part: Part = fittingPart(text, at, fence, room)
    if (isVisible(decodeEntities(text.slice(at, part.end)))) parts.push(part.text)
    at = part.end
    fence = part.fence
  }
  return parts.length > 0 ? parts : [NOTHING]
}

/** The first of the parts, for a draft that shows no more. */
export function firstPart(text: string, room: MessageRoom): string {
  return fittingPart(text, 0, null, room).text
}

interface Part {
  readonly text: string
  readonly end: number
  /** The code block that continues in the next part. */
  readonly fence: Fence | null
}

function fittingPart(text: string, at: number, fence: Fence | null, message: MessageRoom): Part {
  const { limit, shownLength } = message
  for (let room = limit; ; room = Math.floor(room * SHRINK)) {
    const part = partAt(text, at, fence, Math.max(room, LEAST_ROOM))
    if (room <= LEAST_ROOM || shownLength(part.text) <= limit) return part
  }
}

function partAt(text: string, at: number, open: Fence | null, limit: number): Part {
  const head = open ? `${open.opening}\n` : ''
  if (text.length - at + head.length <= limit)
    return { text: head + text.slice(at), end: text.length, fence: null }
  const { end, fence } = findEnd(text, at, open, limit - head.length)
  const body = text.slice(at, end)
  const tail = fence ? `${body.endsWith('\n') ? '' : '\n'}${fence.closing}` : ''
  return { text: head + body + tail, end, fence }
}

/** The best place to end a part that begins at `at` and has `room` units. */
function findEnd(
  text: string,
  at: number,
  open: Fence | null,
  room: number,
): { readonly end: number; readonly fence: Fence | null } {
  const good = at + Math.floor(room * GOOD_FILL)
  let fence = open
  let fenceStart = at
  let paragraph = -1
  let line = -1
  let codeLine: { end: number; fence: Fence } | null = null
  let next = at
  while (next < text.length) {
    const start = next
    const newline = text.indexOf('\n', start)
    next = newline === -1 ? text.length : newline + 1
    const content = text.slice(start, newline === -1 ? text.length : newline)
    const opening = fence === null ? fenceOf(content) : null
    if (opening && start > at) paragraph = line = start
    if (next - at > room) break
    if (opening) {
      fence = opening
      fenceStart = start
    } else if (fence && closes(content, fence)) {
      fence = null
      paragraph = line = next
    } else if (fence === null) {
      line = next
      if (content.trim() === '') paragraph = next
    }
    // The fence that would have to be added must find room as well.
    if (fence && next - at + fence.closing.length <= room) codeLine = { end: next, fence }
  }
  if (fence && fenceStart > at && fenceLength(text, fenceStart, fence) <= room)
    return { end: fenceStart, fence: null }
  if (fence === null || fenceStart > at) {
    if (paragraph >= good) return { end: paragraph, fence: null }
    if (line >= good) return { end: line, fence: null }
  }
  if (fence) {
    if (codeLine && codeLine.fence === fence && codeLine.end > fenceEntry(text, fenceStart, open, fence, at))
      return codeLine
    if (fenceStart > at) return { end: fenceStart, fence: null }
    return { end: withinLine(text, at, room - fence.closing.length - 1), fence }
  }
  return { end: withinLine(text, at, room), fence: null }
}

/** Where the code itself begins: a part must not end right behind the opening fence. */
function fenceEntry(text: string, fenceStart: number, open: Fence | null, fence: Fence, at: number): number {
  if (fence === open) return at
  const newline = text.indexOf('\n', fenceStart)
  return newline === -1 ? text.length : newline + 1
}

/** Length of the whole code block that opens at `start`, its fences included. */
function fenceLength(text: string, start: number, fence: Fence): number {
  let next = text.indexOf('\n', start) + 1
  while (next > 0 && next < text.length) {
    const newline = text.indexOf('\n', next)
    const end = newline === -1 ? text.length : newline
    if (closes(text.slice(next, end), fence)) return end - start
    next = newline + 1
  }
  return text.length - start
}

const SENTENCE_END = /[.!?…。！？][)\]"'”’»*_]*\s+/g
const WORD_END = /\s+/g

/** An end in the running text: after a sentence, after a word, at worst between two characters. */
function withinLine(text: string, at: number, room: number): number {
  const window = text.slice(at, at + room)
  const sentence = lastEnd(window, SENTENCE_END)
  if (sentence >= room * GOOD_FILL) return at + sentence
  const newline = window.lastIndexOf('\n') + 1
  if (newline >= room * GOOD_FILL) return at + newline
  const word = lastEnd(window, WORD_END)
  if (word >= room * POOR_FILL) return at + word
  return at + graphemeEnd(text.slice(at, at + room + GRAPHEME_LOOKAHEAD), room)
}

function lastEnd(window: string, pattern: RegExp): number {
  let end = -1
  for (const match of window.matchAll(pattern)) end = match.index + match[0].length
  return end
}

/** Enough of what follows to see whether a character continues there; families of emoji are shorter. */
const GRAPHEME_LOOKAHEAD = 64
/** Made when it is first needed: making it costs more than loading all of this channel. */
let graphemes: Intl.Segmenter | null = null

/** The last boundary between two characters at or before `room`. */
function graphemeEnd(window: string, room: number): number {
  graphemes ??= new Intl.Segmenter(undefined, { granularity: 'grapheme' })
  const segment = graphemes.segment(window).containing(room)
  const end = segment?.index ?? room
  if (end > 0) return end
  // One "character" longer than a message: at least no surrogate pair is torn.
  const unit = window.charCodeAt(room)
  return unit >= 0xdc00 && unit <= 0xdfff ? room - 1 : room
}
