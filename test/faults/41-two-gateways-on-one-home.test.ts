import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { freePort } from '../support/processes/free-port.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

test(
  'a second gateway on one home says so and ends with 1, and the first keeps running',
  PROCESS_TEST,
  async () => {
    await using first = await GatewayProcess.start()
    const second = await first.run(['gateway', '--port', String(await freePort())])
    expect(second.stderr).toContain(`a gateway is already running for ${first.home}`)
    expect(second.stdout).toBe('')
    expect(second.code).toBe(1)
    expect(JSON.parse((await first.run(['status', '--json'])).stdout)).toMatchObject({
      gateway: { running: true },
    })
    // Not even a stopped one is taken over: it would continue where it was.
    await first.kill('SIGSTOP')
    expect((await first.run(['gateway', '--port', String(await freePort())])).code).toBe(1)
    await first.kill('SIGCONT')
    // A killed one holds nothing.
    await first.restart('SIGKILL')
    expect((await first.readiness()).state).toBe('needs-login')
  },
)
