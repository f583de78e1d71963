import type { ToolCall } from '../conversation/model.ts'
import { isBlank } from '../support/text/printable.ts'

/** What a result names its call by; the API accepts no other characters. */
const CALL_ID = /^[\w-]{1,200}$/
/** Longer than a definition may have. A name that no tool has is for the caller to answer. */
const MAX_NAME_LENGTH = 200

/** More than any answer has: each source of a sentence makes a block of its own. */
const MAX_BLOCKS = 10_000
/** More than any agent runs for one answer. */
const MAX_CALLS = 100
/** What is longer could never be sent back: a request has at most 32 MB. */
const MAX_CONTENT_LENGTH = 32 * 1024 * 1024

export type Fields = Readonly<Record<string, unknown>>

/** A block while it is written, and as it came. */
interface Block {
  readonly type: string
  /** Without what comes in pieces. */
  readonly fields: Record<string, unknown>
  /** Where its text begins and ends in the text of the answer. */
  from: number
  to: number
  /** JSON text of the input of a call; null: none came. */
  input: string | null
}

/** Thrown for a block that cannot be sent back as it came. */
export class BrokenBlock extends Error {}

/** The blocks of an answer, in their order. What they say as text is kept once, by the answer. */
export class AnswerContent {
  readonly #blocks: Block[] = []
  #calls = 0
  #length = 0
  #serverCalls = false
  /** Calls of the provider's tools without what they found. */
  readonly #openCalls = new Set<unknown>()

  /** It has calls of the tools that the provider runs. */
  get hasServerCalls(): boolean {
    return this.#serverCalls
  }

  /** One of them has no result. */
  get hasOpenCall(): boolean {
    return this.#openCalls.size > 0
  }

  /** The newest block, or what there is of it, is text. */
  get endsInText(): boolean {
    return this.#blocks.at(-1)?.type === 'text'
  }

  /** More has come than an answer can have. */
  get isFull(): boolean {
    return this.#blocks.length > MAX_BLOCKS || this.#calls > MAX_CALLS || this.#length > MAX_CONTENT_LENGTH
  }

  /** @param at the length of the answer's text */
  open(type: string, fields: Fields, at: number): void {
    this.#blocks.push({ type, fields: { ...fields }, from: at, to: at, input: null })
    switch (type) {
      case 'text':
        return
      case 'tool_use':
        return this.#openCall(fields)
      case 'server_tool_use':
        this.#serverCalls = true
        this.#openCalls.add(fields['id'])
        return
      default:
        // What tools have found comes whole, and may be large.
        this.#length += JSON.stringify(fields).length
        this.#openCalls.delete(fields['tool_use_id'])
    }
  }

  /** The newest block's text begins only here. @param at the length of the answer's text */
  beginText(at: number): void {
    this.#blocks.at(-1)!.from = at
  }

  /** Text was added to the newest block. @param to the length of the answer's text */
  extendText(to: number): void {
    this.#blocks.at(-1)!.to = to
  }

  /** Adds a piece that is not text. What is of no known kind changes nothing. @throws BrokenBlock */
  add(delta: Fields): void {
    const block = this.#blocks.at(-1)
    if (!block) return
    switch (delta['type']) {
      case 'thinking_delta':
        block.fields['thinking'] = stringOf(block.fields['thinking'] ?? '') + this.#piece(delta['thinking'])
        return
      case 'signature_delta':
        block.fields['signature'] = this.#piece(delta['signature'])
        return
      case 'compaction_delta': {
        // It brings the whole of what it names.
        const { type: _, ...rest } = delta
        this.#length += JSON.stringify(rest).length
        Object.assign(block.fields, rest)
        return
      }
      case 'input_json_delta':
        block.input = (block.input ?? '') + this.#piece(delta['partial_json'])
        return
      case 'citations_delta': {
        const { citation = null } = delta
        this.#length += JSON.stringify(citation).length
        const known = block.fields['citations']
        if (Array.isArray(known)) known.push(citation)
        else block.fields['citations'] = [citation]
      }
    }
  }

  /** What is being written will not get its end. */
  cut(): void {
    if (!this.endsInText) this.#blocks.pop()
  }

  /** One block, with a text and nothing else. */
  get isPlain(): boolean {
    const [block] = this.#blocks
    if (this.#blocks.length !== 1 || block!.type !== 'text') return false
    return Object.entries(block!.fields).every(
      ([name, value]) => name === 'type' || name === 'text' || value === null || value === undefined,
    )
  }

  /** JSON text of the array of blocks. @param text of the answer */
  toJson(text: string): string {
    if (this.isPlain && !isBlank(text)) {
      const { from, to } = this.#blocks[0]!
      return JSON.stringify([{ type: 'text', text: text.slice(from, to) }])
    }
    const blocks = this.#blocks.flatMap((block) => {
      const json = jsonOf(block, text)
      return json === null ? [] : [{ type: block.type, json }]
    })
    // The API takes no answer back that ends with thinking.
    const end = blocks.findLastIndex(({ type }) => type !== 'thinking' && type !== 'redacted_thinking')
    return `[${blocks
      .slice(0, end + 1)
      .map(({ json }) => json)
      .join(',')}]`
  }

  get calls(): readonly ToolCall[] {
    if (this.#calls === 0) return []
    return this.#blocks
      .filter(({ type }) => type === 'tool_use')
      .map((block) => {
        const { id, name } = block.fields
        return { id: String(id), name: String(name), input: inputOf(block) }
      })
  }

  #openCall({ id, name }: Fields): void {
    const earlier = this.#blocks.slice(0, -1)
    if (typeof id !== 'string' || !CALL_ID.test(id)) throw new BrokenBlock('a call without an id')
    if (typeof name !== 'string' || name === '' || name.length > MAX_NAME_LENGTH)
      throw new BrokenBlock('a call without the name of its tool')
    if (earlier.some(({ type, fields }) => type === 'tool_use' && fields['id'] === id))
      throw new BrokenBlock('two calls of one id')
    this.#calls++
  }

  #piece(value: unknown): string {
    const piece = stringOf(value)
    this.#length += piece.length
    return piece
  }
}

/** A block as JSON text, its fields in the order in which they came; null: it cannot be sent back. */
function jsonOf(block: Block, text: string): string | null {
  const { type, fields, from, to } = block
  if (type === 'text') {
    const own = text.slice(from, to)
    return isBlank(own) ? null : JSON.stringify({ ...fields, text: own })
  }
  // It was cut before it was signed.
  if (type === 'thinking' && (typeof fields['signature'] !== 'string' || fields['signature'] === ''))
    return null
  const isCall = type === 'tool_use' || type === 'server_tool_use'
  if (!isCall && block.input === null && !('input' in fields)) return JSON.stringify(fields)
  const input = inputOf(block)
  const names = Object.keys(fields)
  const pairs = (names.includes('input') ? names : [...names, 'input']).map(
    (name) =>
      `${JSON.stringify(name)}:${name === 'input' ? (isObject(input) ? input : '{}') : JSON.stringify(fields[name])}`,
  )
  return `{${pairs.join(',')}}`
}

/** As the model wrote it: an input without pieces is the one that the block began with. */
function inputOf({ fields, input }: Block): string {
  return input === null || input === '' ? (JSON.stringify(fields['input']) ?? '{}') : input
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function stringOf(value: unknown): string {
  if (typeof value !== 'string') throw new BrokenBlock('a piece of a block that is no text')
  return value
}
