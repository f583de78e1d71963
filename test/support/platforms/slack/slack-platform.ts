import { CAPABILITIES } from '../../../contracts/capabilities.ts'
import { TcpProxy } from '../../processes/tcp-proxy.ts'
import type { BotPlatform } from '../bot-platform.ts'
import { SlackServer } from './slack-server.ts'

/**
 * Slack for a whole gateway. What nobody was connected for, and what was on its way when a
 * connection broke, is never delivered again: only the histories show it.
 */
export async function slackPlatform(): Promise<BotPlatform & { readonly server: SlackServer }> {
  const server = await SlackServer.start()
  server.sockets.forgetful = true
  // The address of the socket is on the host that was asked for it, so it leads through the line, too.
  const line = await TcpProxy.to(server.port)
  const chatOf = (conversation: number) => `D0PERSON${conversation}`
  const opened = new Set<string>()
  return {
    server,
    name: 'slack',
    channels: { slack: { api_root: `http://127.0.0.1:${line.port}/api/` } },
    env: {
      SLACK_BOT_TOKEN: SlackServer.botToken,
      SLACK_APP_TOKEN: SlackServer.appToken,
      SLACK_ALLOWED_USERS: '*',
    },
    lines: [line],
    dropsRepeats: CAPABILITIES.slack.dropsRepeats,
    async say(conversation, text) {
      const chat = chatOf(conversation)
      const user = `U0PERSON${conversation}`
      if (!opened.has(chat)) server.workspace.open(chat, 'im', { user })
      opened.add(chat)
      server.say(chat, text, { user })
    },
    answers: (conversation) => server.workspace.sent(chatOf(conversation)).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      await line[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
