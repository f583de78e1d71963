import { connect } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'

const SECRET = `whsec_${Buffer.from('TEST secret of 24 bytes!').toString('base64')}`
const RAW_SECRET = 'TEST-raw-secret-0123456789'
const CHAT = 700

const HOOKS = [
  {
    name: 'deploys',
    secret: '${DEPLOY_SECRET}',
    deliver_to: `telegram:${CHAT}`,
    prompt: 'Deployed: {{body.what}}',
  },
  { name: 'raw', secret: RAW_SECRET, deliver_to: `telegram:${CHAT}`, prompt: 'Raw: {{body}}' },
  { name: 'closed', secret: RAW_SECRET, deliver_to: 'discord:1' },
]
const OPTIONS = { config: { webhooks: HOOKS }, env: { DEPLOY_SECRET: SECRET } } as const

/** The headers that an independent library makes. */
function signed(id: string, body: string, at = new Date(), webhook = new Webhook(SECRET)) {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': webhook.sign(id, at, body),
  }
}

function post(fixture: BotFixture, name: string, body: string, headers: Record<string, string>) {
  return fetch(`${fixture.gateway.url}/hooks/${name}`, { method: 'POST', body, headers })
}

/** The status of an answer that came although the announced body was never sent. */
function statusWithoutBody(port: number, headers: string): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(
        `POST /hooks/deploys HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n${headers}\r\n`,
      ),
    )
    socket.on('data', (chunk) => {
      answer += chunk
      socket.destroy()
    })
    socket.on('close', () => resolve(Number(answer.split(' ')[1])))
    socket.on('error', reject)
  })
}

test(
  'a delivery without a good signature is refused with 401, and its body is not even parsed',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start(OPTIONS)
    fixture.telegram.chats.openChat(CHAT)
    const body = JSON.stringify({ what: 'version 7' })
    const good = signed('msg_1', body)
    const { port } = fixture.gateway
    // Not JSON at all: a parser would answer something else.
    const broken = '{"what": '
    const bad: Array<[Record<string, string>, string]> = [
      [{}, broken],
      [{ ...good, 'webhook-signature': '' }, broken],
      [good, broken],
      [good, `${body} `],
      [{ ...good, 'webhook-id': 'msg_2' }, body],
      [{ ...good, 'webhook-signature': good['webhook-signature'].replace('v1,', 'v1a,') }, body],
      [{ ...good, 'webhook-signature': 'v1,' }, body],
      [
        signed('msg_1', body, new Date(), new Webhook(Buffer.from('TEST another one').toString('base64'))),
        body,
      ],
      [signed('msg_1', body, new Date(Date.now() - 6 * 60_000)), body],
      [signed('msg_1', body, new Date(Date.now() + 6 * 60_000)), body],
      [{ authorization: `Bearer ${fixture.gateway.token}` }, body],
    ]
    for (const [headers, content] of bad) {
      const answer = await post(fixture, 'deploys', content, headers)
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ error: { code: 'signature' } })
    }
    expect(await statusWithoutBody(port, '')).toBe(401)
    expect((await post(fixture, 'deploys', 'x'.repeat(70_000), good)).status).toBe(413)
    expect((await post(fixture, 'nothing', body, good)).status).toBe(404)
    expect((await fetch(`${fixture.gateway.url}/hooks/deploys`)).status).toBe(405)
    expect(
      (
        await post(
          fixture,
          'closed',
          body,
          signed('a', body, new Date(), new Webhook(RAW_SECRET, { format: 'raw' })),
        )
      ).status,
    ).toBe(503)
    expect(fixture.shown(CHAT)).toEqual([])
    expect((await fixture.status()).warnings).toContain(
      'Webhook closed takes nothing: the channel discord is not open.',
    )
    // After all of this a good one is still taken.
    const answer = await post(fixture, 'deploys', body, {
      ...good,
      'webhook-signature': `v1,AAAA ${good['webhook-signature']}`,
    })
    expect(answer.status).toBe(202)
    await fixture.until(() => fixture.shown(CHAT).length > 0, 'the answer')
    expect(fixture.shown(CHAT)).toEqual(['Echo: Deployed: version 7'])
    expect(fixture.sandbox.requests).toHaveLength(1)
  },
)

test(
  'a delivery that is repeated starts no second turn, not even after the gateway was killed with -9',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start(OPTIONS)
    fixture.telegram.chats.openChat(CHAT)
    const body = JSON.stringify({ what: 'once' })
    const headers = signed('msg_once', body)
    const first = await post(fixture, 'deploys', body, headers)
    expect(first.status).toBe(202)
    const { id } = (await first.json()) as { id: string }
    expect(await (await post(fixture, 'deploys', body, headers)).json()).toMatchObject({ id })
    await fixture.until(() => fixture.shown(CHAT).length > 0, 'the answer')
    await fixture.gateway.restart('SIGKILL')
    const again = await post(fixture, 'deploys', body, headers)
    expect(again.status).toBe(202)
    expect(await again.json()).toEqual({ id, state: 'answered' })
    // The same id from another sender is another delivery.
    const raw = new Webhook(RAW_SECRET, { format: 'raw' })
    expect((await post(fixture, 'raw', body, signed('msg_once', body, new Date(), raw))).status).toBe(202)
    await fixture.until(() => fixture.shown(CHAT).some((text) => text.includes('Raw')), 'the second answer')
    // Killed between the sending and its receipt, a gateway sends once more: Telegram has no means against it.
    const answers = new Set(fixture.shown(CHAT))
    expect([...answers]).toEqual(['Echo: Deployed: once', `Echo: Raw: ${body}`])
    expect(fixture.asked('Deployed: once')).toHaveLength(1)
    // An answer to what nobody wrote in the chat is a reply to nothing.
    expect(fixture.telegram.sentTo(CHAT).every(({ replyTo }) => (replyTo ?? null) === null)).toBe(true)
  },
)

test(
  'what a webhook says is data: no command, no sign-in, and the chat continues as before',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start(OPTIONS)
    const raw = new Webhook(RAW_SECRET, { format: 'raw' })
    const say = (id: string, body: string) => post(fixture, 'raw', body, signed(id, body, new Date(), raw))
    fixture.telegram.say(CHAT, 'hello')
    await fixture.until(() => fixture.shown(CHAT).length === 1, 'the answer')
    for (const [index, text] of ['/login', '/new', '/stop'].entries()) {
      const command = new Webhook(RAW_SECRET, { format: 'raw' })
      expect((await post(fixture, 'raw', text, signed(`c${index}`, text, new Date(), command))).status).toBe(
        202,
      )
    }
    await fixture.until(() => fixture.shown(CHAT).length === 4, 'the answers')
    expect(fixture.shown(CHAT).slice(1)).toEqual(
      ['/login', '/new', '/stop'].map((text) => `Echo: Raw: ${text}`),
    )
    for (const secret of [
      '{"t": "sk-ant-oat01-TESTTESTTEST"}',
      '{"t": "TESTcode12345678#TESTstate12345678"}',
    ]) {
      expect((await say('s1', secret)).status).toBe(400)
    }
    fixture.telegram.say(CHAT, 'still there?')
    await fixture.until(() => fixture.shown(CHAT).length === 5, 'the last answer')
    // One conversation with one history: what came by the webhook can be talked about.
    expect(fixture.sandbox.requests.at(-1)!.turns).toBe(5)
  },
)

test(
  'during an outage a delivery is held, the chat is told once, and the answers come in order',
  PROCESS_TEST,
  async () => {
    await using fixture = await BotFixture.start({
      ...OPTIONS,
      config: { ...OPTIONS.config, gateway: { hold: { merge: false } } },
      apiKey: false,
    })
    fixture.telegram.chats.openChat(CHAT)
    const raw = new Webhook(RAW_SECRET, { format: 'raw' })
    for (const text of ['one', 'two']) {
      const answer = await post(fixture, 'raw', text, signed(text, text, new Date(), raw))
      expect(answer.status).toBe(202)
      expect(await answer.json()).toMatchObject({ state: 'held' })
    }
    await fixture.until(() => fixture.shown(CHAT).length > 0, 'the notice')
    await fixture.signedIn({ tokenLifetimeSeconds: 28_800 })
    await fixture.until(() => fixture.shown(CHAT).length > 2, 'the answers', 60_000)
    expect(fixture.shown(CHAT)).toEqual([
      expect.stringContaining("can't reach Claude"),
      'Echo: Raw: one',
      'Echo: Raw: two',
    ])
  },
)
