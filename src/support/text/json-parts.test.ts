import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../../test/support/test-chance.ts'
import { jsonParts } from './json-parts.ts'

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
