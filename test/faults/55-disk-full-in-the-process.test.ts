import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import type { GatewayProcess } from '../support/processes/gateway-process.ts'
import { fillDisk, freeDisk, NO_SMALL_DISK, smallDisk } from '../support/stores/small-disk.ts'
import { pause } from '../support/until.ts'

const ADA = 501
const BOB = 502
const OPERATOR = 900
/** A little more than what the gateway keeps free for running answers. */
const DISK_KB = 96 * 1024

/** More than fits into what the store had already on the disk. */
const LONG_ANSWER = Array.from({ length: 60_000 }, (_, index) => `word${index}`).join(' ')

async function answers(gateway: GatewayProcess): Promise<string[]> {
  const { items } = await gateway.json<{ items: Array<{ role: string; text: string }> }>(
    '/api/conversations/long/messages',
  )
  return items.filter(({ role }) => role === 'assistant').map(({ text }) => text)
}

test.skipIf(NO_SMALL_DISK !== null)(
  `a disk that is full when an answer is to be stored costs no second question, no message, and one alert${NO_SMALL_DISK ? ` (${NO_SMALL_DISK})` : ''}`,
  PROCESS_TEST,
  async () => {
    const home = smallDisk(DISK_KB)
    await using fixture = await BotFixture.start({
      home,
      sandbox: {
        answer: {
          delayMs: 1_500,
          wordsPerDelta: 5_000,
          reply: ({ text }) => (text === 'one' ? LONG_ANSWER : `Echo: ${text}`),
        },
      },
      env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
    })
    const { telegram, gateway, sandbox } = fixture

    telegram.say(ADA, 'zero')
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the first answer')
    expect((await gateway.say('long', 'one')).status).toBe(202)
    await fixture.until(() => fixture.asked('one').length === 1, 'the question')
    fillDisk(home)
    await fixture.untilState('store')
    const confirmed = telegram.confirmed
    telegram.say(ADA, 'two')
    telegram.say(BOB, 'three')
    // The answer to "one" comes in between, and the platform offers both messages again and again.
    await pause(3_000)
    // Unacknowledged: the platform keeps them.
    expect(telegram.confirmed).toBe(confirmed)
    expect(telegram.unconfirmed).toBe(2)
    expect(await answers(gateway)).toEqual([])
    expect(sandbox.requests).toHaveLength(2)
    expect((await gateway.say('a', 'four')).status).toBe(503)
    await fixture.until(() => fixture.shown(OPERATOR).length === 1, 'the alert')
    expect(fixture.shown(OPERATOR)[0]).toMatch(
      /^Down since \d\d:\d\d UTC: the disk or database cannot store messages/,
    )

    freeDisk(home)
    await fixture.until(
      () => fixture.shown(ADA).length === 2 && fixture.shown(BOB).length === 1,
      'the answers',
      90_000,
    )
    expect(fixture.shown(ADA)).toEqual(['Echo: zero', 'Echo: two'])
    expect(fixture.shown(BOB)).toEqual(['Echo: three'])
    expect(await answers(gateway)).toEqual([LONG_ANSWER])
    expect(sandbox.requests.map(({ text }) => text).sort()).toEqual(['one', 'three', 'two', 'zero'])
    await fixture.untilState('ready')
    await fixture.until(() => fixture.shown(OPERATOR).length === 2, 'the closing message')
    expect(fixture.shown(OPERATOR)[1]).toMatch(/^Back online/)
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  },
)
