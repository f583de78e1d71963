import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { openSqliteStorage } from '../../src/storage/sqlite/storage.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { afterThisTest } from '../support/provider/signed-in.ts'
import '../support/processes/no-gateway-left.ts'

const ADA = 5
const CANARY = 'TEST-canary-0123456789abcdefghij'

/** Takes every request, and keeps what was posted. */
async function receiver(): Promise<{ url: string; posts: Array<{ headers: object; body: string }> }> {
  const posts: Array<{ headers: object; body: string }> = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      posts.push({ headers: request.headers, body })
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, posts }
}

it('alerts test sends through every route and says which arrived', PROCESS_TEST, async () => {
  const { url, posts } = await receiver()
  const alerts = [
    { type: 'telegram', chat: String(ADA) },
    { type: 'webhook', url, secret: CANARY },
    { type: 'ntfy', url: 'http://127.0.0.1:59/t', token: CANARY },
    { type: 'command', run: ['/bin/false'] },
  ]
  await using fixture = await BotFixture.start({ start: false, config: { alerts } })
  fixture.telegram.chats.openChat(ADA)
  const { code, stdout, stderr } = await fixture.gateway.run(['alerts', 'test', '--json'])
  const { items } = JSON.parse(stdout) as {
    items: Array<{ route: string; working: boolean; problem: string | null }>
  }
  expect(items.map(({ route, working }) => [route, working])).toEqual([
    [`telegram:${ADA}`, true],
    [`webhook:${new URL(url).host}`, true],
    ['ntfy:127.0.0.1:59', false],
    ['command:/bin/false', false],
  ])
  expect(code).toBe(0)
  expect(JSON.parse(posts[0]!.body)).toMatchObject({ event: 'test' })
  expect(fixture.telegram.sentTo(ADA)[0]!.text).toContain('outages will be reported here')
  expect(stdout + stderr).not.toContain(CANARY)
})

it('alerts test fails where no route takes it, and where there is none', PROCESS_TEST, async () => {
  const alerts = [{ type: 'command', run: ['/bin/false'] }]
  await using dead = await BotFixture.start({ start: false, config: { alerts } })
  const { code, stdout } = await dead.gateway.run(['alerts', 'test'])
  expect(stdout).toContain('command:/bin/false  ended with 1')
  expect(code).toBe(1)
  await using none = await BotFixture.start({ start: false })
  const empty = await none.gateway.run(['alerts', 'test'])
  expect(empty.stderr).toContain("you won't hear about outages")
  expect(empty.code).toBe(1)
})

it('incidents lists the outages, the newest first, also while a gateway runs', PROCESS_TEST, async () => {
  await using fixture = await BotFixture.start({ start: false, apiKey: false })
  const before = await fixture.gateway.run(['incidents', '--json'])
  expect(JSON.parse(before.stdout)).toEqual({ items: [] })

  const storage = await openSqliteStorage({
    path: join(fixture.gateway.home, 'hermes.db'),
    pullChannels: [],
  })
  const day = 86_400_000
  await storage.incidents.save({
    id: 'first',
    status: 'usage-limited',
    reason: null,
    openedAt: Date.now() - 2 * day,
    closedAt: Date.now() - day,
    counts: { held: 3, answered: 2, refused: 1, parked: 0 },
    events: [{ at: Date.now() - 2 * day, kind: 'opened', text: 'the usage limit is reached' }],
    alertRounds: 0,
    alerted: false,
  })
  await storage.close()
  // Without any credential an outage begins with the start.
  await fixture.gateway.start()
  await fixture.untilState('needs-login')
  const list = async () => {
    const { stdout } = await fixture.gateway.run(['incidents', '--json'])
    return (JSON.parse(stdout) as { items: Array<Record<string, unknown>> }).items
  }
  await expect
    .poll(async () => (await list()).map(({ status }) => status), { timeout: 30_000 })
    .toEqual(['needs-login', 'usage-limited'])
  expect((await list())[1]).toMatchObject({
    id: 'first',
    counts: { held: 3 },
    openedAt: expect.stringMatching(/Z$/) as string,
  })
  const { stdout } = await fixture.gateway.run(['incidents'])
  expect(stdout).toMatch(/nobody has signed in yet/)
  expect(stdout).toMatch(/1 d 0 h +the usage limit has been reached +3 +2 +none/)
  expect(stdout).toContain('The first outage is still open.')
})
