import { expect } from 'vitest'

/** What a sentence is compared with by `toEqual`: a pattern stands for every sentence that fits it. */
export function asSentence(expected: string | RegExp | null): unknown {
  return expected instanceof RegExp ? expect.stringMatching(expected) : expected
}
