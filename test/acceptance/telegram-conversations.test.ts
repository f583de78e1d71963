import { describe, expect, test } from 'vitest'
import type { Channel } from '../../src/channels/channel.ts'
import { createTelegramChannel } from '../../src/channels/telegram/channel.ts'
import { cursorWriter } from '../../src/inbox/cursor-writer.ts'
import { NO_INPUTS } from '../../src/inbox/parked-inputs.ts'
import { systemClock } from '../../src/support/clock.ts'
import { Secret } from '../../src/support/secret.ts'
import { MessageFixture, silent, UNMERGED, type MessageFixtureOptions } from '../support/message-fixture.ts'
import { badGateway, TelegramServer, tooManyRequests } from '../support/platforms/telegram/telegram-server.ts'
import { pause, until } from '../support/until.ts'

const ADA = 501
const BOB = 502
const GROUP = -100_777
/** What drafts have shown is ignored; only the final texts count. */
const shown = (server: TelegramServer, chat: number) => server.sentTo(chat).map((message) => message.text)

/** One life of a gateway's messages: real store, real channel, the Bot API on loopback. */
async function open(server: TelegramServer, options: MessageFixtureOptions = {}) {
  const cursors = {
    read: async (_name: string): Promise<string | null> => null,
    write: async (_name: string, _value: string): Promise<void> => {},
  }
  const channel: Channel = createTelegramChannel({
    token: new Secret(TelegramServer.token),
    apiRoot: server.apiRoot,
    clock: systemClock,
    log: silent,
    readCursor: (name) => cursors.read(name),
    writeCursor: (name, value) => cursors.write(name, value),
    inputs: NO_INPUTS,
    pollSeconds: 1,
  })
  const fixture = await MessageFixture.open({ sendChannels: [channel], messaging: UNMERGED, ...options })
  cursors.read = (name) => fixture.storage.inbox.cursor('telegram', name)
  const write = cursorWriter(fixture.storage.inbox, systemClock)
  cursors.write = (name, value) => write({ channel: 'telegram', name, value })
  return {
    fixture,
    channel,
    async start() {
      await fixture.messaging.start()
      await channel.start(fixture.messaging.receiver)
    },
    async [Symbol.asyncDispose]() {
      await channel.stop()
      await fixture[Symbol.asyncDispose]()
    },
  }
}

describe('conversations on Telegram', () => {
  test('are answered in order, each under its question, several chats at once', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    const questions = [1, 2, 3, 4, 5]
    const asked = questions.map(
      (number) => [server.say(ADA, `A${number}`), server.say(BOB, `B${number}`)] as const,
    )
    await gateway.start()
    await until(() => server.chats.sent.length === 10, 'all answers', 20_000)
    expect(shown(server, ADA)).toEqual(questions.map((number) => `answer to A${number}`))
    expect(shown(server, BOB)).toEqual(questions.map((number) => `answer to B${number}`))
    for (const [index, message] of server.sentTo(ADA).entries())
      expect([null, asked[index]![0]]).toContain(message.replyTo)
  })

  test('continue after a crash: nothing is lost, answered twice or asked of the model again', async () => {
    await using server = await TelegramServer.start()
    server.chats.openChat(ADA)
    await using first = await open(server)
    server.fail('sendMessage', badGateway, 1_000)
    server.say(ADA, 'one')
    await first.start()
    await until(
      () => first.fixture.model.asked.length === 1 && server.callsOf('sendMessage').length > 0,
      'the first try',
    )
    // The store is closed while turns run: they never finish.
    await first.fixture.crash()
    await first.channel.stop()
    server.say(ADA, 'two')
    server.restore()

    await using second = await open(server, { path: first.fixture.path })
    await second.start()
    await until(() => server.chats.sent.length === 2, 'both answers', 20_000)
    // Nothing is sent a second time.
    await pause(300)
    expect(shown(server, ADA)).toEqual(['answer to one', 'answer to two'])
    expect(second.fixture.model.asked).toEqual(['two'])
  })

  test('are not disturbed by a platform that is slow, limited or down for a moment', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    server.say(ADA, 'one')
    server.say(ADA, 'two')
    server.fail('sendMessage', tooManyRequests(1))
    server.fail('sendMessage', { kind: 'drop' })
    await gateway.start()
    await until(() => server.chats.sent.length === 2, 'both answers', 20_000)
    expect(shown(server, ADA)).toEqual(['answer to one', 'answer to two'])
  })

  test('end for a person who blocks the bot, and continue for everybody else', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    server.say(ADA, 'hello')
    server.chats.blocked.add(ADA)
    server.say(BOB, 'hello')
    await gateway.start()
    await until(() => server.sentTo(BOB).length === 1, 'the answer')
    await until(() => server.callsOf('sendMessage').some((call) => call.payload.chat_id === ADA), 'the try')
    server.chats.blocked.delete(ADA)
    server.say(ADA, 'back again')
    await until(() => server.sentTo(ADA).length === 1, 'the later answer')
    expect(shown(server, ADA)).toEqual(['answer to back again'])
  })

  test('keep their history when a group becomes a supergroup, wherever that is noticed first', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    const { fixture } = gateway
    server.say(-55, '@hermes_test_bot first')
    await gateway.start()
    await until(() => server.sentTo(-55).length === 1, 'the first answer')
    server.chats.migrated.set(-55, GROUP)
    server.chats.openChat(GROUP)
    const release = Promise.withResolvers<void>()
    fixture.model.reply = async () => {
      await release.promise
      return 'second answer'
    }
    server.say(-55, '@hermes_test_bot second')
    await until(() => fixture.model.requests.length === 2, 'the second question')
    release.resolve()
    await until(() => server.sentTo(GROUP).length === 1, 'the answer at the new place')
    server.push('message', server.message(GROUP, 90, null, { message: { migrate_from_chat_id: -55 } }))
    fixture.model.reply = () => 'third answer'
    server.say(GROUP, '@hermes_test_bot third')
    await until(() => server.sentTo(GROUP).length === 2, 'the third answer')
    const texts = fixture.model.requests.at(-1)!.messages.map((message) => message.text)
    expect(texts.join('\n')).toMatch(/first[^]*second[^]*third/)
  })

  test('in a group need a mention, and a forwarded command is only words', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    server.say(GROUP, 'just talking')
    server.say(GROUP, '@another_bot do this')
    server.say(ADA, '/new', {
      message: { forward_origin: { type: 'hidden_user', date: 1, sender_user_name: 'X' } },
    })
    await gateway.start()
    await until(() => server.sentTo(ADA).length === 1, 'the answer')
    expect(gateway.fixture.model.asked).toEqual([''])
    const { context } = gateway.fixture.model.requests[0]!.messages[0]!
    expect(context).toContain('Forwarded, a message from "X":\n> /new\n')
    expect(server.sentTo(GROUP)).toEqual([])
  })

  test('obey commands at once, and answer an edited question only once', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    const release = Promise.withResolvers<void>()
    gateway.fixture.model.reply = async (request) => {
      await release.promise
      return `answer to ${request.messages.at(-1)!.text}`
    }
    server.say(ADA, 'slow one')
    await gateway.start()
    await until(() => gateway.fixture.model.requests.length === 1, 'the question')
    const waiting = server.say(ADA, 'tpyo')
    server.change(ADA, waiting, 'typo')
    server.say(ADA, '/status')
    await until(() => server.sentTo(ADA).length === 1, 'the status')
    release.resolve()
    await until(() => server.sentTo(ADA).length === 3, 'both answers')
    expect(shown(server, ADA).slice(1)).toEqual(['answer to slow one', 'answer to typo'])
  })

  test('show an answer while it is being written, in one message', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    const words = 'A long answer is written word by word, and the reader sees it grow. '
    gateway.fixture.model.reply = async (_request, { onText }) => {
      for (let part = 0; part < 12; part++) {
        onText(words)
        // A model writes with pauses, slower than drafts may be shown.
        await pause(250)
      }
      return `${words.repeat(12)}The end.`
    }
    server.say(ADA, 'continue')
    await gateway.start()
    await until(() => server.sentTo(ADA)[0]?.text.endsWith('The end.'), 'the end', 20_000)
    expect(server.sentTo(ADA).length).toBe(1)
    expect(server.sentTo(ADA)[0]!.earlier.length).toBeGreaterThan(1)
    expect(server.sentTo(ADA)[0]!.text).toBe(`${words.repeat(12)}The end.`)
    expect(server.callsOf('sendChatAction').length).toBeGreaterThan(0)
  })

  test('carry pictures to the model, and a sentence back for what it cannot see', async () => {
    await using server = await TelegramServer.start()
    await using gateway = await open(server)
    const file_id = server.addFile(Buffer.from('\x89PNG\r\n\x1a\n picture', 'latin1'), 'photos/1.jpg')
    server.say(ADA, null, { message: { photo: [{ file_id, file_size: 16 }], caption: 'what is it?' } })
    server.say(BOB, null, { message: { voice: { file_id: 'v' } } })
    await gateway.start()
    await until(() => server.chats.sent.length === 2, 'both replies')
    const [question] = gateway.fixture.model.requests
    expect(question!.messages.at(-1)).toMatchObject({
      text: 'what is it?',
      attachments: [{ mediaType: 'image/png' }],
    })
    expect(shown(server, BOB)[0]).toContain('voice')
    expect(gateway.fixture.model.requests.length).toBe(1)
  })
})
