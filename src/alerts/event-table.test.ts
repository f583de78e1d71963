import { expect, test } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { rethrow } from '../../test/support/rethrow.ts'
import type { KeeperWarning } from '../credentials/keeper/status.ts'
import type { MessageFact } from '../inbox/figures/observer.ts'
import { SwitchGate } from '../inbox/gate/gate.ts'
import { Readiness } from '../inbox/gate/readiness.ts'
import { SECOND } from '../support/clock.ts'
import { Emitter } from '../support/emitter.ts'
import { eventTable, followEvents, type Consequence } from './event-table.ts'

const NONE: Consequence = { kind: 'none' }

const count = (outcome: 'held' | 'answered' | 'refused' | 'parked', messages = 1): Consequence => ({
  kind: 'count',
  outcome,
  messages,
})

const unready = (status: string) => ({
  ready: false as const,
  status,
  reason: null,
  id: 'outage',
  since: 1_000,
})

test('whatever keeps messages from being answered is an outage', () => {
  for (const status of ['needs-login', 'usage-limited', 'provider-unavailable', 'store', 'stalled'])
    expect(eventTable.readiness(unready(status))).toEqual({ kind: 'outage', outage: unready(status) })
})

test('a slow refresh neither begins an outage nor ends one', () => {
  expect(eventTable.readiness(unready('refreshing'))).toEqual(NONE)
})

test('an outage is over when messages can be answered', () => {
  expect(eventTable.readiness({ ready: true })).toEqual({ kind: 'recovered' })
})

const channel = 'web'
const answered = { kind: 'answered', channel, seconds: 1, overheadSeconds: 0, messages: 3 } as const
const MESSAGES: ReadonlyArray<readonly [MessageFact, boolean, Consequence]> = [
  [{ kind: 'accepted', channel }, false, count('held')],
  [{ kind: 'accepted', channel }, true, NONE],
  [answered, true, count('answered', 3)],
  [answered, false, count('answered', 3)],
  [{ kind: 'refused', channel }, false, count('refused')],
  [{ kind: 'parked', channel }, true, count('parked')],
  [{ kind: 'held', channel }, false, NONE],
  [{ kind: 'delivered', channel, seconds: 1, overheadSeconds: null }, false, NONE],
  [{ kind: 'stopped', channel }, false, NONE],
  [{ kind: 'failed', channel }, false, NONE],
  [{ kind: 'undeliverable', channel }, false, NONE],
  [{ kind: 'store-failed', problem: 'full' }, false, NONE],
  [{ kind: 'store-recovered' }, true, NONE],
]

test.for(MESSAGES)('a message: %j while ready is %s', ([fact, ready, consequence]) => {
  expect(eventTable.message(fact, ready)).toEqual(consequence)
})

const WARNINGS: ReadonlyArray<readonly [KeeperWarning['code'], Consequence]> = [
  ['sign-in-ended', { kind: 'alert', event: 'warning' }],
  ['login-ending', { kind: 'alert', event: 'signin.ending' }],
  ['unrenewable', { kind: 'alert', event: 'warning' }],
  ['rejected-repeatedly', { kind: 'alert', event: 'warning' }],
  ['unsaved', { kind: 'alert', event: 'warning' }],
  ['fallback-api-key', { kind: 'alert', event: 'warning' }],
  ['account-changed', { kind: 'alert', event: 'signin.changed' }],
]

test.for(WARNINGS)('a warning of the keeper: %s', ([code, consequence]) => {
  const warning = { code, text: '', command: '' }
  expect(eventTable.keeperWarning({ ...warning, alert: true })).toEqual(consequence)
  expect(eventTable.keeperWarning({ ...warning, alert: false })).toEqual(NONE)
})

test('the incident follows the gate and the messages, in their order, until that is ended', async () => {
  const clock = new FakeClock()
  const gate = Object.assign(new SwitchGate(rethrow), { refreshingSince: null as number | null })
  const store = { ok: true, problem: null, subscribe: () => ({ [Symbol.dispose]() {} }) }
  const readiness = new Readiness({
    gate,
    store,
    dispatcher: { stalled: false, suspected: 0 },
    clock,
    newId: () => 'own',
    onProblem: rethrow,
  })
  const observer = new Emitter<MessageFact>(rethrow)
  const seen: unknown[] = []
  const incidents = {
    isCounting: true,
    observe: (outage: { readonly status: string } | null) => void seen.push(outage?.status ?? 'recovered'),
    count: (outcome: string, messages = 1) => void seen.push([outcome, messages]),
  }
  const following = followEvents({ readiness, observer, incidents })
  readiness.start()
  observer.emit({ kind: 'accepted', channel })
  gate.refreshingSince = clock.now()
  await clock.advance(5 * SECOND)
  observer.emit({ kind: 'accepted', channel })
  const since = clock.now()
  const shut = { open: false, id: 'a', status: 'needs-login', reason: 'revoked', since, until: null } as const
  gate.set({ ...shut, tellAt: since, notice: '', probing: false })
  observer.emit({ kind: 'accepted', channel })
  gate.refreshingSince = null
  gate.set({ open: true })
  observer.emit(answered)
  following[Symbol.dispose]()
  gate.set({ ...shut, tellAt: since, notice: '', probing: false })
  observer.emit(answered)
  readiness.stop()
  expect(seen).toEqual(['recovered', ['held', 1], 'needs-login', ['held', 1], 'recovered', ['answered', 3]])
})

test('no message is counted while there is no incident', () => {
  const observer = new Emitter<MessageFact>(rethrow)
  const seen: unknown[] = []
  const incidents = {
    isCounting: false,
    observe: () => {},
    count: (outcome: string) => void seen.push(outcome),
  }
  const readiness = { current: () => unready('store'), subscribe: () => ({ [Symbol.dispose]() {} }) }
  using _following = followEvents({ readiness, observer, incidents })
  observer.emit(answered)
  observer.emit({ kind: 'accepted', channel })
  expect(seen).toEqual([])
  incidents.isCounting = true
  observer.emit(answered)
  observer.emit({ kind: 'accepted', channel })
  expect(seen).toEqual(['answered', 'held'])
})

test('a budget that is reached is no incident, and ends the one before', () => {
  expect(eventTable.readiness(unready('budget'))).toEqual({ kind: 'recovered' })
})
