import { performance } from 'node:perf_hooks'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../test/support/test-chance.ts'
import { isQuickToParse } from './json-shape.ts'

const ask = (text: string) => isQuickToParse(Buffer.from(text))

test.each([
  ['nothing', ''],
  ['a text of brackets', JSON.stringify({ text: '['.repeat(1_000_000) })],
  ['a text that ends in backslashes', JSON.stringify({ a: '\\\\'.repeat(9), b: '[[['.repeat(99) })],
  ['a text with quotation marks', JSON.stringify(['"['.repeat(500)])],
  ['ninety levels', '['.repeat(90) + ']'.repeat(90)],
  ['many small objects', JSON.stringify(Array.from({ length: 20_000 }, (_, n) => ({ role: 'user', n })))],
  ['a text that never ends', `{"a":"${'['.repeat(1_000)}`],
])('%s is', (_what, text) => {
  expect(ask(text)).toBe(true)
})

test.each([
  ['a megabyte of brackets', '['.repeat(1_000_000)],
  ['objects within objects', '{"a":'.repeat(101)],
  ['a million empty lists', `[${'[],'.repeat(1_000_000)}[]]`],
  ['a million numbers', `[${'1,'.repeat(1_000_000)}1]`],
])('%s is not', (_what, text) => {
  expect(ask(text)).toBe(false)
})

test('whatever a program writes is, however its texts look', async () => {
  await assertProperty(
    fc.asyncProperty(fc.json({ maxDepth: 20 }), async (text) => {
      expect(ask(text)).toBe(true)
    }),
  )
})

test('20 MB of anything are scanned within a second', () => {
  for (const piece of ['a', '"', '\\"', '\\', '[]']) {
    const body = Buffer.from(`{"a":"${piece.repeat((20 * 1024 * 1024) / piece.length)}`)
    const began = performance.now()
    isQuickToParse(body)
    expect([piece, performance.now() - began < 1_000]).toEqual([piece, true])
  }
})
