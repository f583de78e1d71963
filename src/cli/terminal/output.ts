import { styleText } from 'node:util'
import { printable, printableLines, printableOutput } from '../../support/text/printable.ts'
import { redact } from '../../support/text/redact.ts'

/** What JSON leaves as it is and a terminal obeys. */
const RAW_IN_JSON = /[\u007F-\u009F\u061C\u200E\u200F\u2028-\u202E\u2066-\u2069]/g

/** Prints one JSON object on stdout and nothing else. */
export function printJson(value: unknown): void {
  const json = JSON.stringify(value, null, 2).replace(
    RAW_IN_JSON,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  process.stdout.write(`${json}\n`)
}

export function print(line = ''): void {
  process.stdout.write(`${printableOutput(line)}\n`)
}

/** Prints text of somebody else as it arrives, without a line break of ours. */
export function printPiece(text: string): void {
  process.stdout.write(printableLines(text))
}

/** Prints a diagnostic on stderr; a command's result never goes there. It may name a value in which a secret was put by mistake. */
export function printError(line: string): void {
  process.stderr.write(`hermes: ${printableOutput(redact(line))}\n`)
}

type Style = Parameters<typeof styleText>[0]

/** Colour on a terminal only; `styleText` also honours NO_COLOR. */
export function paint(style: Style, text: string): string {
  return styleText(style, printableLines(text), { stream: process.stdout, validateStream: true })
}

/** A cell of a table that is painted once it has been aligned. */
export interface PaintedCell {
  readonly style: Style
  readonly text: string
}

/** Aligns rows of text in columns; a cell is one line without colours of its own. */
export function table(rows: ReadonlyArray<ReadonlyArray<string | PaintedCell>>): string {
  const cells = rows.map((row) =>
    row.map((cell) =>
      typeof cell === 'string'
        ? { text: printable(cell), style: null }
        : { ...cell, text: printable(cell.text) },
    ),
  )
  const widths: number[] = []
  for (const row of cells)
    row.forEach(({ text }, column) => (widths[column] = Math.max(widths[column] ?? 0, text.length)))
  return cells
    .map((row) =>
      row
        .map(({ text, style }, column) => {
          const padding = ' '.repeat((widths[column] ?? 0) - text.length)
          return (style === null ? text : paint(style, text)) + padding
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `2 h 14 min`, `3 d 4 h`, `40 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 0) return `${days} d ${hours % 24} h`
  if (hours > 0) return `${hours} h ${minutes % 60} min`
  if (minutes > 0) return `${minutes} min`
  return `${seconds} s`
}

/** Made with the first use: a gateway prints no times, and the data of the locales takes 8 MB. */
let timeFormat: Intl.DateTimeFormat | null = null

/** `2026-11-29 10:58:35 CET`, in the time zone of this machine. */
export function localTime(time: string | number): string {
  timeFormat ??= new Intl.DateTimeFormat('en-GB', {
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'short',
  })
  const parts = timeFormat.formatToParts(new Date(time))
  const part = (type: Intl.DateTimeFormatPartTypes) => parts.find((each) => each.type === type)?.value ?? ''
  return `${part('year')}-${part('month')}-${part('day')} ${part('hour')}:${part('minute')}:${part('second')} ${part('timeZoneName')}`
}

const GIGABYTE = 1e9
const MEGABYTE = 1e6

/** `70 GB`, `1.5 GB`, `350 MB`, `0.4 MB`. */
export function fileSize(bytes: number): string {
  const [value, unit] = bytes >= GIGABYTE ? [bytes / GIGABYTE, 'GB'] : [bytes / MEGABYTE, 'MB']
  return `${value >= 10 ? Math.floor(value) : Number(value.toFixed(1))} ${unit}`
}

/** `0 warnings`, `1 message`, `3 messages`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** Asks a yes-or-no question on the terminal; without a terminal the answer is no. */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const { confirm: ask, isCancel } = await import('@clack/prompts')
  const answer = await ask({ message: question, initialValue: false })
  return !isCancel(answer) && answer
}
