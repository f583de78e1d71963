import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { BotWorld, PROCESS_TEST } from '../support/bot-world.ts'

const ADA = 501

test('a gateway whose log viewer is closed goes on with its work', PROCESS_TEST, async () => {
  await using world = await BotWorld.start({ config: { gateway: { log_level: 'trace' } } })
  const { gateway, telegram } = world
  gateway.closeOutput()
  for (const text of ['one', 'two', 'three']) telegram.say(ADA, text)
  await world.until(() => world.shown(ADA).length === 3, 'the answers')
  expect((await gateway.readiness()).state).toBe('ready')
  expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
})

test('a command whose reader leaves early is no failure', PROCESS_TEST, async () => {
  await using world = await BotWorld.start()
  const child = world.gateway.command(['status', '--json'])
  child.stdout!.destroy()
  child.stderr!.resume()
  expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0)
})
