import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

/** The files of `npm run chaos` that hold rows carry the number of their fault. */
const ROW_FILES = globSync('bench/chaos/[0-9]*.ts').map((file) => file.replace('bench/chaos/', ''))
const FAULTS = globSync('test/faults/*.test.ts').map((file) => [file, readFileSync(file, 'utf8')] as const)

test('every row of the long rounds runs a few rounds in the suite, with the tests of its fault', () => {
  expect(ROW_FILES.length).toBeGreaterThan(0)
  const missing = ROW_FILES.filter((row) => {
    const number = row.slice(0, 2)
    return !FAULTS.some(
      ([file, text]) =>
        file.startsWith(`test/faults/${number}-`) &&
        text.includes(`bench/chaos/${row}`) &&
        /^fewRounds\(/m.test(text),
    )
  })
  expect(missing, 'no file test/faults/NN-*.test.ts imports these and calls fewRounds([row])').toEqual([])
})

test('the row without a fault of its own runs some seconds in the suite', () => {
  expect(readFileSync('test/hostile/outside.test.ts', 'utf8')).toMatch(/^fewRounds\(\[outside\], \d+\)$/m)
})

test('every row of the suite is one of the long rounds', () => {
  const rows = readFileSync('bench/chaos/rows.ts', 'utf8')
  expect([...ROW_FILES, 'outside.ts'].filter((row) => !rows.includes(`'./${row}'`))).toEqual([])
})
