import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { SEED, seededRandom } from '../support/chance.ts'

/** Draws on a chance that no seed repeats. */
const UNSEEDED =
  /\bMath\.random\b|\bfc\.(?:assert|check|sample)\(|\{[^}]*\b(?:assert|check|sample)\b[^}]*\} from 'fast-check'/
const HELPERS = ['test/support/chance.ts', 'test/support/test-chance.ts', 'test/suite/chance.test.ts']

test('chance in tests comes from the seed', () => {
  const files = globSync(['{src,web}/**/*.test.ts', 'test/**/*.ts', 'bench/chaos/*.ts'])
  const unseeded = files
    .filter((file) => !HELPERS.includes(file))
    .filter((file) => UNSEEDED.test(readFileSync(file, 'utf8')))
  expect(files.length).toBeGreaterThan(0)
  expect(unseeded).toEqual([])
})

test('the same seed and name give the same numbers, another name gives others', () => {
  const numbers = (name: string) => Array.from({ length: 20 }, seededRandom(name))
  expect(numbers('a')).toEqual(numbers('a'))
  expect(numbers('a')).not.toEqual(numbers('b'))
  for (const number of numbers('a')) {
    expect(number).toBeGreaterThanOrEqual(0)
    expect(number).toBeLessThan(1)
  }
  expect(String(SEED)).toBe(process.env['HERMES_TEST_SEED'])
})
