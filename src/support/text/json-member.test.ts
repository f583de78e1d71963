import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { jsonMember } from './json-member.ts'

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
