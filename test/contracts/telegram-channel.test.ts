import { hurried } from '../support/hurried-clock.ts'
import { GROUP_CHAT, PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'
import { badGateway, TelegramServer, tooManyRequests } from '../support/platforms/telegram/telegram-server.ts'
import { CAPABILITIES } from './capabilities.ts'
import { ADDRESS, BENS_WORDS, GROUP_NAME, OWN_WORDS, PLACE } from './channel-about.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** Back-offs are no part of the contract. */
const LONGEST_WAIT_MS = 200

const UNTIL_MENDED = 1_000_000

channelContract('telegram', {
  capabilities: CAPABILITIES.telegram,
  facts: ['reply', 'forward', 'link', 'location', 'contact', 'group'],
  fed: true,
  async open(): Promise<ChannelFixture> {
    const fixture = await TelegramFixture.open()
    const { server } = fixture
    const ofMessage = new Map<string, unknown>()
    const ben = { id: 9, is_bot: false, first_name: 'Ben' }
    const tell = (text: string | null, message: Record<string, unknown>) =>
      server.say(PRIVATE_CHAT, text, { message })
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
      says: {
        reply: () =>
          tell(OWN_WORDS, { reply_to_message: { message_id: 1, from: ben, date: 1, text: BENS_WORDS } }),
        forward: () => tell(BENS_WORDS, { forward_origin: { type: 'user', date: 1, sender_user: ben } }),
        link: () => {
          const offset = OWN_WORDS.indexOf('this')
          tell(OWN_WORDS, { entities: [{ type: 'text_link', offset, length: 4, url: ADDRESS }] })
        },
        location: () => tell(null, { location: PLACE }),
        contact: () => tell(null, { contact: { phone_number: '+49301', first_name: 'Ben', last_name: 'B' } }),
        group: () => {
          const chat = { id: GROUP_CHAT, type: 'supergroup', title: GROUP_NAME }
          server.say(GROUP_CHAT, 'hello', { message: { chat } })
        },
      },
      create: (receiver) => fixture.create(receiver, { clock: hurried(LONGEST_WAIT_MS) }),
      logged: () => fixture.lines.join(''),
      secrets: [TelegramServer.token, TelegramServer.token.split(':')[1]!],
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    }
  },
})
