import { expect, it } from 'vitest'
import { parseDotenv } from './dotenv.ts'

it.each([
  ['A=plain', 'plain'],
  ['A=abc#def', 'abc#def'],
  ['A=code#state # pasted', 'code#state'],
  ['A=value # a comment', 'value'],
  ['A=value\t# a comment', 'value'],
  ['A= # a comment', ''],
  ['A=#', ''],
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
