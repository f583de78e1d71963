import net, { type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { pause, until } from '../support/until.ts'

/** Long enough for a loop to show itself: it made thousands of connections in this time. */
const WATCHED_MS = 4_000
/** What each host behind it may ask in that time. */
const ASKED_EACH = 6

const TOKENS = {
  TELEGRAM_BOT_TOKEN: '7:TEST-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  DISCORD_BOT_TOKEN: 'TEST-aaaaaaaaaaaaaaaaaaaaaaaa.aaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaa',
  DISCORD_ALLOWED_USERS: '1',
  SLACK_BOT_TOKEN: 'xoxb-TEST-aaaaaaaaaaaaaaaa',
  SLACK_APP_TOKEN: 'xapp-TEST-aaaaaaaaaaaaaaaa',
  MATRIX_HOMESERVER: 'https://matrix.example.org',
  MATRIX_ACCESS_TOKEN: 'TEST-aaaaaaaaaaaaaaaa',
  ANTHROPIC_API_KEY: 'sk-ant-api03-TEST-aaaaaaaaaaaaaaaaaaaa',
}
const CHANNELS = ['telegram', 'discord', 'slack', 'matrix']

interface Status {
  readonly channels: ReadonlyArray<{ channel: string; problem: string | null }>
}

test.each([
  ['accepts and closes', (client: Socket) => client.end(), 'the proxy closes the connection'],
  [
    'wants a password',
    (client: Socket) =>
      client.once('data', () => client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')),
    'the proxy refuses (407)',
  ],
])(
  'a proxy that %s is asked with growing pauses for every host, named, and keeps nobody from a stop',
  PROCESS_TEST,
  async (_what, treat, words) => {
    let connections = 0
    const proxy = net.createServer((client) => {
      connections++
      client.on('error', () => {})
      treat(client)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    const env = { HTTPS_PROXY: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, ...TOKENS }
    const config = {
      channels: Object.fromEntries(CHANNELS.map((name) => [name, { enabled: true }])),
      alerts: [{ type: 'webhook', url: 'https://hooks.example.org/x', secret: 'TEST-secret-of-16' }],
    }
    await using gateway = await GatewayProcess.start({ env, config })
    try {
      const problems = async () => {
        const { channels } = await gateway.json<Status>('/api/status')
        return channels.filter(({ problem }) => problem?.includes(words)).map(({ channel }) => channel)
      }
      let named: readonly string[] = []
      await until(
        () => {
          void problems().then((found) => (named = found))
          return named.length === CHANNELS.length
        },
        'the problem of every channel',
        60_000,
      )
      expect(named.toSorted()).toEqual(CHANNELS.toSorted())
      // The model's list, the channels, and the route of alerts.
      const hosts = CHANNELS.length + 2
      const before = connections
      await gateway.say('web-1', 'hello')
      await pause(WATCHED_MS)
      expect(connections - before).toBeLessThan(hosts * ASKED_EACH)
      expect(gateway.stderr).toContain(words)
      const asked = performance.now()
      expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
      expect(performance.now() - asked).toBeLessThan(10_000)
    } finally {
      proxy.close()
    }
  },
)
