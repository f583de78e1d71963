import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import type { StatusReport } from '../../src/http/wire-reports.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const [ADA, BEN] = [501, 502]

test(
  'an overload is in /api/status and `hermes status` at once, with all that wait, while /readyz waits its minute',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start()
    const { gateway, sandbox, telegram } = fixture
    const status = async () => (await (await gateway.fetch('/api/status')).json()) as StatusReport
    expect((await status()).holding).toBeNull()
    const fault = sandbox.control.fault({ target: 'messages', fault: 'overloaded-529', retryAfter: 50 })
    telegram.say(ADA, 'one')
    await fixture.until(() => fault.struck > 0, 'the first refusal')
    const refusedAt = Date.now()
    await expect.poll(async () => (await status()).holding?.reason, { timeout: 1_000 }).toBe('overloaded')
    expect(Date.now() - refusedAt).toBeLessThan(1_000)
    telegram.say(BEN, 'two')
    telegram.say(BEN, 'three')
    await expect.poll(async () => (await status()).holding?.waiting).toBe(3)
    const { holding, gateway: said } = await status()
    expect(holding).toMatchObject({ status: 'provider-unavailable', reason: 'overloaded' })
    expect(Date.parse(holding!.nextTryAt!)).toBeGreaterThan(Date.now())
    // A health check is not alerted to what may be over in seconds.
    expect(said.status).toBe('ready')
    expect((await gateway.fetch('/readyz')).status).toBe(200)
    const printed = await gateway.run(['status'])
    expect(printed.stdout).toMatch(
      /Not answering: Claude is overloaded; 3 messages wait; next try in \d+ s\./,
    )
    fault.clear()
  },
)
