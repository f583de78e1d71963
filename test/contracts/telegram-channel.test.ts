import { hurried } from '../support/hurried-clock.ts'
import { PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'
import { badGateway, TelegramServer, tooManyRequests } from '../support/platforms/telegram/telegram-server.ts'
import { CAPABILITIES } from './capabilities.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** Back-offs are no part of the contract. */
const LONGEST_WAIT_MS = 200

const UNTIL_MENDED = 1_000_000

channelContract('telegram', {
  capabilities: CAPABILITIES.telegram,
  fed: true,
  async open(): Promise<ChannelFixture> {
    const fixture = await TelegramFixture.open()
    const { server } = fixture
    const ofMessage = new Map<string, unknown>()
    return {
      platform: {
        address: String(PRIVATE_CHAT),
        async say(text) {
          const id = server.say(PRIVATE_CHAT, text)
          ofMessage.set(String(id), server.message(PRIVATE_CHAT, id, text))
          return String(id)
        },
        async redeliver(id) {
          server.push('message', ofMessage.get(id))
        },
        acknowledged: () => server.unconfirmed === 0,
        sent: () => server.chats.sent.map(({ id, text }) => ({ id: String(id), text })),
        attempts: () => server.callsOf('sendMessage').length + server.callsOf('editMessageText').length,
        limitRate(seconds) {
          server.fail('sendMessage', tooManyRequests(seconds))
        },
        block: () => void server.chats.blocked.add(PRIVATE_CHAT),
        reactions: {
          of: (id) => [server.chats.reaction(PRIVATE_CHAT, Number(id))].filter((emoji) => emoji !== null),
          attempts: () => server.callsOf('setMessageReaction').length,
          limitRate: (seconds) => server.fail('setMessageReaction', tooManyRequests(seconds)),
          close: () => void server.chats.withoutReactions.add(PRIVATE_CHAT),
        },
        quoted(id) {
          const replyTo = server.chats.sent.find((message) => message.id === Number(id))!.replyTo
          return replyTo === null ? null : String(replyTo)
        },
        down: () => server.fail('*', badGateway, UNTIL_MENDED),
        up: () => server.restore(),
      },
      odd: {
        frame: () => ({
          message: server.message(PRIVATE_CHAT, 9_999, 'odd @one', { message: { caption: 'c' } }),
        }),
        deliver: async (frames) => server.pushRaw(frames),
        answer(body) {
          server.fail('getUpdates', { kind: 'body', status: 200, body })
        },
      },
      create: (receiver) => fixture.create(receiver, { clock: hurried(LONGEST_WAIT_MS) }),
      logged: () => fixture.lines.join(''),
      secrets: [TelegramServer.token, TelegramServer.token.split(':')[1]!],
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    }
  },
})
