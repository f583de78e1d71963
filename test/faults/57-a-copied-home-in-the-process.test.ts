import { expect, test } from 'vitest'
import '../support/no-gateway-left.ts'
import { BotWorld, PROCESS_TEST } from '../support/bot-world.ts'

const ADA = 501

test(
  'a gateway on a copied home spends nothing until the operator adopts the sign-in',
  PROCESS_TEST,
  async () => {
    await using world = await BotWorld.start({ apiKey: false, start: false })
    const { gateway, sandbox, telegram } = world
    await world.signedIn({}, 'another-machine-TEST')
    await gateway.start()
    await world.untilState('needs-login')
    telegram.say(ADA, 'hello')
    await world.until(() => world.shown(ADA).length === 1, 'the notice')
    const before = await gateway.run(['auth', 'status', '--json'])
    expect(JSON.parse(before.stdout)).toMatchObject({ state: 'needs-login', reason: 'other-machine' })
    expect(before.code).toBe(3)
    const adopted = await gateway.run(['auth', 'status', '--adopt'])
    expect(adopted.stdout).toContain('now belongs to this machine')
    await world.until(() => world.shown(ADA).length === 2, 'the answer')
    expect(world.shown(ADA)[1]).toContain('Echo: hello')
    await world.untilState('ready')
    expect(sandbox.counts).toMatchObject({ tokenRequests: 0, rejections: 0 })
  },
)
