/** The content of a message as JSON text. Only a block that gets a mark of the cache is read. */
export class RawContent {
  readonly json: string

  constructor(json: string) {
    this.json = json
  }

  /**
   * The last of its blocks that `accepts`.
   *
   * @param accepts is given each block from the last one on, until it accepts one
   * @returns where it stands among the blocks; -1 = nowhere
   */
  findLastIndex(accepts: (block: Readonly<Record<string, unknown>>) => boolean): number {
    return this.#places().findLastIndex(({ start, end }) => {
      const block = parseObject(this.json.slice(start, end))
      return block !== null && accepts(block)
    })
  }

  /** The same without the blocks behind one. @param index -1 = without any */
  endingWith(index: number): RawContent {
    return new RawContent(index === -1 ? '[]' : `${this.json.slice(0, this.#places()[index]!.end)}]`)
  }

  /** The same with one more field in a block. @param value anything that JSON has */
  withField(index: number, name: string, value: unknown): RawContent {
    const { start, end } = this.#places()[index]!
    const block = this.json.slice(start, end)
    const field = `${JSON.stringify(name)}:${JSON.stringify(value)}`
    // A block has its type at least, so a field stands before this one.
    const longer = `${block.slice(0, block.lastIndexOf('}'))},${field}}`
    return new RawContent(this.json.slice(0, start) + longer + this.json.slice(end))
  }

  /** The beginnings and ends of its blocks. */
  #places(): ReadonlyArray<{ readonly start: number; readonly end: number }> {
    const { json } = this
    const places: Array<{ start: number; end: number }> = []
    let depth = 0
    let start = 0
    for (let at = 0; at < json.length; at++) {
      switch (json[at]) {
        case '"':
          at = endOfString(json, at)
          break
        case '[':
        case '{':
          if (++depth === BLOCK_DEPTH) start = at
          break
        case ']':
        case '}':
          if (depth-- === BLOCK_DEPTH) places.push({ start, end: at + 1 })
      }
    }
    return places
  }
}

/** Blocks are the elements of the outermost array. */
const BLOCK_DEPTH = 2

/** The closing quote of the string that begins at `start`: most of a content is within strings. */
function endOfString(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let backslashes = 0
    while (json[at - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return at
  }
  return json.length
}

function parseObject(json: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
