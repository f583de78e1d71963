import { Lexer, Parser } from 'marked'
import { expect, test } from 'vitest'
import { lexMarkdown } from './lex-markdown.ts'

const html = (markdown: string) => Parser.parse(lexMarkdown(markdown)).trim()

test.each([
  [
    'Log:\n\n[alice]: hello\n[bob]: bye\n\nEnd.',
    '<p>Log:</p>\n<p>[alice]: hello\n[bob]: bye</p>\n<p>End.</p>',
  ],
  ['[OK]: passed', '<p>[OK]: passed</p>'],
  ['[a]: x\n\n[a] said so', '<p>[a]: x</p>\n<p>[a] said so</p>'],
  ['[docs]: https://a.test/', '<p>[docs]: <a href="https://a.test/">https://a.test/</a></p>'],
  ['- [1]: https://a.test/', '<ul>\n<li>[1]: <a href="https://a.test/">https://a.test/</a></li>\n</ul>'],
])('what nothing refers to, or is no address, is shown: %j', (markdown, shown) => {
  expect(html(markdown)).toBe(shown)
})

test.each(['[words][A  b]', '[A b][]', '[a B]', '![words][a b]'])(
  'a definition that %j refers to is not shown',
  (use) => {
    const shown = html(`${use}\n\n[a b]: https://a.test/`)
    expect(shown).toContain('"https://a.test/"')
    expect(shown).not.toContain(']:')
  },
)

test('long text is read as the lexer reads it otherwise', () => {
  const text = `${'some *words* and a_name, `code` or a **bold** one  \nwith https://a.test/b_c_d and a.b@c.test '.repeat(40)}\n`
  expect(html(text).match(/<em>|<code>|<strong>|<br>|<a /g)).toHaveLength(6 * 40)
})

test.each([
  '<<<<https://a.test>',
  '<<b>x</b> <@<i>',
  '<@U1> and <@> and <@@<!-- note -->',
  '![![[ and no end',
  '[[a](https://a.test/)',
  '[[a]](https://a.test/) ![[',
  '[ `]` [',
  'a@b.test<@<<c@d.test>',
])('what opens nothing is text, and what it stands before is read as otherwise: %s', (markdown) => {
  expect(html(markdown)).toBe(Parser.parse(new Lexer({ gfm: true }).lex(markdown)).trim())
})

test('a paragraph full of names with an underscore keeps the emphasis at its end', () => {
  expect(html(`${'snake_case_name '.repeat(500)}*at last*`)).toContain('<em>at last</em>')
})
