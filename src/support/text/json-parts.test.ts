import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { jsonMember, jsonParts } from './json-parts.ts'

const ODD = '{"b":1,"10":2,"9":3,"n":12345678901234567890,"x":1.50,"u":"\\u0000 \\\\\\" } ],"}'

test('the parts of a value are handed out byte by byte', () => {
  expect(jsonParts(`[ ${ODD} ,[1, 2],"a,\\"]", null]`)).toEqual([ODD, '[1, 2]', '"a,\\"]"', 'null'])
  expect(jsonParts(ODD)).toHaveLength(6)
  expect([jsonParts('[]'), jsonParts('{ }'), jsonParts('7')]).toEqual([[], [], []])
})

test('of every array and every object, however it is written', () => {
  const value = fc.oneof(
    fc.array(fc.jsonValue()),
    fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6, noNullPrototype: true }),
  )
  assertProperty(
    fc.property(value, fc.constantFrom(0, 2), (written, spaces) => {
      const parts = jsonParts(JSON.stringify(written, null, spaces)).join(',')
      const again: unknown = JSON.parse(Array.isArray(written) ? `[${parts}]` : `{${parts}}`)
      expect(again).toEqual(JSON.parse(JSON.stringify(written)))
      expect(jsonParts(JSON.stringify(written))).toHaveLength(Object.keys(written).length)
    }),
  )
})

test('a member is handed out byte by byte, with the order of its keys and the digits of its numbers', () => {
  const content = '[{"b":1,"10":2,"9":3,"n":12345678901234567890,"u":"\\u0000 \\" } ]"}]'
  const object = `{ "model" : "a\\"content\\":[]", "content":${content} ,"usage":{"n":1.50},"end":null}`
  expect(jsonMember(object, 'content')).toBe(content)
  expect(jsonMember(object, 'usage')).toBe('{"n":1.50}')
  expect(jsonMember(object, 'end')).toBe('null')
  expect(jsonMember(object, 'model')).toBe('"a\\"content\\":[]"')
  expect(jsonMember(object, 'n')).toBeNull()
  expect(jsonMember('{}', 'content')).toBeNull()
})

test('every member of every object is found, however it is written', () => {
  assertProperty(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 6, noNullPrototype: true }),
      fc.constantFrom(0, 2),
      (object, spaces) => {
        const text = JSON.stringify(object, null, spaces)
        for (const [name, value] of Object.entries(object))
          expect(JSON.parse(jsonMember(text, name)!)).toEqual(JSON.parse(JSON.stringify(value)))
      },
    ),
  )
})
