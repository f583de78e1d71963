import type { DashboardService, SandboxPanel } from '../../../src/http/api/services.ts'
import { timelineReport } from '../../../src/http/api/timeline-report.ts'
import type { IncidentItem, QueueItem, StatusReport } from '../../../src/http/wire-reports.ts'
import { HOUR, MINUTE, SECOND } from '../../../src/support/clock.ts'
import { Refused } from '../../../src/support/errors.ts'
import { quietDashboard, startTestGateway, type TestGateway } from './http-gateway.ts'
import { createUsageStory, type UsageStory } from './usage-story.ts'

export interface GatewayOfStories {
  readonly gateway: TestGateway
  readonly dashboard: DashboardService
  /** What was done to the queue. */
  readonly calls: string[]
  readonly queue: QueueItem[]
  readonly usage: UsageStory
}

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString()

/** A server whose dashboard has something to show in each of its parts, with the longest words that may come. */
export async function openGatewayOfStories(): Promise<GatewayOfStories> {
  const calls: string[] = []
  const long = 'x'.repeat(128)
  const queue: QueueItem[] = [
    { id: 'q1', conversation: `web:${long}`, state: 'held', reason: 'revoked', at: ago(2 * HOUR) },
    { id: 'q2', conversation: 'telegram:12345', state: 'received', reason: null, at: ago(HOUR) },
    {
      id: 'q3',
      conversation: 'telegram:67890',
      state: 'parked',
      reason: `It failed three times: ${long}`,
      at: ago(MINUTE),
    },
  ]
  const now = Date.now()
  const dashboard = quietDashboard({
    figures: async ({ from, names }) => ({
      from,
      stepMs: MINUTE,
      values: Object.fromEntries(
        names.map((name) => [name, Array.from({ length: 60 }, (_, at) => (at * 7) % 13)]),
      ),
    }),
    timeline: () =>
      timelineReport(
        [
          { kind: 'started', at: now - 50 * MINUTE },
          {
            kind: 'token',
            at: now - 50 * MINUTE,
            fingerprint: 'aaaaaaaa',
            source: 'own',
            expiresAt: now + HOUR,
          },
          { kind: 'refresh', at: now - 30 * MINUTE, outcome: 'renewed' },
          {
            kind: 'token',
            at: now - 30 * MINUTE,
            fingerprint: 'bbbbbbbb',
            source: 'own',
            expiresAt: now + HOUR,
          },
          { kind: 'rejection', at: now - 10 * MINUTE, until: now - 9 * MINUTE, count: 4 },
          { kind: 'state', at: now - 10 * MINUTE, state: 'needs-login', reason: 'revoked', usable: false },
        ],
        { loginExpiresAt: new Date(now + 27 * 24 * HOUR).toISOString(), loginExpiryEstimated: true },
        null,
        now,
      ),
    text: async () => `a private text ${long}`,
    sandbox: panel(now),
  })
  const act = (id: string, what: string): boolean => {
    const at = queue.findIndex((row) => row.id === id)
    if (at < 0) return false
    calls.push(`${what} ${id}`)
    if (what === 'drop') queue.splice(at, 1)
    dashboard.changes.mark('queue')
    return true
  }
  const no = () => Promise.reject(new Refused('This code was used already.'))
  const usage = createUsageStory()
  const gateway = await startTestGateway({
    sandbox: true,
    endpoints: [usage.endpoint],
    services_: {
      dashboard,
      login: { start: no, finish: no, confirm: no, apiKey: no },
      status: async () => STATUS,
      incidents: async () => [incident('two', null), incident('one', ago(30 * MINUTE))],
      waiting: async () => ({ received: 1, answering: 0, held: 1, parked: 1 }),
      queue: {
        list: async () => queue,
        retry: async (id) => act(id, 'retry'),
        async retryAll() {
          calls.push('retry all')
          return 1
        },
        drop: async (id) => act(id, 'drop'),
      },
    },
  })
  gateway.setReadiness({ ready: false, status: 'needs-login', reason: 'revoked' })
  return { gateway, dashboard, calls, queue, usage }
}

const STATUS: StatusReport = {
  gateway: {
    running: true,
    version: '1.2.3',
    pid: 1,
    url: null,
    startedAt: ago(HOUR),
    sandbox: true,
    status: 'needs-login',
    reason: 'revoked',
  },
  holding: { status: 'needs-login', reason: 'revoked', since: ago(2 * HOUR), nextTryAt: null, waiting: 2 },
  credential: {
    state: 'needs-login',
    reason: 'revoked',
    source: 'own',
    kind: 'oauth',
    renewable: true,
    fingerprint: 'bbbbbbbb',
    expiresAt: ago(-HOUR),
    secondsLeft: HOUR / SECOND,
    loginExpiresAt: ago(-27 * 24 * HOUR),
    loginExpiryEstimated: true,
    lastRefresh: { at: ago(HOUR), outcome: 'revoked' },
    nextAttemptAt: null,
    consecutive401: 1,
  },
  channels: [
    { channel: 'web', state: 'connected', problem: null, since: ago(HOUR), account: null },
    {
      channel: 'telegram',
      state: 'retrying',
      problem: `no answer from ${'y'.repeat(80)}`,
      since: ago(HOUR),
      account: 'a_bot',
    },
  ],
  queue: { received: 1, answering: 0, held: 1, parked: 1, oldestAt: ago(2 * HOUR) },
  incident: null,
  alerts: [
    { route: 'telegram', working: true, problem: null, at: ago(HOUR) },
    { route: 'webhook', working: false, problem: 'answered 500', at: ago(MINUTE) },
    { route: 'e-mail', working: null, problem: null, at: null },
  ],
  warnings: ['A sentence that the operator should read.'],
}

function incident(id: string, closedAt: string | null): IncidentItem {
  return {
    id,
    status: 'needs-login',
    reason: 'revoked',
    openedAt: ago(HOUR),
    closedAt,
    counts: { held: 4, answered: closedAt === null ? 0 : 3, refused: closedAt === null ? 0 : 1, parked: 0 },
    events: [
      { at: ago(HOUR), kind: 'opened', text: 'The sign-in was revoked' },
      { at: ago(HOUR - 2_000), kind: 'alert', text: 'Alert sent through telegram' },
      ...(closedAt === null
        ? []
        : [
            { at: closedAt, kind: 'recovered' as const, text: 'Answering messages again' },
            { at: closedAt, kind: 'closed' as const, text: '3 answered, 1 refused, 0 parked' },
          ]),
    ],
    alertRounds: 1,
    alerted: true,
  }
}

function panel(now: number): SandboxPanel {
  const events = [
    { seq: 1, at: now - MINUTE, kind: 'signed-in', account: 'a', issued: 'aaaaaaaa' },
    { seq: 2, at: now - 30_000, kind: 'message', fingerprint: 'aaaaaaaa', stream: true },
    {
      seq: 3,
      at: now - 20_000,
      kind: 'rejected',
      fingerprint: 'aaaaaaaa',
      status: 401,
      reason: 'z'.repeat(90),
    },
  ]
  return {
    state: () => ({
      faults: [{ fault: { target: 'messages', fault: 'overloaded-529' }, struck: 1, until: now + HOUR }],
      liveAccessTokens: 1,
      tokenLifetimeSeconds: 60,
    }),
    events,
    act: () => ({ ended: 0 }),
    subscribe: () => ({ [Symbol.dispose]: () => {} }),
  }
}
