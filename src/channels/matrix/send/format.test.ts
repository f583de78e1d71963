import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { assertProperty } from '../../../../test/support/test-chance.ts'
import { contentOf, editOf, sizeOf, splitMarkdown, toMatrixHtml } from './format.ts'

describe('Markdown for Matrix', () => {
  test.each([
    [
      '**bold** and *thin* and ~~gone~~',
      '<p><strong>bold</strong> and <em>thin</em> and <del>gone</del></p>',
    ],
    ['`a < b`', '<p><code>a &lt; b</code></p>'],
    ['```ts\nlet a = 1\n```', '<pre><code class="language-ts">let a = 1\n</code></pre>'],
    ['a\nb', '<p>a<br>b</p>'],
    ['- [x] done\n- [ ] open', '<ul>\n<li>☑ done</li>\n<li>☐ open</li>\n</ul>'],
    ['<b onclick="x()">raw</b>', '<p>&lt;b onclick=&quot;x()&quot;&gt;raw&lt;/b&gt;</p>'],
    ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
    ['[site](https://example.org/?a=1&b=2)', '<p><a href="https://example.org/?a=1&amp;b=2">site</a></p>'],
    [
      '[site](https://example.org/?a=1&amp;b=2)',
      '<p><a href="https://example.org/?a=1&amp;b=2">site</a></p>',
    ],
    ['[alice]: hello\n[bob]: bye', '<p>[alice]: hello<br>[bob]: bye</p>'],
    ['a &lt; b', '<p>a &lt; b</p>'],
    ['[x](javascript:alert(1))', '<p>[x](javascript:alert(1))</p>'],
    ['![a cat](https://example.org/cat.png)', '<p><a href="https://example.org/cat.png">a cat</a></p>'],
    ['[Ada](https://matrix.to/#/@ada:test)', '<p>Ada</p>'],
    ['[Ada](https://user@matrix.to/#/@ada:test)', '<p>Ada</p>'],
    ['[Ada](matrix:u/ada:test)', '<p>[Ada](matrix:u/ada:test)</p>'],
  ])('%j', (markdown, html) => {
    expect(toMatrixHtml(markdown)).toEqual(html)
  })

  test('tables lose what Matrix does not know', () => {
    expect(toMatrixHtml('| a | b |\n|:-:|--|\n| 1 | 2 |')).not.toContain('align')
  })

  test('lets no tag through that programs reject, whatever the source', () => {
    const allowed =
      /^\/?(?:del|h[1-6]|blockquote|p|a|ul|ol|li|strong|em|code|hr|br|table|thead|tbody|tr|th|td|pre)$/
    const piece = fc.oneof(
      fc.constantFrom(
        '<img src=x onerror=y>',
        '<a href="x">',
        '![](x)',
        '`',
        '**',
        '[a](b "c")',
        '\n\n',
        '> ',
      ),
      fc.string({ unit: 'grapheme', maxLength: 30 }),
    )
    assertProperty(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const html = contentOf(pieces.join(''))['formatted_body']
        for (const [, tag] of String(html ?? '').matchAll(/<(\/?[a-z0-9]+)/gi)) expect(tag).toMatch(allowed)
      }),
    )
  })

  test('a text without any formatting is sent plain', () => {
    expect(contentOf('hello')).toEqual({ msgtype: 'm.text', body: 'hello', 'm.mentions': {} })
  })

  test('what cannot be rendered is sent as it was written', () => {
    const deep = '>'.repeat(500)
    expect(contentOf(`${deep} x`)).not.toHaveProperty('formatted_body')
  })

  test('half a character and an end of text are repaired', () => {
    expect(contentOf('a\0b\ud800c')['body']).toBe('ab\ufffdc')
  })

  test('an edit names what it replaces, and what programs without edits show', () => {
    expect(editOf('$1', '**x**')).toEqual({
      msgtype: 'm.text',
      body: '* **x**',
      'm.mentions': {},
      'm.new_content': contentOf('**x**'),
      'm.relates_to': { rel_type: 'm.replace', event_id: '$1' },
    })
  })
})

describe('splitting', () => {
  test.each([
    ['words', 'A sentence of some words. '],
    ['what is escaped', '<&">'],
    ['what takes three bytes', '漢字'],
    ['emoji', '👨‍👩‍👧‍👦'],
    ['control characters', '\u0001\u0002'],
  ])('keeps every event below its greatest size: %s', (_kind, unit) => {
    const text = unit.repeat(Math.ceil(100_000 / unit.length))
    const parts = splitMarkdown(text)
    expect(parts.length).toBeGreaterThan(5)
    for (const part of parts) expect(sizeOf(part)).toBeLessThan(60_001)
    expect(parts.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''))
  })
})
