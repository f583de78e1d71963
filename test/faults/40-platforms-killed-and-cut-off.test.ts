import '../support/no-gateway-left.ts'
import { expect, test } from 'vitest'
import { PROCESS_TEST } from '../support/bot-world.ts'
import { discordWorld } from '../support/discord-world.ts'
import { emailWorld } from '../support/email-world.ts'
import { whyWithoutMail, withoutMailServers } from '../support/mail-host.ts'
import { matrixWorld } from '../support/matrix-world.ts'
import { DISTURBANCES, PlatformTrial } from '../support/platform-trial.ts'
import { slackWorld } from '../support/slack-world.ts'
import { telegramWorld } from '../support/telegram-world.ts'

/** The platforms that a gateway can be cut off from; each is disturbed once in every way. */
const PLATFORMS = {
  telegram: telegramWorld,
  slack: slackWorld,
  matrix: matrixWorld,
  discord: discordWorld,
  email: emailWorld,
}

for (const [name, world] of Object.entries(PLATFORMS)) {
  const mail = name === 'email'
  test.skipIf(mail && withoutMailServers)(
    `on ${name} nothing is lost and everything stays in order, whatever breaks${mail ? whyWithoutMail : ''}`,
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
