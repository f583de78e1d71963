import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const ADA = 501

test(
  'a gateway on a copied home spends nothing until the operator adopts the sign-in',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({ apiKey: false, start: false })
    const { gateway, sandbox, telegram } = fixture
    await fixture.signedIn({}, 'another-machine-TEST')
    await gateway.start()
    await fixture.untilState('needs-login')
    telegram.say(ADA, 'hello')
    await fixture.until(() => fixture.shown(ADA).length === 1, 'the notice')
    const before = await gateway.run(['auth', 'status', '--json'])
    expect(JSON.parse(before.stdout)).toMatchObject({ state: 'needs-login', reason: 'other-machine' })
    expect(before.code).toBe(3)
    const adopted = await gateway.run(['auth', 'status', '--adopt'])
    expect(adopted.stdout).toContain('now belongs to this machine')
    await fixture.until(() => fixture.shown(ADA).length === 2, 'the answer')
    expect(fixture.shown(ADA)[1]).toContain('Echo: hello')
    await fixture.untilState('ready')
    expect(sandbox.counts).toMatchObject({ tokenRequests: 0, rejections: 0 })
  },
)
