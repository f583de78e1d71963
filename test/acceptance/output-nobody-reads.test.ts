import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const ADA = 501

test('a gateway whose log viewer is closed keeps working', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ config: { gateway: { log_level: 'trace' } } })
  const { gateway, telegram } = fixture
  gateway.closeOutput()
  for (const text of ['one', 'two', 'three']) telegram.say(ADA, text)
  await fixture.until(() => fixture.shown(ADA).length === 3, 'the answers')
  expect((await gateway.readiness()).state).toBe('ready')
  expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
})

test('a command whose reader leaves early is no failure', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start()
  const child = fixture.gateway.command(['status', '--json'])
  child.stdout!.destroy()
  child.stderr!.resume()
  expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0)
})
