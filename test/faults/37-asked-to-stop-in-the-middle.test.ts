import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { BotWorld, PROCESS_TEST } from '../support/bot-world.ts'
import type { GatewayProcess } from '../support/gateway-process.ts'

const ADA = 501

/** Ends the gateway as a service manager would. @returns how long it took, in milliseconds */
async function stop(gateway: GatewayProcess): Promise<number> {
  const asked = performance.now()
  expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
  return performance.now() - asked
}

test.concurrent('an answer that is nearly done is finished before the end', PROCESS_TEST, async () => {
  await using world = await BotWorld.start({ sandbox: { answer: { delayMs: 2_000 } } })
  world.telegram.say(ADA, 'quick one')
  await world.until(() => world.asked('quick one').length === 1, 'the question')
  expect(await stop(world.gateway)).toBeLessThan(10_000)
  expect(world.shown(ADA)).toEqual(['Echo: quick one'])
  expect((await world.gateway.readiness()).status).toBe(0)
  await world.gateway.start()
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(world.asked('quick one')).toHaveLength(1)
  expect(world.shown(ADA)).toEqual(['Echo: quick one'])
})

test.concurrent(
  'an answer that takes too long is handed back and given by the next process',
  PROCESS_TEST,
  async () => {
    await using world = await BotWorld.start({ sandbox: { answer: { delayMs: 120_000 } } })
    world.telegram.say(ADA, 'long one')
    world.telegram.say(ADA, 'after it')
    await world.until(() => world.asked('long one').length === 1, 'the question')
    expect(await stop(world.gateway)).toBeLessThan(10_500)
    expect(world.shown(ADA)).toEqual([])
    expect((await world.stored()).map(({ state }) => state)).not.toContain('answering')
    world.sandbox.control.answer({ delayMs: 0 })
    await world.gateway.start()
    await world.until(() => world.shown(ADA).length === 2, 'both answers')
    expect(world.shown(ADA)).toEqual(['Echo: long one', 'Echo: after it'])
  },
)

test.concurrent(
  'a refresh that has left is waited for beyond that, and its result is kept',
  PROCESS_TEST,
  async () => {
    await using world = await BotWorld.start({ apiKey: false, start: false })
    const { sandbox, telegram, gateway } = world
    await world.signedIn({ tokenLifetimeSeconds: 3_600 })
    await gateway.start()
    telegram.say(ADA, 'first')
    await world.until(() => world.shown(ADA).length === 1, 'the first answer')
    const slow = sandbox.control.fault({ target: 'token-endpoint', fault: 'slow', delayMs: 11_000 })
    sandbox.control.expire()
    telegram.say(ADA, 'second')
    await world.until(() => slow.struck === 1, 'the refresh')
    const took = await stop(gateway)
    expect(took).toBeGreaterThan(5_000)
    expect(took).toBeLessThan(35_000)
    slow.clear()
    await gateway.start()
    await world.until(() => world.shown(ADA).length === 2, 'the second answer')
    expect(world.shown(ADA)).toEqual(['Echo: first', 'Echo: second'])
    expect(sandbox.counts).toMatchObject({ tokenRequests: 1, replays: 0, invalidGrants: 0 })
  },
)
