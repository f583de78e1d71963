import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'

/** How long a gateway hopes that a taken port becomes free. */
const TIMEOUT_MS = 10_000

test.concurrent(
  'a port that stays taken is tried for ten seconds, then named, and ends the start with 1',
  PROCESS_TEST,
  async () => {
    await using gateway = await GatewayProcess.prepare()
    await using other = createServer()
    await new Promise<void>((resolve) => other.listen(gateway.port, '127.0.0.1', resolve))
    const started = performance.now()
    gateway.spawn()
    expect(await gateway.ended).toEqual({ code: 1, signal: null })
    expect(performance.now() - started).toBeGreaterThanOrEqual(TIMEOUT_MS)
    expect(gateway.stderr).toContain(`port ${gateway.port} is taken by another program`)
    expect(gateway.stdout).toBe('')
  },
)

test.concurrent('a port that becomes free in time is taken', PROCESS_TEST, async () => {
  await using gateway = await GatewayProcess.prepare()
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(gateway.port, '127.0.0.1', resolve))
  const started = gateway.start()
  setTimeout(() => other.close(), 4_000)
  await started
  expect((await gateway.readiness()).status).toBe(503)
})
