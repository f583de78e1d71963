/**
 * The elements of a JSON array, or the members of an object as `"name":value`, byte by byte as they are written: to
 * parse a value and write it again would change the order of its keys and the digits of its numbers.
 *
 * @param json JSON text of an array or an object
 */
export function jsonParts(json: string): readonly string[] {
  const parts: string[] = []
  let depth = 0
  let start = 0
  const close = (end: number) => {
    const part = json.slice(start, end).trim()
    if (part !== '') parts.push(part)
    start = end + 1
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
  return parts
}

/** The closing quote of the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let backslashes = 0
    while (json[at - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return at
  }
  return json.length
}
