/** A part of a text: from `start` to before `end`. */
interface Place {
  readonly start: number
  readonly end: number
}

/**
 * The elements of a JSON array, or the members of an object as `"name":value`, byte by byte as they are written: to
 * parse a value and write it again would change the order of its keys and the digits of its numbers.
 *
 * @param json JSON text of an array or an object
 */
export function jsonParts(json: string): readonly string[] {
  return jsonPlaces(json).map(({ start, end }) => json.slice(start, end))
}

/** As `jsonParts`, without copies of them. */
export function jsonPlaces(json: string): readonly Place[] {
  const places: Place[] = []
  let depth = 0
  let start = 0
  const close = (before: number) => {
    let end = before
    while (start < end && isSpace(json[start]!)) start++
    while (start < end && isSpace(json[end - 1]!)) end--
    if (start < end) places.push({ start, end })
    start = before + 1
  }
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case '"':
        at = endOfString(json, at)
        break
      case '[':
      case '{':
        if (++depth === 1) start = at + 1
        break
      case ']':
      case '}':
        if (--depth === 0) close(at)
        break
      case ',':
        if (depth === 1) close(at)
    }
  }
  return places
}

/**
 * The text of a member of a JSON object, byte by byte as it is written. Null = it has no member of this name.
 *
 * @param object JSON text of an object; of several members with the same name the first counts
 */
export function jsonMember(object: string, name: string): string | null {
  for (const { start, end } of jsonPlaces(object)) {
    if (object[start] !== '"') return null
    const keyEnd = endOfString(object, start) + 1
    if (JSON.parse(object.slice(start, keyEnd)) !== name) continue
    return object.slice(object.indexOf(':', keyEnd) + 1, end).trimStart()
  }
  return null
}

function isSpace(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r'
}

/** The closing quote of the string that begins at `start`: most of a text is within strings. */
function endOfString(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let backslashes = 0
    while (json[at - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return at
  }
  return json.length
}
