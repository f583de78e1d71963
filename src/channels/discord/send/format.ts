import { closes, fenceOf, type Fence } from '../../../support/text/fence.ts'
import { decodeEntities } from '../../kit/send/plain-text.ts'
import { firstPart, splitMarkdown } from '../../kit/send/split-markdown.ts'

/** Counted in UTF-16 units, which are never fewer than Discord's characters. @see https://discord.com/developers/docs/resources/message#create-message */
export const MAX_MESSAGE_UNITS = 2_000
const ROOM = { limit: MAX_MESSAGE_UNITS, shownLength: (markdown: string) => markdown.length }

/** The messages in which an answer is sent. Pure. */
export function splitForDiscord(text: string): readonly string[] {
  return splitMarkdown(toDiscordMarkdown(text), ROOM)
}

/** The first of the parts, for a draft that shows no more. */
export function firstForDiscord(text: string): string {
  return firstPart(toDiscordMarkdown(text), ROOM)
}

/**
 * Markdown as models write it, in the part of it that Discord shows: tables become code blocks in
 * columns, headings beyond the third level bold lines, rules a dash, pictures links. Code stays as it is. Pure.
 *
 * @see https://support.discord.com/hc/en-us/articles/210298617
 */
export function toDiscordMarkdown(text: string): string {
  const lines = text.split('\n')
  const shown: string[] = []
  let fence: Fence | null = null
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    if (fence) {
      if (closes(line, fence)) fence = null
      shown.push(line)
      continue
    }
    fence = fenceOf(line)
    if (fence) {
      shown.push(line)
      continue
    }
    const rows = tableAt(lines, at)
    if (rows > 0) {
      shown.push('```', ...columns(lines.slice(at, at + rows)), '```')
      at += rows - 1
    } else shown.push(shownLine(line))
  }
  return shown.join('\n')
}

const DEEP_HEADING = /^\s{0,3}#{4,6}(?=\s)/
const RULE = /^\s{0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/
/** Bounds on words and address: a line of nothing but openings costs no more than its length. */
const PICTURE = /!\[([^[\]\n]{0,1000})\]\(([^\s()]{1,2000})\)/g

function shownLine(line: string): string {
  if (RULE.test(line)) return '—'
  const mark = DEEP_HEADING.exec(line)?.[0]
  if (mark !== undefined) {
    const title = withoutTrailing(line.slice(mark.length).trim(), '#').trimEnd()
    return `${mark.replaceAll('#', '')}**${decodedText(title.replaceAll('**', ''))}**`
  }
  return decodedText(line).replace(
    PICTURE,
    (_, alt: string, address: string) => `[${alt || 'picture'}](${address})`,
  )
}

function withoutTrailing(text: string, mark: string): string {
  let end = text.length
  while (end > 0 && text[end - 1] === mark) end--
  return text.slice(0, end)
}

/** A line with its character references decoded, but for those between backticks. */
function decodedText(line: string): string {
  if (!line.includes('&')) return line
  let shown = ''
  let at = 0
  for (const [start, end] of codeSpans(line)) {
    shown += decodeEntities(line.slice(at, start), inMarkdown) + line.slice(start, end)
    at = end
  }
  return shown + decodeEntities(line.slice(at), inMarkdown)
}

/** Where code is in a line: between two runs of as many backticks. */
function codeSpans(line: string): ReadonlyArray<readonly [number, number]> {
  const ticks = [...line.matchAll(/`+/g)]
  const closing: number[] = []
  const nearest = new Map<number, number>()
  for (let at = ticks.length - 1; at >= 0; at--) {
    const { length } = ticks[at]![0]
    closing[at] = nearest.get(length) ?? -1
    nearest.set(length, at)
  }
  const spans: Array<readonly [number, number]> = []
  for (let at = 0; at < ticks.length; at++) {
    const last = ticks[closing[at]!]
    if (!last) continue
    spans.push([ticks[at]!.index, last.index + last[0].length])
    at = closing[at]!
  }
  return spans
}

/** A character that would begin a mark or call somebody is shown without doing so. */
function inMarkdown(character: string): string {
  return /^[*_~`|<>#@[\]()\\]$/.test(character) ? `\\${character}` : character
}

/** `|---|:-:|`: cells of dashes, with a colon at either end. */
function isDivider(line: string): boolean {
  const cells = line.trim().split('|')
  if (cells.length > 1 && cells[0]!.trim() === '') cells.shift()
  if (cells.length > 1 && cells.at(-1)!.trim() === '') cells.pop()
  return cells.every((cell) => /^:?-+:?$/.test(cell.trim()))
}

/** How many lines of a table begin here; 0 = none. */
function tableAt(lines: readonly string[], at: number): number {
  const divider = lines[at + 1]
  if (!lines[at]!.includes('|') || divider === undefined || !divider.includes('|') || !isDivider(divider))
    return 0
  let end = at + 2
  while (end < lines.length && lines[end]!.includes('|')) end++
  return end - at
}

/** A table in fixed width; its divider becomes a line. */
function columns(table: readonly string[]): string[] {
  const rows = table.filter((_, index) => index !== 1).map(cellsOf)
  const widths: number[] = []
  for (const row of rows)
    row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)))
  const written = rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index]!))
      .join('  ')
      .trimEnd(),
  )
  return [written[0]!, widths.map((width) => '-'.repeat(Math.max(1, width))).join('  '), ...written.slice(1)]
}

function cellsOf(line: string): string[] {
  return line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|').replaceAll('```', "'''").replaceAll('**', ''))
}
