import { createHash, type Hash } from 'node:crypto'
import { ownTurn } from '../../support/own-turn.ts'

/** Characters that are written and hashed in one turn of the event loop: a few milliseconds of work. */
const PIECE_LENGTH = 1024 * 1024
/** What a piece costs besides its characters: a number takes as long as a short text. */
const COST_OF_PIECE = 16

const LOW_SURROGATE = /[\uDC00-\uDFFF]/

/**
 * The SHA-256 of `JSON.stringify(body)`, in hexadecimal. A body of 20 MB is written in pieces, which
 * are never in memory together and leave the event loop to others in between.
 *
 * @param body as `JSON.parse` returned it
 */
export async function bodyDigest(body: Record<string, unknown>): Promise<string> {
  const writer = new PiecewiseHash()
  for (const piece of piecesOf(body)) {
    writer.write(piece)
    if (writer.isFull) {
      writer.flush()
      await ownTurn()
    }
  }
  writer.flush()
  return writer.digest()
}

class PiecewiseHash {
  readonly #hash: Hash = createHash('sha256')
  #pieces: string[] = []
  #length = 0

  get isFull(): boolean {
    return this.#length >= PIECE_LENGTH
  }

  write(piece: string): void {
    this.#pieces.push(piece)
    this.#length += piece.length + COST_OF_PIECE
  }

  flush(): void {
    this.#hash.update(this.#pieces.join(''))
    this.#pieces = []
    this.#length = 0
  }

  digest(): string {
    return this.#hash.digest('hex')
  }
}

/** Either text as it is written, or a value that is still to be written. */
type Pending = string | { readonly value: unknown }

/** What `JSON.stringify(root)` returns, in pieces; without recursion, however deep it is. */
function* piecesOf(root: unknown): Generator<string> {
  const pending: Pending[] = [{ value: root }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (typeof next === 'string') yield next
    else if (typeof next.value === 'string') yield* textPieces(next.value)
    else if (typeof next.value !== 'object' || next.value === null) yield JSON.stringify(next.value)
    else for (const part of partsOf(next.value).toReversed()) pending.push(part)
  }
}

function partsOf(container: object): Pending[] {
  const parts: Pending[] = []
  if (Array.isArray(container)) {
    for (const value of container) parts.push(parts.length === 0 ? '[' : ',', { value })
    return parts.length === 0 ? ['[]'] : [...parts, ']']
  }
  for (const [name, value] of Object.entries(container))
    parts.push(`${parts.length === 0 ? '{' : ','}${JSON.stringify(name)}:`, { value })
  return parts.length === 0 ? ['{}'] : [...parts, '}']
}

function* textPieces(text: string): Generator<string> {
  if (text.length <= PIECE_LENGTH) return yield JSON.stringify(text)
  yield '"'
  for (let start = 0; start < text.length;) {
    let end = start + PIECE_LENGTH
    // Half of a pair would be written as an escape.
    if (LOW_SURROGATE.test(text.charAt(end))) end++
    yield JSON.stringify(text.slice(start, end)).slice(1, -1)
    start = end
  }
  yield '"'
}
