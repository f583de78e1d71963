/** Far more than a tool's schema has. */
const MAX_DEPTH = 100
/** Of thousands of messages with their parts: more values than that say nothing, and take a second to build. */
const MAX_VALUES = 300_000

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const LIST = 0x5b
const LIST_END = 0x5d
const OBJECT = 0x7b
const OBJECT_END = 0x7d

/**
 * Is this text in JSON, whatever else is wrong with it, of a shape that `JSON.parse` builds quickly? A
 * megabyte of brackets costs it a hundred times what a megabyte of text does.
 */
export function isQuickToParse(json: Buffer): boolean {
  let depth = 0
  let values = 0
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]!
    if (byte === QUOTE) {
      at = endOfText(json, at)
      values++
    } else if (byte === COMMA) values++
    else if (byte === LIST || byte === OBJECT) {
      values++
      depth++
    } else if (byte === LIST_END || byte === OBJECT_END) depth--
    if (depth > MAX_DEPTH || values > MAX_VALUES) return false
  }
  return true
}

/** The place of the quotation mark that ends the text beginning at `start`; beyond the end where none does. */
function endOfText(json: Buffer, start: number): number {
  const next = json.indexOf(QUOTE, start + 1)
  if (next < 0 || json[next - 1] !== BACKSLASH) return next < 0 ? json.length : next
  // With escapes, of which there may be millions, byte by byte.
  let at = start + 1
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1
  return at
}
