import { expect, test } from 'vitest'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { readReply, type LoginStep, type Reply } from './read-reply.ts'

const KEY = 'sk-ant-api03-TESTkey0123456789'
const translated = { ...DEFAULT_TEXTS, login_word_agree: 'Ich verstehe', login_word_key: 'Neuer Schlüssel' }

test.each([
  ['choice', 'New API key', 'key-wanted'],
  ['choice', ' new api key. ', 'key-wanted'],
  ['choice', 'API key', 'key-wanted'],
  ['choice', '*Subscription*', 'subscription-wanted'],
  ['choice', 'Neuer  Schlüssel!', 'key-wanted'],
  ['choice', 'I understand', 'unclear'],
  ['choice', 'what?', 'unclear'],
  ['terms', 'I understand', 'agreed'],
  ['terms', '"i UNDERSTAND."', 'agreed'],
  ['terms', 'Ich verstehe', 'agreed'],
  ['terms', 'I do not understand', 'unclear'],
  ['terms', 'TESTcode#TESTstate', 'unclear'],
  ['terms', '', 'unclear'],
  ['code', 'I understand', 'agreed'],
  ['code', 'TESTcode#TESTstate', 'code'],
  ['code', 'a question', 'code'],
  ['key', 'a question', 'unclear'],
  ['key', 'hello', 'unclear'],
] satisfies Array<[LoginStep, string, Reply['kind']]>)(
  'while %s is waited for, %j is %s',
  (step, text, kind) => {
    expect(readReply(step, text, translated)).toEqual({ kind })
  },
)

test.each([
  KEY,
  `  ${KEY}\n`,
  `Here: ${KEY}, thanks`,
  `\`${KEY}\``,
  `${KEY.slice(0, 16)}\n${KEY.slice(16)}`,
  `${KEY}\n${KEY}`,
  `ANTHROPIC_API_KEY="${KEY}"`,
  `${KEY.slice(0, 15)}\u200B${KEY.slice(15)}`,
])('%j is the API key in it, at every step', (text) => {
  for (const step of ['choice', 'terms', 'code', 'key'] as const)
    expect(readReply(step, text, DEFAULT_TEXTS)).toEqual({ kind: 'key', key: KEY })
})

test('a key without a known prefix is one only where a key is waited for; two keys are none', () => {
  expect(readReply('key', '"TEST-proxy-key-0123"', DEFAULT_TEXTS)).toEqual({
    kind: 'key',
    key: 'TEST-proxy-key-0123',
  })
  expect(readReply('choice', 'TEST-proxy-key-0123', DEFAULT_TEXTS)).toEqual({ kind: 'unclear' })
  expect(readReply('key', `${KEY} ${KEY}x`, DEFAULT_TEXTS)).toEqual({ kind: 'unclear' })
})
