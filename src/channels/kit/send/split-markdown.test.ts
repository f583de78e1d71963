import { expect, test } from 'vitest'
import { splitMarkdown } from './split-markdown.ts'

const ROOM = { limit: 500, shownLength: (markdown: string) => markdown.length }

test.each([
  '',
  ' \n\t',
  '\u200b',
  '\u2800\u2800',
  '\u3164',
  '\u00ad\ufeff',
  '\ufe0f',
  '\u0000',
  '\u{e0041}',
  '&nbsp;',
  '&#160;\n&emsp;',
])('an answer of %j, of which nothing shows, becomes a sign that does', (text) => {
  expect(splitMarkdown(text, ROOM)).toEqual(['…'])
})

test.each(['.', '\u0301', 'א', '😀', '👩‍👧'])('an answer of %j alone is shown', (text) => {
  expect(splitMarkdown(text, ROOM)).toEqual([text])
})

test('a part of which nothing shows is left out', () => {
  const text = `${'word '.repeat(90)}\n\n${'\u2800'.repeat(600)}\n\n${'word '.repeat(90)}`
  for (const part of splitMarkdown(text, ROOM)) expect(part).toMatch(/word/)
})
