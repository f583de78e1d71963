import { hurried } from '../support/hurried-clock.ts'
import { SlackFixture, PRIVATE } from '../support/platforms/slack/slack-fixture.ts'
import { SlackServer, slowDown } from '../support/platforms/slack/slack-server.ts'
import { until } from '../support/until.ts'
import { CAPABILITIES } from './capabilities.ts'
import { ADDRESS, BENS_WORDS, OWN_WORDS } from './channel-about.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** Back-offs are no part of the contract. */
const LONGEST_WAIT_MS = 200

const CHARACTERS: Readonly<Record<string, string>> = { eyes: '👀', hourglass_flowing_sand: '⏳' }

channelContract('slack', {
  capabilities: CAPABILITIES.slack,
  facts: ['forward', 'link'],
  fed: true,
  async open(): Promise<ChannelFixture> {
    const fixture = await SlackFixture.open()
    const { server } = fixture
    server.sockets.ackMs = 300
    return {
      platform: {
        address: PRIVATE,
        async say(text) {
          return server.say(PRIVATE, text)
        },
        async redeliver(id) {
          server.deliver(PRIVATE, id)
        },
        acknowledged: () => server.sockets.acknowledged,
        sent: () => server.workspace.sent(PRIVATE).map(({ id, text }) => ({ id, text })),
        attempts: () => server.callsOf('chat.postMessage').length + server.callsOf('chat.update').length,
        limitRate(seconds) {
          server.fail('chat.postMessage', slowDown(seconds))
        },
        block: () => void server.workspace.closed.set(PRIVATE, 'is_archived'),
        reactions: {
          of: (id) => [...server.workspace.reactionsTo(id)].map((name) => CHARACTERS[name]!),
          attempts: () => server.callsOf('reactions.add').length + server.callsOf('reactions.remove').length,
          limitRate: (seconds) => server.fail('reactions.add', slowDown(seconds)),
          close: () => server.fail('reactions.add', { kind: 'error', error: 'no_permission' }),
        },
        down: () => void (server.down = true),
        up: () => void (server.down = false),
      },
      odd: {
        frame: () => ({
          envelope_id: 'odd',
          type: 'events_api',
          payload: {
            type: 'event_callback',
            event: {
              type: 'message',
              channel: PRIVATE,
              channel_type: 'im',
              user: 'U1ADA',
              text: 'odd *one*',
              ts: '1760000000.000100',
              files: [{ id: 'F1', name: 'a.txt', mimetype: 'text/plain', size: 1, url_private: 'x' }],
              blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'x' } }],
            },
          },
        }),
        async deliver(frames) {
          for (const frame of frames) {
            await until(() => server.sockets.connections > 0, 'a connection')
            server.sockets.raw(frame)
          }
        },
        answer(body) {
          server.fail('apps.connections.open', { kind: 'http', status: 200, body })
          server.sockets.cut()
        },
      },
      says: {
        forward() {
          const shared = { is_share: true, author_name: 'Ben', text: BENS_WORDS }
          server.say(PRIVATE, OWN_WORDS, { more: { attachments: [shared] } })
        },
        link: () =>
          server.say(PRIVATE, '', { more: { text: OWN_WORDS.replace('this', `<${ADDRESS}|this>`) } }),
      },
      create: (receiver) => fixture.create(receiver, { clock: hurried(LONGEST_WAIT_MS) }),
      logged: () => fixture.lines.join(''),
      secrets: [SlackServer.botToken, SlackServer.appToken],
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    }
  },
})
