import { expect } from 'vitest'

/** What a sentence is compared with by `toEqual`: a pattern accepts every sentence that matches it. */
export function asSentence(expected: string | RegExp | null): unknown {
  return expected instanceof RegExp ? expect.stringMatching(expected) : expected
}
