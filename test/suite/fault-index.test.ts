import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, test } from 'vitest'

const FILES = globSync('test/faults/*.test.ts').map((file) => basename(file))
/** `| fault | what happens | promise | files |` */
const ROWS = readFileSync('test/faults/README.md', 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+ \|/.test(line))
  .map((line) => {
    const [, fault, , promises, files] = line.split('|').map((cell) => cell.trim())
    const named = [...files!.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => file!)
    return { fault: Number(fault), promises: promises!.split(', ').map(Number), files: named }
  })

/** `01-02-starts….test.ts` shows what holds under the faults 1 and 2. */
function faultsOf(file: string): number[] {
  return /^(?:\d\d-)+/.exec(file)![0].split('-').filter(Boolean).map(Number)
}

test('every file of a fault is in the index, in the row of each fault that it is named for', () => {
  expect(FILES.length).toBeGreaterThan(0)
  const missing = FILES.flatMap((file) =>
    faultsOf(file)
      .filter((fault) => !ROWS.find((row) => row.fault === fault)?.files.includes(file))
      .map((fault) => `${fault}: ${file}`),
  )
  expect(missing, 'to be added to the table in test/faults/README.md').toEqual([])
})

test('the index names no file that is gone, each fault once and in order, and a promise for each', () => {
  expect(ROWS.flatMap(({ files }) => files).filter((file) => !FILES.includes(file))).toEqual([])
  const numbers = ROWS.map(({ fault }) => fault)
  expect(numbers).toEqual([...new Set(numbers)].toSorted((one, other) => one - other))
  for (const { promises } of ROWS) {
    expect(promises.length).toBeGreaterThan(0)
    for (const promise of promises) expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]).toContain(promise)
  }
})
