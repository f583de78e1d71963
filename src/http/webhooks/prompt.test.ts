import { expect, test } from 'vitest'
import { promptOf, textsIn } from './prompt.ts'

const BODY = '{"ref": "main", "commits": [{"message": "fix {{body}}"}], "size": 3, "none": null}'

test('a template names the whole body or parts of it', () => {
  expect(promptOf('Got {{body}}', 'x', 'not JSON')).toBe('Got not JSON')
  expect(promptOf('{{name}}: {{ body.ref }} / {{body.commits.0.message}} / {{body.size}}', 'ci', BODY)).toBe(
    'ci: main / fix {{body}} / 3',
  )
  expect(promptOf('[{{body.none}}{{body.missing.deep}}{{body.constructor}}]', 'ci', BODY)).toBe('[]')
  expect(promptOf('{{body.commits}}', 'ci', BODY)).toBe('[{"message":"fix {{body}}"}]')
  expect(promptOf('{{body.ref}}', 'ci', 'not JSON')).toBe('')
})

test('a template without a body has it at its end, and without a template there is a usual one', () => {
  expect(promptOf('What is this?', 'ci', 'a thing')).toBe('What is this?\n\na thing')
  const usual = promptOf(null, 'ci', '$& a thing')
  expect(usual).toContain('“ci”')
  expect(usual.endsWith('\n\n$& a thing')).toBe(true)
})

test('every text of a JSON body is found, keys included', () => {
  expect(textsIn('{"a": ["b", {"c": "d"}], "e": 1}')).toEqual(
    expect.arrayContaining(['a', 'b', 'c', 'd', 'e']),
  )
  expect(textsIn('plain')).toEqual(['plain'])
})
