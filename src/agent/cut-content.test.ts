import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../test/support/test-chance.ts'
import { cutContent } from './cut-content.ts'

test('what fits stays byte by byte', () => {
  const blocks =
    '[ {"type":"text","text":"a","10":1,"9":12345678901234567890}, {"type":"image","source":{}} ]'
  expect(cutContent('"\\u0061b"', 10)).toBe('"\\u0061b"')
  expect(cutContent(blocks, 10)).toBe(blocks)
})

test('of a longer text the head and the tail stay, and a line says how much is left out', () => {
  const text = `${'a'.repeat(500)}${'b'.repeat(500)}`
  expect(JSON.parse(cutContent(JSON.stringify(text), 10))).toBe(
    'aaaaa\n[… 990 of 1000 bytes are left out here …]\nbbbbb',
  )
})

test('the texts of several blocks share the room, and other blocks stay', () => {
  const image = { type: 'image', source: { type: 'base64', data: 'x'.repeat(100) } }
  const blocks = [{ type: 'text', text: 'a'.repeat(30) }, image, { type: 'text', text: 'bb' }]
  expect(JSON.parse(cutContent(JSON.stringify(blocks), 20))).toEqual([
    { type: 'text', text: 'aaaaa\n[… 20 of 30 bytes are left out here …]\naaaaa' },
    image,
    { type: 'text', text: 'bb' },
  ])
})

test.each(['', '{"a":1}', '12', 'null', '[1]', '{"half'])(
  '%j, which is no content, is its text',
  (content) => {
    expect(JSON.parse(cutContent(content, 100))).toBe(content)
  },
)

test('half a character is replaced, for no request could carry it', () => {
  expect(JSON.parse(cutContent('"a\\ud83d"', 100))).toBe('a\ufffd')
})

test('head, tail and what is left out are the whole, in characters that are whole', () => {
  assertProperty(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'é', '€', '🦜'), maxLength: 100 }),
      fc.integer({ min: 2, max: 60 }),
      (text, maxBytes) => {
        const size = Buffer.byteLength(text)
        fc.pre(size > maxBytes)
        const cut = JSON.parse(cutContent(JSON.stringify(text), maxBytes)) as string
        const parts = /^(.*)\n\[… (\d+) of (\d+) bytes are left out here …\]\n(.*)$/s.exec(cut)!
        const [head, leftOut, whole, tail] = [parts[1]!, Number(parts[2]), Number(parts[3]), parts[4]!]
        expect(whole).toBe(size)
        expect(Buffer.byteLength(head) + leftOut + Buffer.byteLength(tail)).toBe(size)
        expect(Buffer.byteLength(head) + Buffer.byteLength(tail)).toBeLessThanOrEqual(maxBytes)
        expect(text.startsWith(head) && text.endsWith(tail)).toBe(true)
      },
    ),
  )
})
