import { beforeEach, describe, expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { DEFAULT_TEXTS } from '../config/texts.ts'
import type { CredentialOrigin } from '../credentials/credential-words.ts'
import { HOUR, MINUTE, SECOND } from '../support/clock.ts'
import type { Alert } from './alert.ts'
import { IncidentTracker } from './incident-tracker.ts'
import type { Incident, IncidentStore } from './incident.ts'

class MemoryStore implements IncidentStore {
  readonly records = new Map<string, Incident>()
  broken = false

  save(incident: Incident): Promise<void> {
    if (this.broken) return Promise.reject(new Error('disk full'))
    this.records.set(incident.id, incident)
    return Promise.resolve()
  }

  current(): Promise<Incident | null> {
    return Promise.resolve([...this.records.values()].find((incident) => incident.closedAt === null) ?? null)
  }

  list(limit: number): Promise<readonly Incident[]> {
    return Promise.resolve([...this.records.values()].slice(0, limit))
  }
}

let clock: FakeClock
let store: MemoryStore
let sent: Array<Omit<Alert, 'id' | 'at'>>
let waiting: number
let credential: CredentialOrigin
let problems: unknown[]
/** The process dies before an alert has left. */
let dying: boolean

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryStore()
  sent = []
  waiting = 0
  credential = { kind: 'oauth', source: 'own' }
  problems = []
  dying = false
})

function tracker(): IncidentTracker {
  return new IncidentTracker({
    store,
    alerter: {
      send: (alert) => {
        if (dying) return new Promise(() => undefined)
        sent.push(alert)
        return Promise.resolve('telegram:1')
      },
    },
    clock,
    texts: DEFAULT_TEXTS,
    host: 'box',
    credential: () => credential,
    waiting: () => Promise.resolve(waiting),
    onProblem: (error) => problems.push(error),
  })
}

const needsLogin = () => ({ id: 'outage-1', status: 'needs-login', reason: 'expired', since: clock.now() })

async function started(): Promise<IncidentTracker> {
  const made = tracker()
  await made.start()
  return made
}

test('an outage that only a person can end is told at once: what, since when, how many, what next, what to do', async () => {
  waiting = 3
  const incidents = await started()
  incidents.observe(needsLogin())
  await clock.advance(0)
  expect(sent.map((alert) => alert.event)).toEqual(['incident.opened'])
  expect(sent[0]!.text).toContain('Down since 00:00 UTC: the sign-in has expired.')
  expect(sent[0]!.text).toContain('3 messages are waiting')
  expect(sent[0]!.text).toContain('hermes auth login --headless')
  expect(sent[0]!.text).toContain('box')
  expect(sent[0]!.text).not.toMatch(/https?:/)
})

test('a dead sign-in costs one alert, reminders after 1, 6 and 24 hours, and one message at its end', async () => {
  const incidents = await started()
  incidents.observe(needsLogin())
  for (let times = 0; times < 50; times++) incidents.observe(needsLogin())
  await clock.advance(3 * 24 * HOUR)
  incidents.observe(null)
  await clock.advance(SECOND)
  expect(sent.map((alert) => alert.event)).toEqual([
    'incident.opened',
    'incident.reminder',
    'incident.reminder',
    'incident.reminder',
    'incident.closed',
  ])
  expect(incidents.current).toBeNull()
})

test('the closing message comes when what had waited is answered, with the counts', async () => {
  waiting = 2
  const incidents = await started()
  incidents.observe(needsLogin())
  await clock.advance(MINUTE)
  incidents.observe(null)
  await clock.advance(SECOND)
  expect(sent).toHaveLength(1)
  incidents.count('answered')
  waiting = 0
  incidents.count('refused')
  await clock.advance(SECOND)
  expect(sent[1]!.text).toContain('1 answered, 1 refused, 0 parked')
  expect([...store.records.values()][0]).toMatchObject({
    closedAt: expect.any(Number) as number,
    counts: { held: 2, answered: 1, refused: 1, parked: 0 },
  })
})

test('a usage limit is recorded and nobody is alarmed; an overload only when it is long', async () => {
  const incidents = await started()
  incidents.observe({ id: 'limit', status: 'usage-limited', reason: null, since: clock.now() })
  await clock.advance(5 * HOUR)
  incidents.observe(null)
  await clock.advance(SECOND)
  expect(sent).toEqual([])
  expect(store.records.size).toBe(1)

  incidents.observe({
    id: 'overload',
    status: 'provider-unavailable',
    reason: 'overloaded',
    since: clock.now(),
  })
  await clock.advance(9 * MINUTE)
  expect(sent).toEqual([])
  await clock.advance(2 * MINUTE)
  expect(sent.map((alert) => alert.event)).toEqual(['incident.opened'])
})

describe('over a restart', () => {
  test('an open incident is continued: no second alert, the reminders on time', async () => {
    const before = await started()
    before.observe(needsLogin())
    await clock.advance(10 * MINUTE)
    await before.stop()

    const after = await started()
    expect(after.current?.id).toBe('outage-1')
    after.observe(needsLogin())
    await clock.advance(49 * MINUTE)
    expect(sent.map((alert) => alert.event)).toEqual(['incident.opened'])
    await clock.advance(2 * MINUTE)
    expect(sent.map((alert) => alert.event)).toEqual(['incident.opened', 'incident.reminder'])
  })

  test('an end that was not told before a crash is told by the next start, once', async () => {
    const killed = await started()
    killed.observe(needsLogin())
    await clock.advance(MINUTE)
    dying = true
    killed.observe(null)
    await clock.advance(SECOND)
    expect(await store.current()).toBeNull()
    dying = false
    for (let start = 0; start < 2; start++) {
      await started()
      await clock.advance(SECOND)
      expect(sent.map((alert) => alert.event)).toEqual(['incident.opened', 'incident.closed'])
    }
  })

  test('an outage that ended while the gateway was down is closed and told', async () => {
    const before = await started()
    before.observe(needsLogin())
    await clock.advance(MINUTE)
    await before.stop()
    const after = await started()
    after.observe(null)
    await clock.advance(SECOND)
    expect(sent.map((alert) => alert.event)).toEqual(['incident.opened', 'incident.closed'])
  })
})

test('a store that takes nothing does not keep the operator from being told', async () => {
  store.broken = true
  const incidents = await started()
  incidents.observe({ id: 'outage-2', status: 'store', reason: 'store', since: clock.now() })
  await clock.advance(SECOND)
  expect(sent.map((alert) => alert.event)).toEqual(['incident.opened'])
  expect(problems.length).toBeGreaterThan(0)
})

test.each([
  [
    { kind: 'api-key', source: 'environment' },
    'the API key was rejected',
    /new API key.*`hermes auth login --api-key` on box/,
  ],
  [
    { kind: 'oauth', source: 'claude-code' },
    "Claude Code's sign-in was revoked",
    /`claude auth login` on box/,
  ],
  [
    { kind: 'profile', source: 'profile' },
    "the Anthropic profile's sign-in was revoked",
    /`ant auth login --no-browser` on box/,
  ],
] satisfies Array<[CredentialOrigin, string, RegExp]>)(
  'the words fit the credential from the first alert to the last (%j)',
  async (origin, broken, remedy) => {
    credential = origin
    const incidents = await started()
    incidents.observe({ ...needsLogin(), reason: 'revoked' })
    await clock.advance(HOUR)
    // Somebody signed in with something else.
    credential = { kind: 'oauth', source: 'own' }
    incidents.observe(null)
    await clock.advance(MINUTE)
    const [opened, reminder, closed] = sent.map(({ text }) => text)
    for (const text of [opened, reminder]) {
      expect(text).toContain(broken)
      expect(text).toMatch(remedy)
      expect(text).not.toContain('--headless')
    }
    expect(closed).toContain(broken)
  },
)
