import { expect, it } from 'vitest'
import { DEFAULT_TEXTS, fillText, placeholdersOf, type Texts } from './texts.ts'

const texts: Texts = DEFAULT_TEXTS

it('the promised sentences are these, to the letter', () => {
  expect(fillText(texts, 'held')).toBe(
    "I can't reach Claude right now. Your message is saved, and I'll answer it as soon as I'm back.",
  )
  expect(fillText(texts, 'usage_limit', { time: '15:00 UTC' })).toBe(
    "I've reached my usage limit until 15:00 UTC. Your message is saved, and I'll answer it then.",
  )
  expect(fillText(texts, 'late', { age: '2 h' })).toBe('(Replying to your message from 2 h ago)')
  expect(fillText(texts, 'hold_full')).toBe(
    "I'm still offline and can't save more messages in this chat. Please send this one again later.",
  )
  expect(fillText(texts, 'too_old', { day: 'Friday' })).toBe(
    'I was away too long to answer your message of Friday; send it again if it still matters.',
  )
  expect(fillText(texts, 'unrenewable', { mend: 'Run it.' })).toBe(
    'OAuth token detected without refresh credentials — token will expire and cannot be auto-renewed. Run it.',
  )
})

it('what is filled in is not filled in again', () => {
  expect(fillText(texts, 'login_failed', { reason: '{reason} $& {x}' })).toBe(
    'The sign-in failed: {reason} $& {x} Send /login to start again.',
  )
})

it('a translation may leave a word out', () => {
  expect(fillText({ ...texts, late: '(spät)' }, 'late', { age: '2 h' })).toBe('(spät)')
})

it('finds the words in braces', () => {
  expect(placeholdersOf('{a} b {c_d} {E} {}')).toEqual(['a', 'c_d'])
})
