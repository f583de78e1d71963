import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import type { InboundEvent, Unread } from '../../../conversation/receiver.ts'
import { MINUTE } from '../../../support/clock.ts'
import { Quotes } from './quotes.ts'

type Message = Extract<InboundEvent, { kind: 'message' }>

function message(platformMessageId: string, more: Partial<Message> = {}): Message {
  return {
    kind: 'message',
    address: 'a',
    platformMessageId,
    person: { id: 'ada', name: null },
    chat: { id: 'a', kind: 'private', addressed: true },
    text: 'x',
    attachments: [],
    unsupported: null,
    ...more,
  }
}

function unread(event: Message, isEdit = false): Unread {
  const { address, platformMessageId, person, chat } = event
  return {
    kind: 'unread',
    address,
    platformMessageId,
    person,
    chat,
    isEdit,
    raw: () => '',
    read: () => event,
  }
}

function open() {
  const clock = new FakeClock()
  const quotes = new Quotes(clock)
  const receiver = new RecordingReceiver()
  const observed = quotes.observe(receiver)
  return {
    clock,
    quotes,
    receiver,
    receive: (...items: InboundEvent[]) => observed.receive('chat', items, []),
  }
}

test('the newest message of a private chat is not quoted, every other one is', async () => {
  const { quotes, receive } = open()
  await receive(message('1'), unread(message('2')))
  expect([quotes.of('a', '2'), quotes.of('a', '1')]).toEqual([null, '1'])
  await receive(unread(message('1'), true))
  // An edit stands where its message stood.
  expect(quotes.of('a', '2')).toBeNull()
  quotes.sent('a', 'bot')
  expect(quotes.of('a', '2')).toBe('2')
})

test('groups, chats that nobody knows of and chats of another process quote', async () => {
  const { quotes, receive } = open()
  await receive(message('1', { address: 'g', chat: { id: 'g', kind: 'group', addressed: true } }))
  expect(quotes.of('g', '1')).toBe('1')
  expect(quotes.of('elsewhere', '1')).toBe('1')
  await receive(message('2'))
  quotes.clear()
  expect(quotes.of('a', '2')).toBe('2')
  expect(quotes.of('a', null)).toBeNull()
})

test('what was held or has waited for long is quoted', async () => {
  const { clock, quotes, receiver, receive } = open()
  receiver.state = 'held'
  await receive(unread(message('1')))
  expect(quotes.of('a', '1')).toBe('1')
  receiver.state = 'received'
  await receive(message('2'))
  await clock.advance(2 * MINUTE)
  expect(quotes.of('a', '2')).toBeNull()
  await clock.advance(1)
  expect(quotes.of('a', '2')).toBe('2')
})
