import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseTelegramHtml } from '../../../../test/support/platforms/telegram/telegram-html.ts'
import { assertProperty } from '../../../../test/support/test-chance.ts'
import { toPlainText, toTelegramHtml, visibleLength } from './format.ts'

const html = (markdown: string) => toTelegramHtml(markdown, { group: false })
const bare = (text: string) => text.replace(/\s+/g, '')

describe('Markdown for Telegram', () => {
  test.each([
    ['**b** *i* _i_ ~~s~~ `a<b`', '<b>b</b> <i>i</i> <i>i</i> <s>s</s> <code>a&lt;b</code>'],
    ['# Title *x*\n\ntext', '<b>Title <i>x</i></b>\n\ntext'],
    ['a\nb', 'a\nb'],
    [
      '[text](https://example.org/?a=1&b="2")',
      '<a href="https://example.org/?a=1&amp;b=&quot;2&quot;">text</a>',
    ],
    ['![a cat](https://example.org/cat.png)', '<a href="https://example.org/cat.png">a cat</a>'],
    ['[call](tg://user?id=1)', '[call](tg://user?id=1)'],
    ['[run](javascript:alert(1))', '[run](javascript:alert(1))'],
    ['> quoted\n> > deeper', '<blockquote>quoted\n\ndeeper</blockquote>'],
    ['- a\n- b\n  - c', '• a\n• b\n   ◦ c'],
    ['3. a\n4. b', '3. a\n4. b'],
    ['- [x] done\n- [ ] open', '• ☑ done\n• ☐ open'],
    [
      '```js\nif (a < b && c) "x"\n```',
      '<pre><code class="language-js">if (a &lt; b &amp;&amp; c) &quot;x&quot;</code></pre>',
    ],
    ['```\nplain\n```', '<pre>plain</pre>'],
    ['```js\nstill being written', '<pre><code class="language-js">still being written</code></pre>'],
    ['<b>raw</b> & <script>', '&lt;b&gt;raw&lt;/b&gt; &amp; &lt;script&gt;'],
    ['a ** stray * and _ and ` and [', 'a ** stray * and _ and ` and ['],
    ['a\n\n---\n\nb', 'a\n\n———\n\nb'],
    ['Log:\n\n[alice]: hello\n[bob]: bye\n\nEnd.', 'Log:\n\n[alice]: hello\n[bob]: bye\n\nEnd.'],
    ['a &lt; b &amp;amp; c &#8805; d', 'a &lt; b &amp;amp; c ≥ d'],
    ['5&nbsp;km &copy; &#x1F600;', '5\u00a0km © 😀'],
    ['`&lt;` &unknown; &lt;', '<code>&amp;lt;</code> &amp;unknown; &lt;'],
    ['[a](https://example.org/?b=1&amp;c=2)', '<a href="https://example.org/?b=1&amp;c=2">a</a>'],
    [
      '| a |\n|-|\n| [read](https://example.org/docs) |\n| [x](y.md) <a@example.org> |',
      '<pre>a\n-------------------------------\nread (https://example.org/docs)\n[x](y.md) a@example.org</pre>',
    ],
  ])('%j becomes %j', (markdown, expected) => {
    expect(html(markdown)).toBe(expected)
  })

  test('aligns a table in a fixed width', () => {
    expect(html('| Name | **N** |\n|---|---|\n| Ada | 1 |\n| Grace | 22 |')).toBe(
      '<pre>Name  | N\n------+---\nAda   | 1\nGrace | 22</pre>',
    )
  })

  test('calls nobody by name in a group, and leaves addresses and code alone', () => {
    const group = (text: string) => toTelegramHtml(text, { group: true })
    expect(group('@everyone and @all')).toBe('@\u2060everyone and @\u2060all')
    expect(group('mail a@example.org')).toBe('mail a@example.org')
    expect(group('`@decorator`')).toBe('<code>@decorator</code>')
    expect(toPlainText('@everyone', { group: true })).toBe('@\u2060everyone')
    expect(html('@everyone')).toBe('@everyone')
    expect(group('&#64;everyone')).toBe('@\u2060everyone')
  })

  test('is taken by a strict parser whatever the source, and its length is the one counted there', () => {
    const stray = fc.constantFrom(
      '**',
      '*',
      '_',
      '`',
      '```',
      '~~~',
      '[',
      '](',
      ')',
      '<',
      '>',
      '&',
      '"',
      '\n',
      '\n\n',
      '> ',
      '- ',
      '1. ',
      '    ',
      '| a | b |\n|---|---|\n',
      '<b>',
      '</pre>',
      '&amp;',
      '&#0;',
      '# ',
      '\0',
      '\\',
      '@x',
      '![',
      'https://x.y',
      '~~',
      '- [ ] ',
    )
    const source = fc.array(fc.oneof(stray, fc.string({ unit: 'grapheme', maxLength: 12 })), {
      maxLength: 40,
    })
    assertProperty(
      fc.property(source, fc.boolean(), (pieces, group) => {
        const made = toTelegramHtml(pieces.join(''), { group })
        const { text } = parseTelegramHtml(made)
        expect(visibleLength(made)).toBe(text.length)
      }),
      { numRuns: 500 },
    )
  })

  test('shows every word of a plain text', () => {
    const word = fc.string({ unit: fc.constantFrom(...'abcXYZ0123äßжא漢'), minLength: 1, maxLength: 9 })
    assertProperty(
      fc.property(fc.array(word, { minLength: 1, maxLength: 50 }), (words) => {
        const text = words.join(' ')
        expect(bare(parseTelegramHtml(html(text)).text)).toBe(bare(text))
      }),
    )
  })
})
