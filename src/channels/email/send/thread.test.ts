import { expect, test } from 'vitest'
import { parseHeaders, type Headers } from '../intake/headers.ts'
import {
  answerId,
  formatTarget,
  messageIds,
  ownMessageId,
  parseTarget,
  substituteId,
  threadOf,
} from './thread.ts'

const BOT = 'bot@bot.test'

const headers = (...lines: readonly string[]): Headers =>
  parseHeaders(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`))!

const thread = (id: string, ...lines: readonly string[]) => threadOf(headers(...lines), id, 'bot.test')

test('every answer in a thread belongs to its first mail, by whichever field names it', () => {
  const root = thread('<first@a.test>', 'Subject: x')
  expect(thread('<second@a.test>', 'References: <first@a.test>')).toBe(root)
  expect(
    thread('<third@a.test>', 'References: <first@a.test> <second@a.test>', 'In-Reply-To: <second@a.test>'),
  ).toBe(root)
  expect(thread('<second@a.test>', 'In-Reply-To: <first@a.test>')).toBe(root)
  expect(thread('<other@a.test>', 'Subject: x')).not.toBe(root)
})

test('an answer to our answer goes where that one went, also where only our id is left', () => {
  const root = thread('<first@a.test>')
  const ours = answerId('item:0', { to: 'anna@a.test', thread: root }, BOT)
  expect(thread('<x@a.test>', `In-Reply-To: ${ours}`)).toBe(root)
  expect(thread('<x@a.test>', `References: <cut-off@a.test> ${ours} <later@a.test>`)).toBe(root)
})

test('an answer to a mail that answered nothing begins the thread that mail announced', () => {
  const alert = answerId('alert:0', { to: 'anna@a.test', thread: null }, BOT)
  const first = thread('<x@a.test>', `In-Reply-To: ${alert}`)
  const answer = answerId('item:0', { to: 'anna@a.test', thread: first }, BOT)
  expect(thread('<y@a.test>', `In-Reply-To: ${answer}`)).toBe(first)
})

test('an id of our form from another domain is none of ours', () => {
  const theirs = answerId('item:0', { to: 'anna@a.test', thread: '0'.repeat(20) }, 'bot@evil.test')
  expect(thread('<x@a.test>', `In-Reply-To: ${theirs}`)).not.toBe('0'.repeat(20))
})

test('the id of a mail of ours is the same for each try, and another one for each part and person', () => {
  const target = { to: 'anna@a.test', thread: '0123456789abcdef0123' }
  expect(answerId('i:0', target, BOT)).toBe(answerId('i:0', target, BOT))
  expect(answerId('i:0', target, BOT)).not.toBe(answerId('i:1', target, BOT))
  expect(answerId('i:0', target, BOT)).not.toBe(answerId('i:0', { ...target, to: 'ben@a.test' }, BOT))
})

test('an address is read back as it was written', () => {
  for (const target of [
    { to: 'anna@a.test', thread: '0123456789abcdef0123' },
    { to: 'o.hara+x@a.test', thread: null },
  ])
    expect(parseTarget(formatTarget(target))).toEqual(target)
})

test.each([
  '',
  'anna',
  'anna@a.test <x>',
  'anna@a.test, ben@a.test',
  'anna@a.test\r\nBcc: eve@evil.test',
  '12345',
])('%j is no address', (address) => expect(parseTarget(address)).toBeNull())

test('ids that cannot be carried are passed over', () => {
  expect(messageIds('<a@b> junk <c d@e> <f@g>')).toEqual(['<a@b>', '<f@g>'])
  expect(messageIds(`<${'x'.repeat(300)}@y>`)).toEqual([])
  expect(ownMessageId(headers('Message-ID: <a@b>', 'Message-ID: <c@d>'))).toBeNull()
  expect(ownMessageId(headers('Message-ID: none'))).toBeNull()
  expect(substituteId(Buffer.from('x'))).toBe(substituteId(Buffer.from('x')))
  expect(messageIds(substituteId(Buffer.from('x')))).toHaveLength(1)
})
