import { TelegramServer } from '../../test/support/platforms/telegram/telegram-server.ts'
import { hostileText, HOSTILE_PIECES } from './hostile-texts.ts'

/**
 * A simulator of Telegram as a process of its own; prints its address. On SIGUSR2 a thousand strangers write
 * the longest messages that the platform takes.
 */
const MESSAGES = 1_000
const LONGEST = 4_096

const server = await TelegramServer.start()
console.log(server.apiRoot)
process.on('SIGUSR2', () => {
  for (let n = 0; n < MESSAGES; n++)
    server.say(1_000 + n, hostileText(HOSTILE_PIECES[n % HOSTILE_PIECES.length]!, LONGEST))
})
process.on('SIGTERM', () => process.exit(0))
