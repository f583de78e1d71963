import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import {
  GROUP_CHAT,
  PRIVATE_CHAT,
  TelegramFixture,
} from '../../../../test/support/platforms/telegram/telegram-fixture.ts'
import { badGateway, tooManyRequests } from '../../../../test/support/platforms/telegram/telegram-server.ts'
import { pause, until } from '../../../../test/support/until.ts'
import { Moved, Undeliverable } from '../../../inbox/delivery/send-channel.ts'
import { sleep } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import type { Channel } from '../../channel.ts'
import { Pacing } from './sender.ts'

const signal = new AbortController().signal
const CHAT = String(PRIVATE_CHAT)
const GROUP = String(GROUP_CHAT)

async function using(play: (channel: Channel, fixture: TelegramFixture) => Promise<void>): Promise<void> {
  await using fixture = await TelegramFixture.open()
  await play(fixture.create(new RecordingReceiver()), fixture)
}

const send = (channel: Channel, text: string, address = CHAT, replyTo: string | null = null) =>
  channel.send(address, text, { replyTo, key: 'k', signal })

describe('sending to Telegram', () => {
  test('formats, replies, and shows no preview of links', () =>
    using(async (channel, { server }) => {
      const question = server.say(PRIVATE_CHAT, 'what?')
      await send(channel, '**bold** and `code`\n\nhttps://example.org', CHAT, String(question))
      const [message] = server.chats.sent
      expect(message).toMatchObject({ text: 'bold and code\n\nhttps://example.org', replyTo: question })
      expect(message!.entities.map((entity) => entity.type)).toEqual(['bold', 'code', 'text_link'])
      expect(server.callsOf('sendMessage')[0]!.payload).toMatchObject({
        link_preview_options: { is_disabled: true },
        reply_parameters: { allow_sending_without_reply: true },
      })
    }))

  test('sends to the topic that the address names', () =>
    using(async (channel, { server }) => {
      await send(channel, 'x', `${GROUP}/33`)
      expect(server.chats.sent[0]).toMatchObject({ chatId: GROUP_CHAT, threadId: 33 })
    }))

  test('sends as plain text what is refused as formatted', () =>
    using(async (channel, { server }) => {
      server.fail('sendMessage', {
        kind: 'error',
        code: 400,
        description: "Bad Request: can't parse entities",
      })
      await send(channel, '**bold** <b>')
      expect(server.chats.sent.map((message) => message.text)).toEqual(['**bold** <b>'])
    }))

  test('sends as plain text what is nothing once formatted', () =>
    using(async (channel, { server }) => {
      await send(channel, '[only]: http://a.definition')
      expect(server.chats.sent.map((message) => message.text)).toEqual(['[only]: http://a.definition'])
    }))

  test('gives up on what is refused in both forms', () =>
    using(async (channel, { server }) => {
      server.fail('sendMessage', { kind: 'error', code: 400, description: 'Bad Request: something new' }, 2)
      await expect(send(channel, '**x**')).rejects.toBeInstanceOf(Undeliverable)
      expect(server.callsOf('sendMessage').length).toBe(2)
    }))

  test.each([
    [403, 'Forbidden: bot was blocked by the user'],
    [403, 'Forbidden: bot was kicked from the group chat'],
    [403, 'Forbidden: user is deactivated'],
    [400, 'Bad Request: chat not found'],
    [400, 'Bad Request: message thread not found'],
  ])('knows that %i "%s" is final, without a second try', (code, description) =>
    using(async (channel, { server }) => {
      server.fail('sendMessage', { kind: 'error', code, description })
      await expect(send(channel, 'x')).rejects.toBeInstanceOf(Undeliverable)
      expect(server.callsOf('sendMessage').length).toBe(1)
    }),
  )

  test('knows that what is not an address of Telegram is undeliverable', () =>
    using(async (channel) => {
      await expect(send(channel, 'x', 'nowhere')).rejects.toBeInstanceOf(Undeliverable)
    }))

  test('says where a group has moved to', () =>
    using(async (channel, { server }) => {
      server.chats.migrated.set(GROUP_CHAT, -100_555)
      const moved = await send(channel, 'x', GROUP).catch((error) => error)
      expect(moved).toBeInstanceOf(Moved)
      expect(moved).toMatchObject({ to: '-100555' })
    }))

  test.each([
    ['an error page', badGateway],
    ['a cut connection', { kind: 'drop' }],
    ['an internal error', { kind: 'error', code: 500, description: 'Internal Server Error' }],
    ['a wrong token', { kind: 'error', code: 401, description: 'Unauthorized' }],
  ] as const)('will be tried again after %s', (_what, fault) =>
    using(async (channel, { server }) => {
      server.fail('sendMessage', fault)
      await expect(send(channel, 'x')).rejects.toBeInstanceOf(TransientError)
      await send(channel, 'x')
      expect(server.chats.sent.length).toBe(1)
    }),
  )

  test('ends with the reason of the signal when it is aborted', () =>
    using(async (channel, { server }) => {
      server.fail('sendMessage', { kind: 'hang' })
      const stop = new AbortController()
      const sending = channel.send(CHAT, 'x', { replyTo: null, key: 'k', signal: stop.signal })
      await until(() => server.callsOf('sendMessage').length === 1, 'the call')
      stop.abort(new Error('shutting down'))
      await expect(sending).rejects.toThrow('shutting down')
    }))
})

describe('editing on Telegram', () => {
  test('cuts a draft that has outgrown a message, and costs nothing while it shows the same', () =>
    using(async (channel, { server }) => {
      const id = await send(channel, 'Beginning')
      const long = 'A sentence of the draft. '.repeat(400)
      await channel.edit(CHAT, id, long, { final: false, signal })
      await channel.edit(CHAT, id, `${long} And more.`, { final: false, signal })
      await channel.edit(CHAT, id, channel.split(long)[0]!, { final: true, signal })
      expect(server.callsOf('editMessageText').length).toBe(1)
      expect(server.chats.sent[0]!.text.length).toBeLessThanOrEqual(4_096)
    }))

  test('asks for nothing where the answer is what its draft shows, and remembers only what is edited', () =>
    using(async (channel, { server }) => {
      const draft = await channel.send(CHAT, 'All', { replyTo: null, key: 'k', isDraft: true, signal })
      await channel.edit(CHAT, draft, 'All', { final: true, signal })
      expect(server.callsOf('editMessageText').length).toBe(0)
      await channel.edit(CHAT, await send(channel, 'All'), 'All', { final: true, signal })
      expect(server.callsOf('editMessageText').length).toBe(1)
    }))

  test('takes for success that the message reads so already', () =>
    using(async (channel, fixture) => {
      const id = await send(channel, 'Final')
      const restarted = fixture.create(new RecordingReceiver())
      await restarted.edit(CHAT, id, 'Final', { final: true, signal })
      expect(fixture.server.callsOf('editMessageText').length).toBe(1)
    }))

  test('calls a message that is gone undeliverable', () =>
    using(async (channel) => {
      await expect(channel.edit(CHAT, '4711', 'x', { final: true, signal })).rejects.toBeInstanceOf(
        Undeliverable,
      )
    }))

  test('leaves drafts out while the chat must wait, and still brings the final text', () =>
    using(async (channel, { server }) => {
      const id = await send(channel, 'a')
      server.fail('editMessageText', tooManyRequests(1))
      await channel.edit(CHAT, id, 'a b', { final: false, signal })
      await channel.edit(CHAT, id, 'a b c', { final: false, signal })
      expect(server.callsOf('editMessageText').length).toBe(1)
      await channel.edit(CHAT, id, 'a b c d', { final: true, signal })
      const [first, second] = server.callsOf('editMessageText')
      expect(second!.at - first!.at).toBeGreaterThan(950)
      expect(server.chats.sent[0]!.text).toBe('a b c d')
    }))

  test('lets a draft on its way arrive before the final text', () =>
    using(async (channel, { server }) => {
      const id = await send(channel, 'a')
      const release = Promise.withResolvers<void>()
      server.delays.set('editMessageText', release.promise)
      const stop = new AbortController()
      const draft = channel.edit(CHAT, id, 'a draft', { final: false, signal: stop.signal })
      await until(() => server.callsOf('editMessageText').length === 1, 'the draft')
      stop.abort(new Error('the draft is over'))
      await expect(draft).rejects.toThrow('the draft is over')
      const final = channel.edit(CHAT, id, 'the answer', { final: true, signal })
      // Nothing leaves for as long as the draft is on its way.
      await pause(50)
      expect(server.callsOf('editMessageText').length).toBe(1)
      server.delays.clear()
      release.resolve()
      await final
      expect(server.chats.sent[0]).toMatchObject({ text: 'the answer', earlier: ['a', 'a draft'] })
    }))
})

describe('on Telegram', () => {
  test('typing is shown, but not again and again', () =>
    using(async (channel, { server }) => {
      channel.typing(CHAT)
      channel.typing(CHAT)
      channel.typing(`${GROUP}/33`)
      await until(() => server.callsOf('sendChatAction').length === 2, 'the indicators')
      expect(server.callsOf('sendChatAction')[1]!.payload).toMatchObject({
        message_thread_id: 33,
        action: 'typing',
      })
    }))

  test('a message is deleted where the platform lets the bot', () =>
    using(async (channel, { server }) => {
      const id = server.say(PRIVATE_CHAT, 'a secret')
      expect(await channel.remove!(CHAT, String(id))).toBe(true)
      expect(server.callsOf('deleteMessage')[0]!.payload).toEqual({ chat_id: PRIVATE_CHAT, message_id: id })
      server.fail('deleteMessage', {
        kind: 'error',
        code: 400,
        description: "Bad Request: message can't be deleted",
      })
      expect(await channel.remove!(CHAT, String(id))).toBe(false)
    }))
})

/** How many turns of one chat come within `ms`, when each is asked for again as soon as it may be. */
async function turnsWithin(pacing: Pacing, clock: FakeClock, chatId: number, ms: number): Promise<number> {
  const end = clock.monotonic() + ms
  let turns = 0
  const asking = (async () => {
    while (clock.monotonic() < end) {
      const refusal = await pacing.turn(chatId, signal).catch((error: TransientError) => error)
      if (refusal) await sleep(clock, refusal.retryAfterMs!)
      else turns++
    }
  })()
  await clock.advance(ms + 10_000)
  await asking
  return turns
}

describe('pacing', () => {
  test('lets a burst through, then about a message a second to one chat', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock, { ...limits, chat: { burst: 3, perSecond: 1 } })
    for (let sent = 0; sent < 3; sent++) await pacing.turn(1, signal)
    let late = false
    const fourth = pacing.turn(1, signal).then(() => (late = true))
    await clock.advance(900)
    expect(late).toBe(false)
    await clock.advance(200)
    await fourth
    // Another chat does not wait for this one.
    await pacing.turn(2, signal)
  })

  test('keeps a group below twenty a minute', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock, { ...limits, group: { burst: 1, perSecond: 20 / 60 } })
    const turns = await turnsWithin(pacing, clock, GROUP_CHAT, 60_000)
    expect(turns).toBeLessThanOrEqual(21)
    expect(turns).toBeGreaterThan(15)
  })

  test('gives a long wait back instead of sitting it out', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock)
    pacing.block(1, 30_000)
    await expect(pacing.turn(1, signal)).rejects.toMatchObject({
      reason: 'rate-limited',
      retryAfterMs: 30_000,
    })
    expect(pacing.isOpen(1)).toBe(false)
    await clock.advance(30_000)
    await pacing.turn(1, signal)
  })

  test('leaves room for finished texts when drafts come fast', async () => {
    const clock = new FakeClock()
    const pacing = new Pacing(clock, { ...limits, chat: { burst: 10, perSecond: 1 } })
    let drafts = 0
    while (pacing.tryDraft(1)) drafts++
    expect(drafts).toBe(5)
    await pacing.turn(1, signal)
  })

  test('ends a wait when it is aborted', async () => {
    const pacing = new Pacing(new FakeClock(), { ...limits, chat: { burst: 1, perSecond: 1 } })
    await pacing.turn(1, signal)
    const stop = new AbortController()
    const waiting = pacing.turn(1, stop.signal)
    stop.abort(new Error('stopping'))
    await expect(waiting).rejects.toThrow('stopping')
  })
})

const limits = {
  chat: { burst: 10, perSecond: 1 },
  group: { burst: 10, perSecond: 1 },
  overall: { burst: 1_000, perSecond: 1_000 },
}
