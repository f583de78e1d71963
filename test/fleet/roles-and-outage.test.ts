import { expect, test } from 'vitest'
import { PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { FleetFixture, type FleetStatus } from '../support/processes/fleet-fixture.ts'
import { GatewayProcess } from '../support/processes/gateway-process.ts'
import { freshDatabase } from '../support/stores/postgres.ts'
import { openSse, type ReceivedEvent } from '../support/web/sse-client.ts'

interface StatusView {
  readonly incident: { readonly id: string } | null
  readonly queue: { readonly held: number }
}

const CHAT = 800
const OPERATOR = 99

test(
  'one process takes in and sends, others answer; a stop reaches the one that answers',
  PROCESS_TEST,
  async () => {
    await using fixture = await FleetFixture.open({
      databaseUrl: await freshDatabase(),
      sandbox: { answer: { style: 'echo' } },
    })
    const [ingress] = await Promise.all([
      fixture.join('ingress'),
      fixture.join('worker'),
      fixture.join('worker'),
    ])
    expect(await fixture.untilHeld()).toBe(ingress)
    const chats = Array.from({ length: 20 }, (_, index) => CHAT + index)
    for (const chat of chats) fixture.telegram.say(chat, 'one')
    for (const chat of chats) fixture.telegram.say(chat, 'two')
    await fixture.until(() => chats.every((chat) => fixture.shown(chat).length === 2), 'all answers')
    for (const chat of chats) expect(fixture.shown(chat)).toEqual(['Echo: one', 'Echo: two'])

    // A worker that was up first leads until it sees the ingress.
    const { fleet, channels } = await fixture.eventually(async () => {
      const status = await ingress!.json<FleetStatus>('/api/status')
      const leader = status.fleet.find(({ holds }) => holds.includes('leader'))
      return leader?.pid === ingress!.pid ? status : null
    }, 'the ingress to lead')
    expect(fleet.map(({ role }) => role).toSorted()).toEqual(['ingress', 'worker', 'worker'])
    const holding = fleet.filter(({ holds }) => holds.some((name) => name.startsWith('channel:telegram:')))
    expect(holding.map(({ pid }) => pid)).toEqual([ingress!.pid])
    expect(channels.find(({ channel }) => channel === 'telegram')?.state).toBe('connected')

    const { stdout } = await ingress!.run(['status'])
    expect(stdout).toContain('Fleet: 3 gateways')
    expect(stdout).toMatch(/ingress .*telegram/)

    // An answer that would take a minute ends at once on whichever worker makes it.
    fixture.sandbox.control.answer({
      style: { text: 'word '.repeat(600) },
      deltaDelayMs: 100,
      wordsPerDelta: 1,
    })
    const asked = fixture.sandbox.requests.length
    fixture.telegram.say(CHAT, 'a long one')
    await fixture.until(() => fixture.sandbox.requests.length > asked, 'the request')
    fixture.telegram.say(CHAT, '/stop')
    fixture.sandbox.control.answer({ style: 'echo', deltaDelayMs: 0 })
    fixture.telegram.say(CHAT, 'and now')
    await fixture.until(() => fixture.shown(CHAT).includes('Echo: and now'), 'the next answer', 30_000)
  },
)

test(
  'a message that one process takes in joins the turn that another one answers, and pieces wait for each other',
  PROCESS_TEST,
  async () => {
    await using fixture = await FleetFixture.open({
      databaseUrl: await freshDatabase(),
      sandbox: { answer: { delayMs: 3_000 } },
      config: { gateway: { hold: { merge: true } } },
    })
    const { telegram, sandbox } = fixture
    await Promise.all([fixture.join('ingress'), fixture.join('worker')])
    telegram.say(CHAT, 'What is a quine?')
    await fixture.until(() => sandbox.requests.length > 0, 'the first request')
    telegram.say(CHAT, 'In Lisp, please.')
    const both = 'Echo: What is a quine?\n\nIn Lisp, please.'
    await fixture.until(() => fixture.shown(CHAT).at(-1) === both, 'the answer')
    expect(fixture.shown(CHAT)).toEqual([both])
    expect(sandbox.requests).toHaveLength(2)

    sandbox.control.answer({ delayMs: 0 })
    telegram.say(CHAT, 'x'.repeat(4_000))
    telegram.say(CHAT, 'the end')
    await fixture.until(() => fixture.shown(CHAT).at(-1)?.endsWith('the end') === true, 'the second answer')
    expect(sandbox.requests.map(({ text }) => text).slice(2)).toEqual([`${'x'.repeat(4_000)}\n\nthe end`])
  },
)

test('the page of one process shows an answer while another one writes it', PROCESS_TEST, async () => {
  await using fixture = await FleetFixture.open({ databaseUrl: await freshDatabase() })
  const [ingress] = await Promise.all([fixture.join('ingress'), fixture.join('worker')])
  const text = 'word '.repeat(20).trim()
  fixture.sandbox.control.answer({ style: { text }, deltaDelayMs: 100, wordsPerDelta: 1 })
  using stream = await openSse(`${ingress!.url}/api/conversations/live/events`, {
    authorization: `Bearer ${ingress!.token}`,
  })
  expect((await ingress!.say('live', 'slowly, please')).status).toBe(202)
  const isAnswer = ({ event, data }: ReceivedEvent) => event === 'message' && data['role'] === 'assistant'
  const events = await stream.until((all) => all.some(isAnswer), 60_000)
  const before = events.slice(0, events.findIndex(isAnswer))
  const shown = before.filter(({ event, data }) => event === 'delta' && data['text'] !== '')
  expect(shown.length).toBeGreaterThan(3)
  expect(text).toContain(shown.map(({ data }) => data['text']).join(''))
})

test(
  'an outage is one alert, one notice a conversation and one incident over three processes',
  PROCESS_TEST,
  async () => {
    await using fixture = await FleetFixture.open({
      databaseUrl: await freshDatabase(),
      env: { TELEGRAM_HOME_CHANNEL: String(OPERATOR) },
      config: { gateway: { hold: { merge: true } } },
      apiKey: false,
    })
    const gateways = await Promise.all([fixture.join(), fixture.join(), fixture.join()])
    await fixture.untilHeld()
    const chats = Array.from({ length: 12 }, (_, index) => CHAT + index)
    for (const chat of chats) fixture.telegram.say(chat, 'one')
    await fixture.until(() => chats.every((chat) => fixture.shown(chat).length > 0), 'the notices')
    for (const chat of chats) fixture.telegram.say(chat, 'two')
    await fixture.until(() => fixture.shown(OPERATOR).length > 0, 'the alert')
    const incidents = await fixture.eventually(async () => {
      const all = await Promise.all(gateways.map((gateway) => gateway.json<StatusView>('/api/status')))
      const ids = all.map(({ incident }) => incident?.id)
      return ids.every((id) => id !== undefined) && all.every(({ queue }) => queue.held === 24) ? ids : null
    }, 'the incident in every process')
    expect(new Set(incidents).size).toBe(1)

    // Signed in through any of the homes: all continue.
    const login = await gateways[1]!.run(
      ['auth', 'login', '--api-key', '--yes'],
      `${fixture.sandbox.apiKey()}\n`,
    )
    expect(login.code).toBe(0)
    await fixture.until(
      () => chats.every((chat) => fixture.shown(chat).some((text) => text.includes('two'))),
      'all answers',
    )
    for (const chat of chats) {
      expect(fixture.shown(chat).filter((text) => text.startsWith("I can't reach Claude"))).toHaveLength(1)
      // What one person wrote during the outage is one turn.
      expect(fixture.shown(chat)).toHaveLength(2)
    }
    const closing = () => fixture.shown(OPERATOR).filter((text) => /\d+ answered/.test(text))
    await fixture.until(() => closing().length > 0, 'the closing message')
    expect(
      fixture.shown(OPERATOR).filter((text) => /messages? (is|are) waiting|are kept/.test(text)),
    ).toHaveLength(1)
    expect(closing()).toHaveLength(1)
    const { items } = await gateways[0]!.json<{ items: readonly unknown[] }>('/api/incidents')
    expect(items).toHaveLength(1)
  },
)

test('a role other than all is refused on SQLite, with the reason', PROCESS_TEST, async () => {
  await using gateway = await GatewayProcess.prepare({})
  const ended = await gateway.run(['gateway', '--role', 'worker'])
  expect(ended.code).toBe(78)
  expect(ended.stderr).toContain('storage.url')
})
