import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import type { GatewayProcess } from '../support/processes/gateway-process.ts'
import { pause } from '../support/until.ts'

const ADA = 501

/** Ends the gateway as a service manager would. @returns how long it took, in milliseconds */
async function stop(gateway: GatewayProcess): Promise<number> {
  const asked = performance.now()
  expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  return performance.now() - asked
}

test.concurrent('an answer that is nearly done is finished before the end', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ sandbox: { answer: { delayMs: 2_000 } } })
  fixture.telegram.say(ADA, 'quick one')
  await fixture.until(() => fixture.asked('quick one').length === 1, 'the question')
  expect(await stop(fixture.gateway)).toBeLessThan(10_000)
  expect(fixture.shown(ADA)).toEqual(['Echo: quick one'])
  expect((await fixture.gateway.readiness()).status).toBe(0)
  await fixture.gateway.start()
  // A question that was left over would be asked at once.
  await pause(500)
  expect(fixture.asked('quick one')).toHaveLength(1)
  expect(fixture.shown(ADA)).toEqual(['Echo: quick one'])
})

test.concurrent(
  'an answer that takes too long is handed back and given by the next process',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ sandbox: { answer: { delayMs: 120_000 } } })
    fixture.telegram.say(ADA, 'long one')
    fixture.telegram.say(ADA, 'after it')
    await fixture.until(() => fixture.asked('long one').length === 1, 'the question')
    expect(await stop(fixture.gateway)).toBeLessThan(10_500)
    expect(fixture.shown(ADA)).toEqual([])
    expect((await fixture.stored()).map(({ state }) => state)).not.toContain('answering')
    fixture.sandbox.control.answer({ delayMs: 0 })
    await fixture.gateway.start()
    await fixture.until(() => fixture.shown(ADA).length === 2, 'both answers')
    expect(fixture.shown(ADA)).toEqual(['Echo: long one', 'Echo: after it'])
  },
)

test.concurrent(
  'a refresh that has left is waited for beyond that, and its result is kept',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ apiKey: false, start: false })
    const { sandbox, telegram, gateway } = fixture
    await fixture.signedIn({ tokenLifetimeSeconds: 3_600 })
    await gateway.start()
    telegram.say(ADA, 'first')
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the first answer')
    const slow = sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 11_000 })
    sandbox.control.expire()
    telegram.say(ADA, 'second')
    await fixture.until(() => slow.struck === 1, 'the refresh')
    const took = await stop(gateway)
    expect(took).toBeGreaterThan(5_000)
    expect(took).toBeLessThan(35_000)
    slow.clear()
    await gateway.start()
    await fixture.until(() => fixture.shown(ADA).length === 2, 'the second answer')
    expect(fixture.shown(ADA)).toEqual(['Echo: first', 'Echo: second'])
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, replays: 0, invalidGrants: 0 })
  },
)
