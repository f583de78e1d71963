import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../test/support/test-chance.ts'
import { RawContent } from './raw-content.ts'

const block = fc.record({ type: fc.string(), value: fc.jsonValue(), '10': fc.string() })

test('any block of any content is found, marked and cut off behind, and the others keep their bytes', () =>
  assertProperty(
    fc.property(
      fc.array(block, { minLength: 1, maxLength: 6 }),
      fc.nat(),
      fc.constantFrom(0, 2),
      (blocks, at, space) => {
        const index = at % blocks.length
        const content = new RawContent(JSON.stringify(blocks, null, space))
        let calls = 0
        expect(content.findLastIndex(() => ++calls === blocks.length - index)).toBe(index)
        const marked = content.withField(index, 'cache_control', { type: 'ephemeral' })
        const expected = blocks.map((one, place) =>
          place === index ? { ...one, cache_control: { type: 'ephemeral' } } : one,
        )
        expect(JSON.parse(marked.json)).toEqual(JSON.parse(JSON.stringify(expected)))
        expect(marked.json.replace(',"cache_control":{"type":"ephemeral"}', '').replaceAll(/\s/g, '')).toBe(
          content.json.replaceAll(/\s/g, ''),
        )
        expect(JSON.parse(content.endingWith(index).json)).toEqual(
          JSON.parse(JSON.stringify(blocks.slice(0, index + 1))),
        )
      },
    ),
  ))

test.each(['', '[]', '[', '[{"type":"text"', '["a"]', '{"a":"\\'])('%s has no block', (json) => {
  expect(new RawContent(json).findLastIndex(() => true)).toBe(-1)
})

test('of nothing that is accepted there is nothing left', () => {
  expect(new RawContent('[{"type":"a"}]').endingWith(-1).json).toBe('[]')
})
