import { expect, test } from 'vitest'
import { SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'
import { tooManyRequests } from '../support/platforms/telegram/telegram-server.ts'

const CHAT = String(PRIVATE_CHAT)
const signal = new AbortController().signal

test('being told to wait while sending is obeyed, and the text arrives once', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const clock = new FakeClock()
  const channel = fixture.create(new RecordingReceiver(), { clock })
  const send = () => channel.send(CHAT, 'The answer.', { replyTo: null, key: 'k', signal })
  server.fail('sendMessage', tooManyRequests(30), 2)
  for (const calls of [1, 2]) {
    await expect(send()).rejects.toMatchObject({ reason: 'rate-limited', retryAfterMs: 30 * SECOND })
    await clock.advance(20 * SECOND)
    // Asked again too early, it does not ask Telegram.
    await expect(send()).rejects.toMatchObject({ reason: 'rate-limited', retryAfterMs: 10 * SECOND })
    expect(server.callsOf('sendMessage').length).toBe(calls)
    await clock.advance(10 * SECOND)
  }
  await send()
  expect(server.callsOf('sendMessage').length).toBe(3)
  expect(server.chats.sent.map((message) => message.text)).toEqual(['The answer.'])
})

test('being told to wait while a draft is edited silences the draft, and the final text arrives in its place', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const clock = new FakeClock()
  const channel = fixture.create(new RecordingReceiver(), { clock })
  const id = await channel.send(CHAT, 'The', { replyTo: null, key: 'k', signal })
  server.fail('editMessageText', tooManyRequests(30))
  for (const text of ['The answer', 'The answer is', 'The answer is forty'])
    await channel.edit(CHAT, id, text, { final: false, signal })
  expect(server.callsOf('editMessageText').length).toBe(1)
  const finish = () => channel.edit(CHAT, id, 'The answer is forty-two.', { final: true, signal })
  await clock.advance(20 * SECOND)
  await expect(finish()).rejects.toMatchObject({ reason: 'rate-limited', retryAfterMs: 10 * SECOND })
  expect(server.callsOf('editMessageText').length).toBe(1)
  await clock.advance(10 * SECOND)
  await finish()
  expect(server.callsOf('editMessageText').length).toBe(2)
  expect(server.chats.sent.map((message) => message.text)).toEqual(['The answer is forty-two.'])
})

test('one chat that is told to wait does not stop another', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  server.chats.openChat(502)
  const channel = fixture.create(new RecordingReceiver())
  server.fail('sendMessage', tooManyRequests(60))
  const send = (chat: string) => channel.send(chat, 'x', { replyTo: null, key: 'k', signal })
  await expect(send(CHAT)).rejects.toMatchObject({ reason: 'rate-limited', retryAfterMs: 60_000 })
  await send('502')
  expect(server.chats.sent.map((message) => message.chatId)).toEqual([502])
})
