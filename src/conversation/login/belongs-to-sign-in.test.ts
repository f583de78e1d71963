import { expect, test } from 'vitest'
import { belongsToSignIn, type SignInLine } from './belongs-to-sign-in.ts'

const WORDS = [
  'a question?',
  'I understand',
  '',
  'abc',
  'TESTcode0123456789',
  'TESTcode0123#TESTstate0123456789',
  'two\nlines',
  '  TESTcode0123456789  ',
]

test.each(WORDS)('%j is an ordinary message where no sign-in is open', (text) => {
  expect(belongsToSignIn({ phase: 'none', isCommand: false, text })).toBe(false)
})

test.each(WORDS)('%j belongs to the sign-in that is open, unless it is a command', (text) => {
  expect(belongsToSignIn({ phase: 'open', isCommand: false, text })).toBe(true)
  expect(belongsToSignIn({ phase: 'open', isCommand: true, text })).toBe(false)
})

test.each([
  ['TESTcode0123456789', true],
  ['  "TESTcode0123456789" ', true],
  ['||TESTcode0123456789||', true],
  ['~~TESTcode0123456789~~', true],
  ['„TESTcode0123456789“', true],
  ['#TESTstateabcdefghi', true],
  ['TESTcode-abcdefgh-ijk#', true],
  ['\u200BTESTcode0123456789', true],
  ['TESTcode01', false],
  ['internationalization', false],
  ['What happened to commit 0a1b2c3d4e5f60718293?', false],
  ['a question?', false],
  ['', false],
  ['https://example.org/a-long-address-0123456789', false],
] as const)('after a sign-in that has ended, %j is taken for its code: %s', (text, expected) => {
  const line: SignInLine = { phase: 'over', isCommand: false, text }
  expect(belongsToSignIn(line)).toBe(expected)
  expect(belongsToSignIn({ ...line, isCommand: true })).toBe(false)
})
