import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../../../test/support/test-chance.ts'
import { toMrkdwn } from './format.ts'
import { MAX_MESSAGE_CHARS, partsOf, wordingOf } from './wording.ts'

const CASES: ReadonlyArray<readonly [what: string, markdown: string, mrkdwn: string]> = [
  ['headings', '# One **two**\n\ntext', '*One two*\n\ntext'],
  ['bold, italic and struck', '**b** _i_ *j* ~~s~~ ***both***', '*b* _i_ _j_ ~s~ _*both*_'],
  ['marks within a word', 'un**believ**able', 'un\u200b*believ*\u200bable'],
  ['links', '[here](https://example.org/?a=1&b=2)', '<https://example.org/?a=1&amp;b=2|here>'],
  ['a bar in a link', '[a|b](https://example.org/x|y)', '<https://example.org/x%7Cy|a¦b>'],
  ['bare addresses', 'see https://example.org/ now', 'see <https://example.org/> now'],
  ['bare mail addresses', 'ask ada@example.org', 'ask ada@example.org'],
  ['pictures', '![a cat](https://example.org/cat.png)', '<https://example.org/cat.png|a cat>'],
  ['other schemes', '[run](javascript:alert(1))', '[run](javascript:alert(1))'],
  ['lists', '- a\n  - b\n- c', '• a\n    ◦ b\n• c'],
  ['numbered lists', '3. a\n4. b', '3. a\n4. b'],
  ['tasks', '- [x] done\n- [ ] open', '• ☑ done\n• ☐ open'],
  ['code', '`a < b`', '`a &lt; b`'],
  ['code blocks, without their language', '```ts\nif (a < b) *x*\n```', '```\nif (a &lt; b) *x*\n```'],
  ['tables', '| a | b |\n|---|---|\n| 1 | <2> |', '```\na | b\n--+----\n1 | &lt;2&gt;\n```'],
  ['quotes', '> one\n>\n> two', '> one\n> \n> two'],
  ['a rule', 'a\n\n---\n\nb', 'a\n\n———\n\nb'],
  ['calls of everybody', 'hey <!channel> and <!here|x>', 'hey &lt;!channel&gt; and &lt;!here|x&gt;'],
  ['calls of a person', 'ask <@U0ADA>', 'ask &lt;@U0ADA&gt;'],
  ['calls in link labels', '[<!channel>](https://example.org)', '<https://example.org|&lt;!channel&gt;>'],
  [
    'lines that look like definitions',
    '[alice]: hello\n[bob]: how are you',
    '[alice]: hello\n[bob]: how are you',
  ],
  [
    'definitions that are used',
    'see [docs][1]\n\n[1]: https://example.org',
    'see <https://example.org|docs>',
  ],
  [
    'links in tables',
    '| a |\n|-|\n| [x](https://b.test/) |',
    '```\na\n-------------------\nx (https://b.test/)\n```',
  ],
  ['character references', 'a &lt; b &amp; c&nbsp;&hellip; `&lt;`', 'a &lt; b &amp; c\u00a0… `&amp;lt;`'],
  ['character references in a call', '&lt;!channel&gt;', '&lt;!channel&gt;'],
  ['raw HTML', '<b>x</b> & y', '&lt;b&gt;x&lt;/b&gt; &amp; y'],
]

for (const [what, markdown, mrkdwn] of CASES) {
  test(`${what} become what Slack shows`, () => expect(toMrkdwn(markdown)).toBe(mrkdwn))
}

test('nothing that a model writes can be a call or a link that it did not write', () => {
  const piece = fc.constantFrom(
    '<!channel>',
    '<@U1>',
    '<#C1|x>',
    '**',
    '`',
    '```\n',
    '\n',
    'a ',
    '[x](',
    ')',
    '|',
    '&lt;',
    '> ',
    '- ',
  )
  assertProperty(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      for (const part of partsOf(pieces.join(''))) expect(wordingOf(part)).not.toMatch(/<(?!https?:|mailto:)/)
    }),
  )
})

test('what is nested too deeply is sent as it was written', () => {
  expect(wordingOf(`${'> '.repeat(40)}deep <!here>`)).toBe(`${'&gt; '.repeat(40)}deep &lt;!here&gt;`)
})

test('an answer is split at sensible places, each part within what Slack recommends, fences whole', () => {
  const block = `\`\`\`py\n${'print("<&>")\n'.repeat(120)}\`\`\``
  const parts = partsOf(Array.from({ length: 4 }, (_, n) => `Paragraph ${n}.\n\n${block}`).join('\n\n'))
  expect(parts.length).toBeGreaterThan(2)
  for (const part of parts) {
    expect(wordingOf(part).length).toBeLessThanOrEqual(MAX_MESSAGE_CHARS)
    expect((part.match(/^```/gm) ?? []).length % 2).toBe(0)
  }
})
