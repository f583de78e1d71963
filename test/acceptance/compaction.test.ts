import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const ADA = 4_001
/** With its echo a tenth of the room for the conversation, and one message on Telegram. */
const LONG = 'and so on '.repeat(300)

test(
  'a long conversation is compacted by the provider behind an answer, and continues',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      config: { model: { context_length: 24_000, max_tokens: 2_000 } },
    })
    const { telegram, gateway } = fixture
    let said = 0
    const say = async () => {
      said++
      telegram.say(ADA, `number ${said} ${LONG}`)
      await fixture.until(
        () => fixture.shown(ADA).some((text) => text.includes(`number ${said} `)),
        'the answer',
      )
    }
    const isCompacted = async () =>
      /^hermes_epochs_total\{reason="compaction"\} [1-9]/m.test(
        await (await gateway.fetch('/metrics')).text(),
      )
    while (!(await isCompacted())) {
      expect(said).toBeLessThan(18)
      await say()
    }
    await say()
    expect(gateway.stderr).not.toContain('could not be')
  },
)
