/**
 * What may not reach a terminal or a line of a message when somebody else wrote it: control characters
 * (a terminal obeys them: it would clear lines, fill the clipboard, show forged rows), marks that turn
 * the direction of reading, and separators of lines and paragraphs.
 */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu
const LINE_BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g
/** The colours of `styleText` and of the log, and no other sequence. */
// oxlint-disable-next-line no-control-regex -- the escape character is what is looked for
const COLOUR = /\u001B\[(?:[0-24]|2[24]|[349]\d|10\d)m/
const UNPRINTABLE_OR_COLOUR = new RegExp(`${COLOUR.source}|${UNPRINTABLE.source}`, 'gu')

/** `text` as one line that only shows characters: line breaks become spaces. */
export function printable(text: string): string {
  return text.replace(LINE_BREAKS, ' ').replace(UNPRINTABLE, '')
}

/** As `printable`, with its lines and tabs kept. */
export function printableLines(text: string): string {
  return text.replace(UNPRINTABLE, (character) => (character === '\n' || character === '\t' ? character : ''))
}

/** As `printableLines`, for what we have coloured ourselves: colours stay, too. */
export function printableOutput(text: string): string {
  return text.replace(UNPRINTABLE_OR_COLOUR, (found) =>
    found.length > 1 || found === '\n' || found === '\t' ? found : '',
  )
}

/** A person's name as it is kept; null = nothing of it can be shown. */
export function printableName(name: string | null): string | null {
  return (name === null ? '' : printable(name).trim()) || null
}

/** Nothing but white space and control characters: the provider refuses a whole request for one such text. */
export function isBlank(text: string): boolean {
  return /^[\s\p{Cc}]*$/u.test(text)
}
