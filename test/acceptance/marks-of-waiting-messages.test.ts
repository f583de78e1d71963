import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { pause } from '../support/until.ts'

const CHAT = 501
/** Longer than the answers that show no mark. */
const SLOW_MS = 2_500
/** Longer than a kill and a start take. */
const HELD_MS = 15_000

test(
  'a slow answer is marked while it is made, a held message until it is answered, also after a kill',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ sandbox: { answer: { delayMs: SLOW_MS } } })
    const { telegram, sandbox, gateway } = fixture
    const mark = (id: number) => telegram.chats.reaction(CHAT, id)
    const slow = telegram.say(CHAT, 'slow')
    await fixture.until(() => mark(slow) === '👀', 'the mark')
    expect(fixture.shown(CHAT)).toEqual([])
    await fixture.until(() => fixture.shown(CHAT).length === 1, 'the answer')
    await fixture.until(() => mark(slow) === null, 'the end of the mark')

    const outage = sandbox.control.fault({ target: 'messages', fault: 'usage-limit', resetInMs: HELD_MS })
    const held = telegram.say(CHAT, 'held')
    await fixture.until(() => mark(held) === '😴', 'the mark of what is held')
    await gateway.kill('SIGKILL')
    outage.clear()
    await gateway.start()
    await fixture.until(() => fixture.shown(CHAT).some((text) => text.includes('held')), 'the late answer')
    await fixture.until(() => mark(held) === null, 'the end of its mark')
    expect(telegram.callsOf('setMessageReaction').every(({ payload }) => payload.chat_id === CHAT)).toBe(true)
  },
)

test('where marks are switched off, nothing asks for one', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ start: false })
  const { telegram, sandbox, gateway } = fixture
  gateway.configure({
    model: { base_url: sandbox.url },
    channels: { telegram: { api_root: telegram.apiRoot, reactions: false } },
  })
  await gateway.start()
  sandbox.control.answer({ delayMs: SLOW_MS })
  telegram.say(CHAT, 'slow')
  await fixture.until(() => fixture.shown(CHAT).length === 1, 'the slow answer')
  // A mark would have come by now.
  await pause(SLOW_MS)
  expect(telegram.callsOf('setMessageReaction')).toEqual([])
})
