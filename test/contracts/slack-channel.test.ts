import { hurried } from '../support/hurried-clock.ts'
import { SlackFixture, PRIVATE } from '../support/platforms/slack/slack-fixture.ts'
import { SlackServer, slowDown } from '../support/platforms/slack/slack-server.ts'
import { CAPABILITIES } from './capabilities.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** Back-offs are no part of the contract. */
const LONGEST_WAIT_MS = 200

channelContract('slack', {
  capabilities: CAPABILITIES.slack,
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
        down: () => void (server.down = true),
        up: () => void (server.down = false),
      },
      create: (receiver) => fixture.create(receiver, { clock: hurried(LONGEST_WAIT_MS) }),
      logged: () => fixture.lines.join(''),
      secrets: [SlackServer.botToken, SlackServer.appToken],
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    }
  },
})
