import { expect, test } from 'vitest'
import { post, quietDashboard, startTestGateway, TEST_TOKEN } from '../../../test/support/web/http-gateway.ts'
import { openSse, type ReceivedEvent } from '../../../test/support/web/sse-client.ts'
import { Refused } from '../../support/errors.ts'
import type { SandboxEvent } from '../wire.ts'
import type { SandboxPanel } from './services.ts'
import { timelineReport } from './timeline-report.ts'

class Panel implements SandboxPanel {
  readonly acts: Array<[string, unknown]> = []
  events: SandboxEvent[] = []
  #listener = () => {}

  state() {
    return { faults: [], liveAccessTokens: 0, tokenLifetimeSeconds: 60 }
  }
  act(action: string, body: unknown) {
    if (action !== 'expire' && action !== 'fault') return null
    if (action === 'fault') throw new Refused('fault must be one of: 500')
    this.acts.push([action, body])
    return { ended: 1 }
  }
  happen() {
    this.events = [...this.events, { seq: this.events.length + 1, at: 0, kind: 'authorized' }]
    this.#listener()
  }
  subscribe(listener: () => void) {
    this.#listener = listener
    return { [Symbol.dispose]: () => {} }
  }
}

test('figures are asked for by times and names, and a question that makes no sense is refused', async () => {
  await using gateway = await startTestGateway()
  const status = async (query: string) => (await gateway.call(`/api/figures${query}`)).status
  expect(await status('')).toBe(200)
  expect(await status('?from=2026-11-01T00:00:00Z&to=2026-11-02T00:00:00Z&names=held,time-p50')).toBe(200)
  expect(await status('?names=__proto__')).toBe(400)
  expect(await status('?from=yesterday')).toBe(400)
  expect(await status('?from=2026-11-02T00:00:00Z&to=2026-11-01T00:00:00Z')).toBe(400)
  expect(await status('?from=0001-01-01T00:00:00Z')).toBe(400)
})

test('the text of a waiting message is given only to who asks for it, and only with the whole token', async () => {
  await using gateway = await startTestGateway()
  expect(await (await gateway.call('/api/queue/known/text')).json()).toEqual({ text: 'the text' })
  expect((await gateway.call('/api/queue/unknown/text')).status).toBe(404)
  expect((await fetch(`${gateway.url}/api/queue/known/text`)).status).toBe(401)
  const { token } = (await (await gateway.call('/api/tokens', post({ scope: 'chat' }))).json()) as {
    token: string
  }
  const headers = { authorization: `Bearer ${token}` }
  for (const path of ['/api/queue/known/text', '/api/figures', '/api/credential/timeline', '/api/status'])
    expect((await gateway.call(path, { headers })).status).toBe(403)
})

test('a real provider is never driven: without a sandbox there are no switches', async () => {
  await using gateway = await startTestGateway()
  expect((await gateway.call('/api/sandbox')).status).toBe(404)
  expect((await gateway.call('/api/sandbox/revoke', post({}))).status).toBe(404)
})

test('the switches of the sandbox: known ones work, others are not there, and none by looking', async () => {
  const sandbox = new Panel()
  await using gateway = await startTestGateway({ services_: { dashboard: quietDashboard({ sandbox }) } })
  expect((await gateway.call('/api/sandbox')).status).toBe(200)
  expect((await gateway.call('/api/sandbox/expire')).status).toBe(405)
  expect((await fetch(`${gateway.url}/api/sandbox/expire`, { method: 'POST' })).status).toBe(401)
  expect(sandbox.acts).toEqual([])
  expect((await gateway.call('/api/sandbox/expire', post({}))).status).toBe(200)
  expect((await gateway.call('/api/sandbox/constructor', post({}))).status).toBe(404)
  expect((await gateway.call('/api/sandbox/fault', post({ target: 'x' }))).status).toBe(400)
  expect(sandbox.acts).toEqual([['expire', {}]])
})

test('an API key is taken or refused in a sentence, and never told back', async () => {
  const keys: string[] = []
  const login = {
    start: () => Promise.reject(new Refused('')),
    finish: () => Promise.reject(new Refused('')),
    confirm: () => Promise.reject(new Refused('')),
    apiKey: async (key: string) => {
      keys.push(key)
      if (key !== 'sk-ant-api03-TEST') throw new Refused('The provider does not accept this key.')
      return { fingerprint: '01234567', note: null }
    },
  }
  await using gateway = await startTestGateway({ services_: { login } })
  const good = await gateway.call('/api/login/api-key', post({ key: 'sk-ant-api03-TEST' }))
  expect([good.status, await good.text()]).toEqual([200, '{"fingerprint":"01234567","note":null}'])
  const bad = await gateway.call('/api/login/api-key', post({ key: 'sk-ant-api03-TEST-other' }))
  expect(bad.status).toBe(400)
  expect(await bad.text()).not.toContain('TEST-other')
  expect((await gateway.call('/api/login/api-key', post({ key: 7 }))).status).toBe(400)
  expect(keys).toHaveLength(2)
})

const ALL = { authorization: `Bearer ${TEST_TOKEN}` }
const named = (events: readonly ReceivedEvent[], name: string) => events.filter(({ event }) => event === name)

test('a reader hears what changes, and after a break knows by the version what it missed', async () => {
  const dashboard = quietDashboard()
  await using gateway = await startTestGateway({ services_: { dashboard } })
  const address = `${gateway.url}/api/events`
  const first = await openSse(address, ALL)
  await first.until((events) => named(events, 'queue').length === 1)
  const [known] = named(first.events, 'queue')
  dashboard.changes.mark('queue')
  dashboard.changes.mark('queue')
  await first.until((events) => named(events, 'queue').length === 2)
  first[Symbol.dispose]()
  dashboard.changes.mark('incident')
  using second = await openSse(address, ALL)
  await second.until((events) => named(events, 'incident').length === 1)
  const versionOf = (events: readonly ReceivedEvent[], topic: string) =>
    named(events, topic).at(-1)!.data['version']
  expect(versionOf(second.events, 'queue')).toBe(versionOf(first.events, 'queue'))
  expect(versionOf(second.events, 'queue')).not.toBe(known!.data['version'])
  expect(versionOf(second.events, 'incident')).not.toBe(versionOf(first.events, 'incident'))
})

test('a reader with a token for the chat hears nothing of the rest', async () => {
  await using gateway = await startTestGateway()
  const issued = await gateway.call('/api/tokens', post({ scope: 'chat' }))
  const { token } = (await issued.json()) as { token: string }
  using stream = await openSse(`${gateway.url}/api/events`, { authorization: `Bearer ${token}` })
  await stream.until((events) => events.length > 0)
  expect(new Set(stream.events.map(({ event }) => event))).toEqual(new Set(['status']))
})

test('each event of the sandbox is told once, also to a reader that comes late', async () => {
  const sandbox = new Panel()
  await using gateway = await startTestGateway({ services_: { dashboard: quietDashboard({ sandbox }) } })
  sandbox.happen()
  using stream = await openSse(`${gateway.url}/api/events`, ALL)
  const seen = () =>
    named(stream.events, 'sandbox').flatMap(({ data }) =>
      (data['items'] as Array<{ seq: number }>).map(({ seq }) => seq),
    )
  await stream.until(() => seen().length === 1)
  sandbox.happen()
  sandbox.happen()
  await stream.until(() => seen().length === 3)
  expect(seen()).toEqual([1, 2, 3])
})

test('the life of a credential: tokens end with their successor or their time, an outage with the next usable state', () => {
  const at = (minute: number) => Date.UTC(2026, 10, 1, 0, minute)
  const report = timelineReport(
    [
      { kind: 'started', at: at(0) },
      { kind: 'token', at: at(0), fingerprint: 'a', source: 'own', expiresAt: at(60) },
      { kind: 'token', at: at(40), fingerprint: 'b', source: 'own', expiresAt: at(50) },
      { kind: 'refresh', at: at(40), outcome: 'renewed' },
      { kind: 'state', at: at(45), state: 'degraded', reason: 'revoked', usable: false },
      { kind: 'rejection', at: at(45), until: at(46), count: 3 },
      { kind: 'state', at: at(46), state: 'needs-login', reason: 'revoked', usable: false },
      { kind: 'state', at: at(55), state: 'healthy', reason: null, usable: true },
      { kind: 'token', at: at(55), fingerprint: 'c', source: 'own', expiresAt: null },
      { kind: 'state', at: at(58), state: 'needs-login', reason: 'revoked', usable: false },
    ],
    { loginExpiresAt: null, loginExpiryEstimated: false },
    at(59),
    at(59),
  )
  const minutes = (times: ReadonlyArray<string | null>) =>
    times.map((time) => (time === null ? null : new Date(time).getUTCMinutes()))
  expect(report.tokens.map(({ from, to }) => minutes([from, to]))).toEqual([
    [0, 40],
    [40, 50],
    [55, null],
  ])
  expect(report.outages.map(({ from, to, state }) => [...minutes([from, to]), state])).toEqual([
    [45, 55, 'needs-login'],
    [58, null, 'needs-login'],
  ])
  expect(report.refreshes).toEqual([{ at: new Date(at(40)).toISOString(), outcome: 'renewed', good: true }])
  expect(report.rejections[0]).toMatchObject({ count: 3 })
})
