import { describe, expect, test } from 'vitest'
import { isBlank, printable, printableLines, printableName, printableOutput } from './printable.ts'

const HOSTILE = [
  ['an escape sequence', '\u001B[2K', '[2K'],
  ['a clipboard sequence', '\u001B]52;c;aGk=\u0007', ']52;c;aGk='],
  ['an eight-bit sequence', '\u009B2K', '2K'],
  ['a carriage return', 'good\rbad', 'goodbad'],
  ['a backspace', 'a\b\u007F', 'a'],
  ['a direction mark', '\u202Eabc\u2066\u200F', 'abc'],
  ['a line separator', 'a\u2028\u2029b', 'ab'],
  ['hidden colours', '\u001B[8m', '[8m'],
] as const

describe('what others wrote', () => {
  test.each(HOSTILE)('%s is dropped', (_what, text, shown) => {
    expect(printableLines(text)).toBe(shown)
    expect(printableOutput(text)).toBe(shown)
    expect(printable(text).replaceAll(' ', '')).toBe(shown)
  })

  test('is one line in a row, and lines where lines are meant', () => {
    expect(printable('a\r\n\tb')).toBe('a b')
    expect(printableLines('a\r\n\tb')).toBe('a\n\tb')
  })

  test('stays as it is in every script, with its emoji', () => {
    const text = 'Ünïcode עברית العربية 👩‍👩‍👧 (ok)'
    expect([printable(text), printableLines(text), printableOutput(text)]).toEqual([text, text, text])
  })

  test('has no colours of its own, where ours are kept', () => {
    expect(printable('\u001B[31mred\u001B[39m')).toBe('[31mred[39m')
    expect(printableOutput('\u001B[31mred\u001B[39m')).toBe('\u001B[31mred\u001B[39m')
  })

  test('is no name when nothing of it can be shown', () => {
    expect(printableName('\u202E \n')).toBeNull()
    expect(printableName(null)).toBeNull()
    expect(printableName(' Ada\u001B[2K\n ')).toBe('Ada[2K')
  })
})

test.each(['', ' \n', '\u0007', '\u00a0\ufeff\u0085', '\r\0\t'])('%j says nothing', (text) => {
  expect(isBlank(text)).toBe(true)
})

test.each(['.', '\u200b', ' a ', '\u2800'])('%j is a text', (text) => {
  expect(isBlank(text)).toBe(false)
})
