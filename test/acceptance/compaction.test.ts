import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const ADA = 4_001
/** One message on Telegram, and with its echo a ninth of the room for the conversation. */
const LONG = 'and so on '.repeat(300)
/** So many exchanges fill three quarters of the room. */
const EXCHANGES = 8

test(
  'a long conversation is compacted by the provider behind an answer, and continues',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      config: { model: { context_length: 24_000, max_tokens: 2_000 } },
    })
    const { telegram, gateway } = fixture
    const say = async (number: number) => {
      telegram.say(ADA, `number ${number} ${LONG}`)
      await fixture.until(() => fixture.shown(ADA).length === number, `answer ${number}`)
    }
    const compactions = async () => {
      const metrics = await (await gateway.fetch('/metrics')).text()
      return Number(/^hermes_epochs_total\{reason="compaction"\} (\d+)/m.exec(metrics)?.[1] ?? 0)
    }
    for (let number = 1; number <= EXCHANGES; number++) await say(number)
    await fixture.until(
      () => gateway.stderr.includes('the provider has compacted the conversation'),
      'the compaction',
    )
    expect(await compactions()).toBe(0)
    await say(EXCHANGES + 1)
    expect(await compactions()).toBe(1)
    expect(fixture.shown(ADA).at(-1)).toContain(`number ${EXCHANGES + 1} `)
  },
)
