import { discordWorld } from '../../test/support/discord-world.ts'
import { emailWorld } from '../../test/support/email-world.ts'
import { withoutMailServers } from '../../test/support/mail-host.ts'
import { matrixWorld } from '../../test/support/matrix-world.ts'
import { DISTURBANCES, PlatformTrial } from '../../test/support/platform-trial.ts'
import type { PlatformWorld } from '../../test/support/platform-world.ts'
import { slackWorld } from '../../test/support/slack-world.ts'
import { telegramWorld } from '../../test/support/telegram-world.ts'
import type { ChaosRow } from './row.ts'

/** Every platform, killed and cut off in turn while messages are under way. */
export const platformRows: readonly ChaosRow[] = [
  row('telegram', telegramWorld),
  row('slack', slackWorld),
  row('matrix', matrixWorld),
  ...(withoutMailServers ? [] : [row('email', emailWorld)]),
  row('discord', discordWorld),
]

function row(name: string, world: () => Promise<PlatformWorld>): ChaosRow {
  return {
    fault: 40,
    title: `${name}, with kills and broken lines`,
    rounds: 200,
    async run(rounds) {
      await using trial = await PlatformTrial.start(await world())
      const broken: string[] = []
      let repeated = 0
      let round = 0
      while (round < rounds && broken.length === 0) {
        const report = await trial.round(DISTURBANCES[round++ % DISTURBANCES.length]!)
        repeated += report.repeated
        broken.push(...report.broken)
      }
      if (broken.length > 0) broken.push(trial.log.slice(-4_000))
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
