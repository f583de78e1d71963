import { CAPABILITIES } from '../../../contracts/capabilities.ts'
import { TcpProxy } from '../../processes/tcp-proxy.ts'
import { until } from '../../until.ts'
import type { BotPlatform } from '../bot-platform.ts'
import { DiscordServer } from './discord-server.ts'

const FIRST_PERSON = 510_000_000_000_000_000n

/** Discord for a whole gateway: its API and its gateway, each behind a line of its own. */
export async function discordPlatform(): Promise<BotPlatform & { readonly server: DiscordServer }> {
  const server = await DiscordServer.start()
  const api = await TcpProxy.to(server.port)
  const gateway = await TcpProxy.to(server.port)
  server.gatewayUrl = `ws://127.0.0.1:${gateway.port}`
  const chatOf = (conversation: number) =>
    server.chats.openPrivate(String(FIRST_PERSON + BigInt(conversation)))
  return {
    server,
    name: 'discord',
    channels: { discord: { api_root: `http://127.0.0.1:${api.port}/api` } },
    env: { DISCORD_BOT_TOKEN: DiscordServer.token, DISCORD_ALLOWED_USERS: '*' },
    lines: [api, gateway],
    dropsRepeats: CAPABILITIES.discord.dropsRepeats,
    async say(conversation, text) {
      const chat = chatOf(conversation)
      // A private chat that begins while the bot is away is never announced.
      if (server.chats.channels.get(chat)!.messages.length === 0)
        await until(() => server.gateway.connected > 0, 'the bot on Discord', 60_000)
      server.say(chat, text)
    },
    answers: (conversation) => server.chats.sentTo(chatOf(conversation)).map(({ content }) => content),
    async [Symbol.asyncDispose]() {
      await api[Symbol.asyncDispose]()
      await gateway[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
