import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { MINUTE, SECOND } from '../support/clock.ts'
import type { AuthStatus, KeeperNotice } from './keeper/status.ts'
import { CredentialTimeline } from './timeline.ts'

const HEALTHY: AuthStatus = {
  state: 'healthy',
  reason: null,
  source: 'own',
  kind: 'oauth',
  renewable: true,
  fingerprint: 'aaaaaaaa',
  expiresAt: '2026-11-01T08:00:00.000Z',
  secondsLeft: 28_800,
  loginExpiresAt: null,
  loginExpiryEstimated: false,
  lastRefresh: null,
  nextAttemptAt: null,
  consecutive401: 0,
}

function fixture() {
  const clock = new FakeClock()
  const facts = new Map<string, string>()
  const listeners = new Set<(notice: KeeperNotice) => void>()
  const begin = async () => {
    const timeline = new CredentialTimeline({
      keeper: {
        snapshot: () => HEALTHY,
        subscribe(listener) {
          listeners.add(listener)
          return { [Symbol.dispose]: () => void listeners.delete(listener) }
        },
      },
      facts: {
        get: async (key) => facts.get(key) ?? null,
        set: async (key, value) => void facts.set(key, value),
      },
      clock,
      onProblem: (error) => {
        throw error
      },
    })
    await timeline.start()
    return timeline
  }
  const tell = (notice: KeeperNotice) => {
    for (const listener of listeners) listener(notice)
  }
  const become = (change: Partial<AuthStatus>, usable = true) =>
    tell({
      type: 'transition',
      at: clock.now(),
      from: null,
      to: { ...HEALTHY, ...change },
      usable,
      message: null,
    })
  return { clock, facts, begin, tell, become }
}

test('tokens, states, refreshes and rejections are kept over a restart', async () => {
  const { clock, begin, tell, become } = fixture()
  const first = await begin()
  become({})
  tell({ type: 'refresh', at: clock.now(), outcome: 'renewed', message: null })
  become({ fingerprint: 'bbbbbbbb' })
  await clock.advance(MINUTE)
  become({ fingerprint: 'bbbbbbbb', state: 'needs-login', reason: 'revoked' }, false)
  await first.stop()
  const again = await begin()
  expect(again.events.map((event) => event.kind)).toEqual([
    'started',
    'token',
    'state',
    'refresh',
    'token',
    'state',
    'started',
  ])
  await again.stop()
})

test('a refresh ahead of time leaves its own mark and no state', async () => {
  const { begin, become } = fixture()
  const timeline = await begin()
  become({})
  for (let round = 0; round < 5; round++) {
    become({ state: 'refreshing' })
    become({})
  }
  expect(timeline.events.filter((event) => event.kind === 'state')).toHaveLength(1)
  await timeline.stop()
})

test('a storm of rejections is one mark, and the record stays small however long it lasts', async () => {
  const { clock, facts, begin, tell } = fixture()
  const timeline = await begin()
  const reject = () =>
    tell({ type: 'rejection', at: clock.now(), fingerprint: 'aaaaaaaa', rejection: { kind: 'rejected' } })
  for (let count = 0; count < 100; count++) {
    reject()
    await clock.advance(SECOND)
  }
  expect(timeline.events.at(-1)).toMatchObject({ kind: 'rejection', count: 100 })
  for (let count = 0; count < 2_000; count++) {
    reject()
    tell({ type: 'refresh', at: clock.now(), outcome: 'endpoint', message: null })
  }
  await timeline.stop()
  expect([...facts.values()].join('').length).toBeLessThan(100_000)
})

test('what another program wrote in its place is a new beginning', async () => {
  const { facts, begin } = fixture()
  for (const text of ['{', '7', 'null', '{"a":1}']) {
    facts.set('credential.timeline', text)
    const timeline = await begin()
    expect(timeline.events.map((event) => event.kind)).toEqual(['started'])
    await timeline.stop()
  }
})
