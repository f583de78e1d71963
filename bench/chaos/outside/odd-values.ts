import type { Random } from '../../../test/support/chance.ts'

/** Text that parsers, patterns, terminals and chats have fallen over; parted by `§`. */
const ALPHABETS = [
  ' §\n§\r\n§(§[§<§{§"§`§\\§|§*§_§~§#§@§> §- §=§![§](§[a](§[a]: b\n§**a§```\n§|-|\n§<!--§<a §&lt;§&#x§%00§%ff',
  '\u200b§\u2800§\u202e§\ufeff§\u0000§\u001b[2J§\ud800§😀§é§漢§\u0301§../§/new §/help §@everyone §From: a@b\n',
  'On Mon, 1 Dec 2025, Bot wrote:\n§data: §--\n§__proto__§constructor§${x}§{{body}}§a§A1§1e999§null§true',
].flatMap((letters) => letters.split('§'))
const LENGTHS = [0, 1, 2, 7, 40, 300, 4_096, 20_000]
const SCALARS: readonly unknown[] = [
  undefined,
  null,
  true,
  false,
  '',
  'x',
  0,
  -1.5,
  7,
  1e300,
  2 ** 53,
  [],
  {},
  [null],
  [[]],
  { toString: null },
  JSON.parse('{"__proto__":{"text":"x"}}'),
]
const NAMES = ['text', 'id', 'type', 'error', 'ok', 'result', 'content', '', '__proto__', 'length', 'message']
/** Deep enough for a reader that calls itself, and readable for `JSON.parse`. */
const DEPTH = 3_000
const LARGE = 10 * 1024 * 1024

/** Odd values at random; the same ones again under the same seed. */
export class OddValues {
  readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  /** A whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.random() * end)
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  /** Hostile text of at most some 20 kB. */
  text(): string {
    const length = this.pick(LENGTHS)
    const letters = Array.from({ length: 1 + this.below(3) }, () => this.pick(ALPHABETS)).join('')
    return letters.repeat(Math.ceil(length / letters.length)).slice(0, length)
  }

  /** Ten megabytes of one letter. */
  large(): string {
    return this.pick(['x', ' ', '[', '"', '\n', '漢']).repeat(LARGE)
  }

  value(depth = 3): unknown {
    const kind = this.random()
    // A copy: what is put into a frame may be changed once more.
    if (kind < 0.5 || depth === 0) return structuredClone(this.pick(SCALARS))
    if (kind < 0.75) return this.text()
    if (kind < 0.78) return this.#deep()
    const length = this.below(4)
    if (kind < 0.88) return Array.from({ length }, () => this.value(depth - 1))
    return Object.fromEntries(Array.from({ length }, () => [this.pick(NAMES), this.value(depth - 1)]))
  }

  /**
   * `frame` with one to three parts, at whatever depth, missing or something else.
   *
   * @param wholeShare of those that are something else altogether
   */
  version(frame: unknown, wholeShare = 0.03): unknown {
    const copy = structuredClone(frame)
    if (typeof copy !== 'object' || copy === null || this.chance(wholeShare)) return this.value()
    for (let count = 1 + this.below(3); count > 0; count--) this.#change(copy as Record<string, unknown>)
    return copy
  }

  #change(object: Record<string, unknown>): void {
    const keys = Object.keys(object)
    if (keys.length === 0) return
    const key = this.pick(keys)
    const part = object[key]
    const inner = typeof part === 'object' && part !== null && Object.keys(part).length > 0
    if (inner && this.chance(0.8)) this.#change(part as Record<string, unknown>)
    else object[key] = typeof part === 'string' && this.chance(0.4) ? this.text() : this.value()
  }

  #deep(): unknown {
    const [open, close] = this.pick([
      ['[', ']'],
      ['{"a":', '}'],
    ] as const)
    return JSON.parse(`${open.repeat(DEPTH)}0${close.repeat(DEPTH)}`)
  }
}
