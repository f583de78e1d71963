import '../support/processes/no-gateway-left.ts'
import { expect, test } from 'vitest'
import { discordPlatform } from '../support/platforms/discord/discord-platform.ts'
import { emailPlatform } from '../support/platforms/email/email-platform.ts'
import { whyWithoutMail, withoutMailServers } from '../support/platforms/email/mail-host.ts'
import { matrixPlatform } from '../support/platforms/matrix/matrix-platform.ts'
import { DISTURBANCES, PlatformFixture } from '../support/platforms/platform-fixture.ts'
import { slackPlatform } from '../support/platforms/slack/slack-platform.ts'
import { telegramPlatform } from '../support/platforms/telegram/telegram-platform.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'

/** The platforms that a gateway can be cut off from; each is disturbed once in every way. */
const PLATFORMS = {
  telegram: telegramPlatform,
  slack: slackPlatform,
  matrix: matrixPlatform,
  discord: discordPlatform,
  email: emailPlatform,
}

for (const [name, platform] of Object.entries(PLATFORMS)) {
  const mail = name === 'email'
  test.skipIf(mail && withoutMailServers)(
    `on ${name} nothing is lost and everything stays in order, whatever breaks${mail ? whyWithoutMail : ''}`,
    PROCESS_TEST,
    async () => {
      await using fixture = await PlatformFixture.start(await platform())
      for (const disturbance of DISTURBANCES) {
        const { broken } = await fixture.round(disturbance)
        expect(broken).toEqual([])
      }
    },
  )
}
