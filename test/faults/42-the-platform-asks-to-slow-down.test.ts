import { expect, test } from 'vitest'
import { TransientError } from '../../src/support/errors.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'
import { tooManyRequests } from '../support/platforms/telegram/telegram-server.ts'
import { pause } from '../support/until.ts'

const CHAT = String(PRIVATE_CHAT)
const signal = new AbortController().signal

/** Tries as an outbox does: again after the time that was asked for, and not before. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TransientError) || error.retryAfterMs === null) throw error
      await pause(error.retryAfterMs)
    }
  }
}

test('being told to wait while sending is obeyed, and the text arrives once', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const channel = fixture.create(new RecordingReceiver())
  server.fail('sendMessage', tooManyRequests(1), 2)
  await insist(() => channel.send(CHAT, 'The answer.', { replyTo: null, key: 'k', signal }))
  const calls = server.callsOf('sendMessage')
  expect(calls.length).toBe(3)
  expect(calls[1]!.at - calls[0]!.at).toBeGreaterThan(950)
  expect(calls[2]!.at - calls[1]!.at).toBeGreaterThan(950)
  expect(server.chats.sent.map((message) => message.text)).toEqual(['The answer.'])
})

test('being told to wait while a draft is edited silences the draft, and the final text arrives in its place', async () => {
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const channel = fixture.create(new RecordingReceiver())
  const id = await channel.send(CHAT, 'The', { replyTo: null, key: 'k', signal })
  server.fail('editMessageText', tooManyRequests(3))
  for (const text of ['The answer', 'The answer is', 'The answer is forty'])
    await channel.edit(CHAT, id, text, { final: false, signal })
  expect(server.callsOf('editMessageText').length).toBe(1)
  await insist(() => channel.edit(CHAT, id, 'The answer is forty-two.', { final: true, signal }))
  const [limited, final] = server.callsOf('editMessageText')
  expect(final!.at - limited!.at).toBeGreaterThan(2_950)
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
