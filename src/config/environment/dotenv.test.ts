import { expect, it } from 'vitest'
import { oddLines, parseDotenv } from './dotenv.ts'

it.each([
  ['A=plain', 'plain'],
  ['A=abc#def', 'abc#def'],
  ['A=code#state # pasted', 'code#state'],
  ['A=value # a comment', 'value'],
  ['A=value\t# a comment', 'value'],
  ['A= # a comment', ''],
  ['A=#', ''],
  ['A=# a comment', ''],
  ['A=#abc', '#abc'],
  ['A=#abc # a comment', '#abc'],
  ['A =#a#b', '#a#b'],
  ['A= #a', ''],
  ['B=1\rA=2\rC=3', '2'],
  ['A="a # b"', 'a # b'],
  ["A='a#b' # c", 'a#b'],
  ['export A=a#b', 'a#b'],
  ['  A = a#b  ', 'a#b'],
  ['A=1\nA=2#3', '2#3'],
  ['\ufeffA=a#b', 'a#b'],
  ['A=a#b\r\nB=1', 'a#b'],
  ['# A=no\nA=yes', 'yes'],
  ['A="first\nA=x#y\nlast"', 'first\nA=x#y\nlast'],
])('%j sets A to %j', (text, value) => {
  expect(parseDotenv(text)['A']).toBe(value)
})

it.each([
  [
    'TELEGRAM_BOT_TOKEN: 7:abc',
    'line 1 of .env sets nothing: write TELEGRAM_BOT_TOKEN=value, and nothing before it.',
  ],
  [
    'A=1\n\nset SLACK_APP_TOKEN=x',
    'line 3 of .env sets nothing: write SLACK_APP_TOKEN=value, and nothing before it.',
  ],
  ['A=1\r{"x": "secret"}', 'line 2 of .env sets nothing: write NAME=value, and nothing before it.'],
])('%j is warned about, without its value', (text, warning) => {
  expect(oddLines(text)).toEqual([warning])
})

it.each([
  'A=1\n# a comment\n  \n\texport B=2',
  'A="first\nnot: an assignment\nlast"\nB=1',
  'A="never closed\nB=1',
  "A.B-c='x'",
])('nothing is said of %j', (text) => {
  expect(oddLines(text)).toEqual([])
})

it('a file that is none of ours at all gets no more than a few lines', () => {
  expect(oddLines('x y\n'.repeat(1_000))).toHaveLength(5)
})
