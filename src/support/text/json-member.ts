/**
 * The text of a member of a JSON object, byte by byte as it is written: to parse it and write it again would
 * change the order of its keys and the digits of its numbers. Null = it has no member of this name.
 *
 * @param object JSON text of an object; of several members with the same name the first counts
 */
export function jsonMember(object: string, name: string): string | null {
  let at = skipSpace(object, 0) + 1
  for (;;) {
    const key = skipSpace(object, at)
    if (object[key] !== '"') return null
    const keyEnd = endOfString(object, key)
    const value = skipSpace(object, skipSpace(object, keyEnd) + 1)
    const valueEnd = endOfValue(object, value)
    if (JSON.parse(object.slice(key, keyEnd)) === name) return object.slice(value, valueEnd)
    at = skipSpace(object, valueEnd) + 1
  }
}

function skipSpace(text: string, at: number): number {
  while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++
  return at
}

/** Behind the closing quote of the string that begins at `at`. */
function endOfString(text: string, at: number): number {
  for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++
  return at + 1
}

function endOfValue(text: string, at: number): number {
  let depth = 0
  for (; at < text.length; at++) {
    const character = text[at]!
    if (character === '"') {
      at = endOfString(text, at) - 1
      if (depth === 0) return at + 1
    } else if (character === '{' || character === '[') depth++
    else if (character === '}' || character === ']') {
      // The bracket of the object around a number or a word is none of the value.
      if (depth === 0) return at
      if (--depth === 0) return at + 1
    } else if (depth === 0 && ', \t\n\r'.includes(character)) return at
  }
  return at
}
