import { closes, fenceOf, type Fence } from '../../kit/fence.ts'
import { firstPart, splitMarkdown } from '../../kit/split-markdown.ts'

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

const DEEP_HEADING = /^(\s{0,3})#{4,6}\s+(.*?)\s*#*$/
const RULE = /^\s{0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/
const PICTURE = /!\[([^\]\n]*)\]\((\S+?)\)/g

function shownLine(line: string): string {
  if (RULE.test(line)) return '—'
  const heading = DEEP_HEADING.exec(line)
  if (heading) return `${heading[1]}**${heading[2]!.replaceAll('**', '')}**`
  return line.replace(PICTURE, (_, alt: string, address: string) => `[${alt || 'picture'}](${address})`)
}

const DIVIDER = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/

/** How many lines of a table begin here; 0 = none. */
function tableAt(lines: readonly string[], at: number): number {
  const divider = lines[at + 1]
  if (!lines[at]!.includes('|') || divider === undefined || !divider.includes('|') || !DIVIDER.test(divider))
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
