import { jsonPlaces } from '../support/text/json-parts.ts'

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
    return jsonPlaces(this.json).findLastIndex(({ start, end }) => {
      const block = parseObject(this.json.slice(start, end))
      return block !== null && accepts(block)
    })
  }

  /** The same without the blocks behind one. @param index -1 = without any */
  endingWith(index: number): RawContent {
    return new RawContent(index === -1 ? '[]' : `${this.json.slice(0, jsonPlaces(this.json)[index]!.end)}]`)
  }

  /** The same with one more field in a block. @param value anything that JSON has */
  withField(index: number, name: string, value: unknown): RawContent {
    const { start, end } = jsonPlaces(this.json)[index]!
    const block = this.json.slice(start, end)
    const field = `${JSON.stringify(name)}:${JSON.stringify(value)}`
    // A block has its type at least, so a field stands before this one.
    const longer = `${block.slice(0, block.lastIndexOf('}'))},${field}}`
    return new RawContent(this.json.slice(0, start) + longer + this.json.slice(end))
  }
}

function parseObject(json: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}
