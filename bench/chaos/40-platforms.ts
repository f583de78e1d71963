import type { BotPlatform } from '../../test/support/platforms/bot-platform.ts'
import { discordPlatform } from '../../test/support/platforms/discord/discord-platform.ts'
import { emailPlatform } from '../../test/support/platforms/email/email-platform.ts'
import { missingMailServers } from '../../test/support/platforms/email/mail-host.ts'
import { matrixPlatform } from '../../test/support/platforms/matrix/matrix-platform.ts'
import { DISTURBANCES, PlatformFixture } from '../../test/support/platforms/platform-fixture.ts'
import { slackPlatform } from '../../test/support/platforms/slack/slack-platform.ts'
import { telegramPlatform } from '../../test/support/platforms/telegram/telegram-platform.ts'
import type { ChaosRow } from './row.ts'

/** Every platform, killed and cut off in turn while messages are under way. */
export const platformRows: readonly ChaosRow[] = [
  row('telegram', telegramPlatform),
  row('slack', slackPlatform),
  row('matrix', matrixPlatform),
  { ...row('email', emailPlatform), missing: missingMailServers },
  row('discord', discordPlatform),
]

function row(name: string, platform: () => Promise<BotPlatform>): ChaosRow {
  return {
    fault: 40,
    title: `${name}, with kills and broken lines`,
    rounds: 200,
    async run(rounds, random) {
      await using fixture = await PlatformFixture.start(await platform())
      const broken: string[] = []
      let repeated = 0
      let round = 0
      while (round < rounds && broken.length === 0) {
        const report = await fixture.round(DISTURBANCES[round++ % DISTURBANCES.length]!, random)
        repeated += report.repeated
        broken.push(...report.broken)
      }
      if (broken.length > 0) broken.push(fixture.log.slice(-4_000))
      return {
        rounds: round,
        tokenRequests: 0,
        doubles: 0,
        lost: broken.filter((line) => line.includes('lost')).length,
        notes: `${repeated} answers seen twice`,
        broken,
      }
    },
  }
}
