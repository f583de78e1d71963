import net, { type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { pause, until } from '../support/until.ts'

/** Long enough for a loop to show itself: it made thousands of connections in this time. */
const WATCHED_MS = 4_000

test(
  'a proxy that accepts and closes is asked with growing pauses, named, and keeps nobody from a stop',
  PROCESS_TEST,
  async () => {
    let connections = 0
    const proxy = net.createServer((client) => {
      connections++
      client.on('error', () => {})
      client.end()
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const env = {
      HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
      TELEGRAM_BOT_TOKEN: '7:TEST-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-aaaaaaaaaaaaaaaaaaaa',
    }
    const config = { channels: { telegram: { enabled: true } } }
    await using gateway = await GatewayProcess.start({ env, config })
    try {
      await until(() => gateway.stderr.includes('the proxy closes the connection'), 'the warning', 30_000)
      const before = connections
      await pause(WATCHED_MS)
      expect(connections - before).toBeLessThan(20)
      const asked = performance.now()
      expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
      expect(performance.now() - asked).toBeLessThan(10_000)
    } finally {
      proxy.close()
    }
  },
)
