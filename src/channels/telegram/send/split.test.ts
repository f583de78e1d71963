import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import { assertProperty } from '../../../../test/support/test-chance.ts'
import { toTelegramHtml, visibleLength } from './format.ts'
import { firstPart, MAX_MESSAGE_UNITS, splitMarkdown } from './sender.ts'

const bare = (text: string) => text.replace(/\s+/g, '')
const shown = (part: string) => visibleLength(toTelegramHtml(part, { group: true }))
const FENCE_LINE = /^\s*(?:`{3,}|~{3,}).*$/gm

/** Text as models write it: paragraphs, lists, tables, code, emoji, right-to-left, long words. */
const piece = fc.oneof(
  fc.constantFrom(
    'A sentence. ',
    'Is it so? ',
    '\n\n',
    '\n',
    '- a point\n',
    '## A heading\n\n',
    '`code` ',
    '@everyone ',
  ),
  fc.constantFrom(
    '👨‍👩‍👧‍👦',
    '🇩🇪',
    'שלום עולם ',
    'مرحبا ',
    'e\u0301',
    '漢字かな交じり文。',
    '**bold',
    '_',
    '[x](http://y)',
  ),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'grapheme-ascii', minLength: 100, maxLength: 400 }),
)
const prose = fc
  .array(piece, { maxLength: 80 })
  .map((pieces) => pieces.join('').replace(/[`~]{3,}/g, ''))
  .filter((text) => text.trim() !== '')

describe('splitting', () => {
  test('leaves a short answer alone', () => {
    expect(splitMarkdown('Hello **you**.')).toEqual(['Hello **you**.'])
  })

  test('gives something to send even for nothing', () => {
    expect(splitMarkdown('')).toEqual(['…'])
    expect(splitMarkdown('\n \n')).toEqual(['…'])
  })

  test('loses nothing of any text, and keeps every part within the limit', () => {
    assertProperty(
      fc.property(prose, fc.constantFrom(300, 700, MAX_MESSAGE_UNITS), (text, limit) => {
        const parts = splitMarkdown(text, limit)
        expect(bare(parts.join(''))).toBe(bare(text))
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(limit)
          expect(shown(part)).toBeLessThanOrEqual(limit)
          expect(part.trim()).not.toBe('')
          expect(part.isWellFormed()).toBe(text.isWellFormed())
        }
        expect(splitMarkdown(text, limit)).toEqual(parts)
        expect(firstPart(text, limit).trim() || parts[0]!.trim()).toBe((parts[0] ?? '').trim())
      }),
      { numRuns: 150 },
    )
  })

  test('closes and opens again the code blocks that it has to tear, and adds nothing else', () => {
    const line = fc
      .string({ unit: 'grapheme-ascii', maxLength: 120 })
      .map((text) => text.replace(/[`~\n\r]/g, '.'))
    const block = fc
      .tuple(fc.constantFrom('', 'ts', 'python'), fc.array(line, { maxLength: 60 }))
      .map(([lang, lines]) => `\`\`\`${lang}\n${lines.join('\n')}\n\`\`\`\n`)
    const text = fc
      .array(fc.oneof(block, prose), { minLength: 1, maxLength: 5 })
      .map((pieces) => pieces.join('\n'))
    assertProperty(
      fc.property(text, (source) => {
        const parts = splitMarkdown(source, 600)
        const code = (from: string) => bare(from.replace(FENCE_LINE, ''))
        expect(code(parts.join('\n'))).toBe(code(source))
        for (const part of parts) {
          expect(part.length).toBeLessThanOrEqual(600)
          expect((part.match(FENCE_LINE) ?? []).length % 2).toBe(0)
        }
      }),
      { numRuns: 150 },
    )
  })

  test('keeps whole a code block that fits into one message', () => {
    const code = `\`\`\`ts\n${'const x = 1\n'.repeat(200)}\`\`\``
    const parts = splitMarkdown(`${'Some words first. '.repeat(150)}\n\n${code}\n\nAnd after.`)
    expect(parts.some((part) => part.includes(code))).toBe(true)
    expect(parts.length).toBe(2)
  })

  test('continues with the language in the next part of a code block', () => {
    const parts = splitMarkdown(`\`\`\`python\n${'print("x")\n'.repeat(1_000)}\`\`\`\n\nDone.`)
    expect(parts.length).toBeGreaterThan(2)
    for (const part of parts.slice(0, -1)) {
      expect(part.startsWith('```python\n')).toBe(true)
      expect(part.trimEnd().endsWith('```')).toBe(true)
    }
  })

  test('prefers paragraphs to lines, lines to sentences and sentences to words', () => {
    const words = 'word '.repeat(100).trim()
    expect(splitMarkdown(`${words}\n\n${words}\nx`, 600)[0]).toBe(`${words}\n\n`)
    expect(splitMarkdown(`${words}\n${words}`, 600)[0]).toBe(`${words}\n`)
    expect(splitMarkdown(`${words}. ${words}`, 600)[0]).toBe(`${words}. `)
    expect(splitMarkdown(words, 299)[0]!.endsWith('word ')).toBe(true)
  })

  test('never tears a character as people see it', () => {
    const family = '👨‍👩‍👧‍👦'
    for (const part of splitMarkdown(family.repeat(1_000))) {
      expect(part.length % family.length).toBe(0)
      expect(part.isWellFormed()).toBe(true)
    }
  })

  test('gives a table that grows in its fixed width less room, so that it still fits', () => {
    const row = `| ${'x'.repeat(39)} | y |\n`
    const table = `| a | b |\n|---|---|\n| short | s |\n${'| s | t |\n'.repeat(300)}${row}`
    for (const part of splitMarkdown(table)) expect(shown(part)).toBeLessThanOrEqual(MAX_MESSAGE_UNITS)
  })

  test('splits 100 kB of anything in reasonable time', () => {
    const text = 'A paragraph of **some** words, `code` and [a link](https://example.org).\n\n'.repeat(1_400)
    let parts: readonly string[] = []
    const took = cpuMsOf(() => (parts = splitMarkdown(text)))
    // Many times what it takes: this is about the shape of the growth, not about the machine.
    expect(took).toBeLessThan(5_000)
    expect(bare(parts.join(''))).toBe(bare(text))
    expect(parts.length).toBeLessThan(35)
  })
})
