import '../support/no-gateway-left.ts'
import { expect, test } from 'vitest'
import { PROCESS_TEST } from '../support/bot-world.ts'
import { matrixWorld } from '../support/matrix-world.ts'
import { DISTURBANCES, PlatformTrial } from '../support/platform-trial.ts'
import { slackWorld } from '../support/slack-world.ts'
import { telegramWorld } from '../support/telegram-world.ts'

/** The platforms that a gateway can be cut off from; each is disturbed once in every way. */
const PLATFORMS = { telegram: telegramWorld, slack: slackWorld, matrix: matrixWorld }

for (const [name, world] of Object.entries(PLATFORMS)) {
  test(
    `on ${name} nothing is lost and everything stays in order, whatever breaks`,
    PROCESS_TEST,
    async () => {
      await using trial = await PlatformTrial.start(await world())
      for (const disturbance of DISTURBANCES) {
        const { broken } = await trial.round(disturbance)
        expect(broken).toEqual([])
      }
    },
  )
}
