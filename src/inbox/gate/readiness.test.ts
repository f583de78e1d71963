import { beforeEach, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { rethrow } from '../../../test/support/rethrow.ts'
import { SECOND } from '../../support/clock.ts'
import { SwitchGate } from './gate.ts'
import { Readiness, waitingCount, type ReadinessState } from './readiness.ts'

let clock: FakeClock
let gate: SwitchGate & { refreshingSince: number | null }
let store: { ok: boolean; problem: string | null; subscribe: (listener: () => void) => Disposable }
let storeChanged: () => void
let dispatcher: { stalled: boolean; suspected: number }
let told: ReadinessState[]
let readiness: Readiness

beforeEach(() => {
  clock = new FakeClock()
  gate = Object.assign(new SwitchGate(rethrow), { refreshingSince: null })
  store = {
    ok: true,
    problem: null,
    subscribe: (listener) => {
      storeChanged = listener
      return { [Symbol.dispose]: () => undefined }
    },
  }
  dispatcher = { stalled: false, suspected: 0 }
  told = []
  let id = 0
  const newId = () => `own-${++id}`
  readiness = new Readiness({ gate, store, dispatcher, clock, newId, onProblem: rethrow })
  readiness.subscribe((state) => told.push(state))
  readiness.start()
})

const shut = (status: string) => ({
  open: false as const,
  id: 'outage',
  status,
  reason: 'revoked',
  since: clock.now(),
  until: null,
  tellAt: clock.now(),
  notice: '',
  probing: false,
})

test('a shut gate is told at once, and its opening at once', () => {
  gate.set(shut('needs-login'))
  expect(told.at(-1)).toMatchObject({ ready: false, status: 'needs-login', reason: 'revoked', id: 'outage' })
  gate.set({ open: true })
  expect(told.at(-1)).toEqual({ ready: true })
})

test('what holds messages is said at once, with the next try, also where a health check waits', () => {
  expect(readiness.holding()).toBeNull()
  const until = clock.now() + 2 * SECOND
  gate.set({ ...shut('provider-unavailable'), reason: 'overloaded', until })
  expect(readiness.current().ready).toBe(true)
  const found = { status: 'provider-unavailable', reason: 'overloaded', since: clock.now() }
  expect(readiness.holding()).toEqual({ ...found, nextTryAt: until, trying: false })
  gate.set({ ...shut('provider-unavailable'), reason: 'overloaded', until, probing: true })
  expect(readiness.holding()).toEqual({ ...found, nextTryAt: until, trying: true })
  gate.set({ open: true })
  expect(readiness.holding()).toBeNull()
})

test('a suspicion holds nobody but the messages whose own requests have failed', () => {
  const counts = { received: 7, answering: 5, held: 0 }
  gate.set({ ...shut('provider-unavailable'), suspected: true, probing: true })
  expect(readiness.holding()).toBeNull()
  expect(waitingCount(counts, readiness.holding())).toBe(0)
  dispatcher.suspected = 2
  const holding = readiness.holding()
  expect(holding).toMatchObject({ status: 'provider-unavailable', suspected: 2 })
  expect(waitingCount(counts, holding)).toBe(2)
  // Once people are notified, these are held, and others may be.
  expect(waitingCount({ ...counts, held: 3 }, holding)).toBe(3)
  gate.set({ ...shut('provider-unavailable'), suspected: false, probing: true })
  expect(waitingCount(counts, readiness.holding())).toBe(12)
})

test.each([
  ['a store that fails', () => (store.ok = false), 'store'],
  ['a refresh that takes long', () => (gate.refreshingSince = clock.now() - SECOND), 'refreshing'],
  ['a stall', () => (dispatcher.stalled = true), 'stalled'],
])('%s holds messages, too, with no try to announce', (_what, fail, status) => {
  fail()
  expect(readiness.holding()).toMatchObject({ status, nextTryAt: null })
})

test('an overload is reported after a minute, without anything else happening', async () => {
  gate.set(shut('provider-unavailable'))
  expect(readiness.current().ready).toBe(true)
  await clock.advance(62 * SECOND)
  expect(told.at(-1)).toMatchObject({ status: 'provider-unavailable' })
})

test('a renewal that keeps requests waiting is reported within a second, a quick one never', async () => {
  gate.refreshingSince = clock.now()
  await clock.advance(0.5 * SECOND)
  expect(readiness.current().ready).toBe(true)
  await clock.advance(0.5 * SECOND)
  expect(told.at(-1)).toMatchObject({ ready: false, status: 'refreshing' })
  gate.refreshingSince = null
  await clock.advance(SECOND)
  expect(told.at(-1)).toEqual({ ready: true })
})

test('a store that takes nothing comes before everything else and is one outage until it ends', async () => {
  gate.set(shut('needs-login'))
  store.ok = false
  storeChanged()
  expect(told.at(-1)).toMatchObject({ status: 'store', id: 'own-1' })
  await clock.advance(10 * SECOND)
  expect(readiness.current()).toMatchObject({ status: 'store', id: 'own-1' })
  store.ok = true
  storeChanged()
  expect(told.at(-1)).toMatchObject({ status: 'needs-login' })
})

test('a stall is found by the clock alone', async () => {
  dispatcher.stalled = true
  await clock.advance(SECOND)
  expect(told.at(-1)).toMatchObject({ ready: false, status: 'stalled' })
})

test('a budget that is reached is said after everything that is broken, with the moment at which it opens', () => {
  let reached: { kind: string; since: number; resetsAt: number } | null = null
  let changed = () => {}
  const budget = {
    reached: () => reached,
    subscribe: (listener: () => void) => {
      changed = listener
      return { [Symbol.dispose]() {} }
    },
  }
  readiness = new Readiness({
    gate,
    store,
    dispatcher,
    budget,
    clock,
    newId: () => 'own',
    onProblem: rethrow,
  })
  readiness.subscribe((state) => told.push(state))
  readiness.start()
  expect(readiness.current().ready).toBe(true)
  const resetsAt = clock.now() + 10 * SECOND
  reached = { kind: 'day', since: clock.now(), resetsAt }
  changed()
  expect(told.at(-1)).toMatchObject({ ready: false, status: 'budget', reason: 'day' })
  expect(readiness.holding()).toMatchObject({ status: 'budget', nextTryAt: resetsAt, trying: false })
  gate.set(shut('needs-login'))
  expect(told.at(-1)).toMatchObject({ status: 'needs-login' })
  gate.set({ open: true })
  expect(told.at(-1)).toMatchObject({ status: 'budget' })
  reached = null
  changed()
  expect(told.at(-1)).toEqual({ ready: true })
  readiness.stop()
})
