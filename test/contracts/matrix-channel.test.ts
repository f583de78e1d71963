import { hurried } from '../support/hurried-clock.ts'
import {
  ADA,
  BOB,
  GROUP_ROOM,
  MatrixFixture,
  PRIVATE_ROOM,
} from '../support/platforms/matrix/matrix-fixture.ts'
import { badGateway, limitExceeded, MatrixServer } from '../support/platforms/matrix/matrix-server.ts'
import { CAPABILITIES } from './capabilities.ts'
import { ADDRESS, BENS_WORDS, GROUP_NAME, OWN_WORDS, PLACE } from './channel-about.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** Back-offs are no part of the contract. */
const LONGEST_WAIT_MS = 200

const UNTIL_MENDED = 1_000_000

channelContract('matrix', {
  capabilities: CAPABILITIES.matrix,
  facts: ['reply', 'link', 'location', 'group'],
  fed: true,
  async open(): Promise<ChannelFixture> {
    const fixture = await MatrixFixture.open()
    const { server } = fixture
    const { rooms } = server
    const bens = rooms.say(PRIVATE_ROOM, BOB, BENS_WORDS)
    rooms.rooms.get(GROUP_ROOM)!.name = GROUP_NAME
    return {
      platform: {
        address: PRIVATE_ROOM,
        say: async (text) => rooms.say(PRIVATE_ROOM, ADA, text),
        redeliver: async (id) => rooms.again(id),
        acknowledged: () => server.allConfirmed,
        sent: () => rooms.shown(PRIVATE_ROOM).map(({ id, text }) => ({ id, text })),
        attempts: () => server.callsOf('send').length,
        limitRate: (seconds) => server.fail('send', limitExceeded(seconds * 1_000)),
        block: () => void server.closed.add(PRIVATE_ROOM),
        reactions: {
          of: (id) => rooms.reactions(PRIVATE_ROOM, id),
          attempts: () => server.callsOf('react').length,
          limitRate: (seconds) => server.fail('react', limitExceeded(seconds * 1_000)),
          close: () => void server.withoutReactions.add(PRIVATE_ROOM),
        },
        quoted(id) {
          const { content } = rooms.shown(PRIVATE_ROOM).find((message) => message.id === id)!
          const relation = content['m.relates_to'] as { 'm.in_reply_to'?: { event_id: string } } | undefined
          return relation?.['m.in_reply_to']?.event_id ?? null
        },
        down: () => server.fail('*', badGateway, UNTIL_MENDED),
        up: () => server.restore(),
      },
      odd: {
        frame: () => ({
          type: 'm.room.message',
          event_id: '$odd',
          sender: ADA,
          origin_server_ts: 1_760_000_000_000,
          unsigned: { age: 1 },
          content: {
            msgtype: 'm.text',
            body: 'odd',
            format: 'org.matrix.custom.html',
            formatted_body: '<b>odd</b>',
            info: { size: 1, mimetype: 'image/png' },
            'm.mentions': { user_ids: [ADA] },
            'm.relates_to': { 'm.in_reply_to': { event_id: '$other' } },
          },
        }),
        deliver: async (frames) => void server.oddEvents.push(...frames),
        answer(body) {
          server.fail('sync', { kind: 'body', status: 200, body })
        },
      },
      says: {
        reply: () =>
          rooms.say(PRIVATE_ROOM, ADA, OWN_WORDS, {
            'm.relates_to': { 'm.in_reply_to': { event_id: bens } },
          }),
        link: () =>
          rooms.say(PRIVATE_ROOM, ADA, OWN_WORDS, {
            format: 'org.matrix.custom.html',
            formatted_body: OWN_WORDS.replace('this', `<a href="${ADDRESS}">this</a>`),
          }),
        location: () => {
          const geo_uri = `geo:${PLACE.latitude},${PLACE.longitude}`
          rooms.say(PRIVATE_ROOM, ADA, 'Here', { msgtype: 'm.location', geo_uri })
        },
        group: () => rooms.say(GROUP_ROOM, ADA, 'hello'),
      },
      create: (receiver) => fixture.createKnowing(receiver, { clock: hurried(LONGEST_WAIT_MS) }),
      logged: () => fixture.lines.join(''),
      secrets: [MatrixServer.token],
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    }
  },
})
