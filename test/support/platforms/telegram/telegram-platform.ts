import { CAPABILITIES } from '../../../contracts/capabilities.ts'
import { TcpProxy } from '../../processes/tcp-proxy.ts'
import type { BotPlatform } from '../bot-platform.ts'
import { TelegramServer } from './telegram-server.ts'

const FIRST_PERSON = 700

/** The Bot API for a whole gateway. A bot's repeat of a send cannot be told from a second message there. */
export async function telegramPlatform(): Promise<BotPlatform & { readonly server: TelegramServer }> {
  const server = await TelegramServer.start()
  const line = await TcpProxy.to(Number(new URL(server.apiRoot).port))
  return {
    server,
    name: 'telegram',
    channels: { telegram: { api_root: `http://127.0.0.1:${line.port}` } },
    env: { TELEGRAM_BOT_TOKEN: TelegramServer.token, TELEGRAM_ALLOWED_USERS: '*' },
    lines: [line],
    dropsRepeats: CAPABILITIES.telegram.dropsRepeats,
    async say(conversation, text) {
      server.say(FIRST_PERSON + conversation, text)
    },
    answers: (conversation) => server.sentTo(FIRST_PERSON + conversation).map(({ text }) => text),
    async [Symbol.asyncDispose]() {
      await line[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
