import { expect, test } from 'vitest'
import { parseByteSize } from './byte-size.ts'

test.each([
  ['65536', 65_536],
  ['1B', 1],
  ['64KiB', 65_536],
  ['64KB', 64_000],
  ['64kB', 64_000],
  ['2MiB', 2_097_152],
  ['2MB', 2_000_000],
])('%s is %i bytes', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes)
})

test.each(['', '0', '-1', '64 KiB', '64kib', '1.5MB', '1GB', 'KiB'])('%j is no size', (text) => {
  expect(() => parseByteSize(text)).toThrow(RangeError)
})
