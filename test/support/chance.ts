import { createHash, randomInt } from 'node:crypto'

/** A source of numbers in [0, 1), as `Math.random` is one. */
export type Random = () => number

/** The seed of this run: what HERMES_TEST_SEED says, so that a run can be repeated; a new one otherwise. */
export const SEED = seedFrom(process.env['HERMES_TEST_SEED'])

/** The same numbers for the same seed and name, whatever else draws from other names. */
export function seededRandom(name: string): Random {
  // mulberry32: one word of state, and good enough to choose moments.
  let state = createHash('sha256').update(`${SEED} ${name}`).digest().readUInt32LE()
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function seedFrom(text: string | undefined): number {
  if (text === undefined) return randomInt(2 ** 31)
  const seed = Number(text)
  if (!Number.isInteger(seed)) throw new Error(`HERMES_TEST_SEED is no whole number: ${text}`)
  return seed
}
