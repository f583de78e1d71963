import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { bodyDigest } from './body-digest.ts'

const MIB = 1024 * 1024
const wholeDigest = (body: object) => createHash('sha256').update(JSON.stringify(body)).digest('hex')

test.each([
  ['nothing', {}],
  ['every kind of value', { a: [1, -0.5, true, null, 'x', [], {}], 'ä"\n': { b: [{ c: [] }] } }],
  [
    'a member of its own called like the prototype',
    JSON.parse('{"__proto__":{"a":1},"2":0,"1":0}') as object,
  ],
  ['many small values', { list: Array.from({ length: 100_000 }, (_, n) => [n, { n: `${n}` }]) }],
  ['escapes over many pieces', { text: '\n"\\é'.repeat(MIB) }],
  ['pairs at the ends of pieces', { even: '😀'.repeat(MIB), odd: `x${'😀'.repeat(MIB)}` }],
  ['halves of pairs', { high: '\ud83d'.repeat(MIB + 1), low: `x${'\ude00'.repeat(2 * MIB)}` }],
])('is that of the whole text: %s', async (_what, body) => {
  expect(await bodyDigest(body as Record<string, unknown>)).toBe(wholeDigest(body))
})

test('others are served between the pieces of a long body', async () => {
  let turns = 0
  let isOver = false
  const count = () => {
    turns++
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  await bodyDigest({ messages: [{ content: 'y'.repeat(16 * MIB) }] })
  isOver = true
  expect(turns).toBeGreaterThanOrEqual(16)
})
