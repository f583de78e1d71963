import { describe, expect, test } from 'vitest'
import { firstForDiscord, MAX_MESSAGE_UNITS, splitForDiscord, toDiscordMarkdown } from './format.ts'

describe('splitting for Discord', () => {
  test('keeps every part within what a message may hold', () => {
    const answer = Array.from({ length: 300 }, (_, index) => `Sentence ${index} of a long answer.`).join(' ')
    const parts = splitForDiscord(answer)
    expect(parts.length).toBeGreaterThan(4)
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(MAX_MESSAGE_UNITS)
    expect(splitForDiscord(answer)).toEqual(parts)
    expect(firstForDiscord(answer)).toBe(parts[0])
  })

  test('closes a code block that does not fit and opens it again with its language', () => {
    const code = Array.from({ length: 200 }, (_, index) => `const value${index} = compute(${index})`)
    const parts = splitForDiscord(`Look:\n\n\`\`\`ts\n${code.join('\n')}\n\`\`\`\n\nDone.`)
    expect(parts.length).toBeGreaterThan(2)
    for (const part of parts) expect((part.match(/^```/gm) ?? []).length % 2).toBe(0)
    for (const part of parts.slice(1, -1)) expect(part.startsWith('```ts\n')).toBe(true)
    for (const line of code) expect(parts.filter((part) => part.includes(`${line}\n`))).toHaveLength(1)
  })

  test('does not tear a code block that fits into one message', () => {
    const code = `\`\`\`py\n${'print(1)\n'.repeat(100)}\`\`\``
    const parts = splitForDiscord(`${'Some words before it. '.repeat(60)}\n\n${code}\n`)
    expect(parts.some((part) => part.includes(code))).toBe(true)
  })
})

test.each([
  ['words and emphasis', 'Some **bold** and `code`, [a link](https://example.org).', null],
  ['headings of three levels', '# One\n## Two\n### Three', null],
  ['a deeper heading', '#### Four', '**Four**'],
  ['a rule', 'a\n\n---\n\nb', 'a\n\n—\n\nb'],
  ['a heading with marks at its end', '##### **Five** ##  ', '**Five**'],
  ['character references', 'a &lt; b &amp; c&nbsp;d `&lt;`', 'a \\< b & c\u00a0d `&lt;`'],
  ['a call in character references', '&lt;@123&gt; &#64;everyone', '\\<@123\\> \\@everyone'],
  ['code within backticks of two lengths', '``a ` &lt;`` &lt; ` &lt;', '``a ` &lt;`` \\< ` \\<'],
  ['lines of a chat log', '[alice]: hello\n[bob]: bye', null],
  ['a picture', '![a cat](https://example.org/cat.png)', '[a cat](https://example.org/cat.png)'],
  ['a table', '| a | long name |\n|---|:-:|\n| 1 | **x** |', '```\na  long name\n-  ---------\n1  x\n```'],
  ['a table in code', '```\n| a | b |\n|---|---|\n```', null],
  ['rules and headings in code', '~~~\n---\n#### x\n~~~', null],
  ['a pipe among words', 'this | that\nand more', null],
])('Markdown as Discord shows it: %s', (_, written, shown) => {
  expect(toDiscordMarkdown(written)).toBe(shown ?? written)
})
