import { expect, test } from 'vitest'
import { DEFAULT_TEXTS } from '../../config/texts.ts'
import { SECOND } from '../../support/clock.ts'
import {
  ConfigurationError,
  NeedsLogin,
  NotPermitted,
  RowRefused,
  StoreError,
  TransientError,
  UsageLimited,
} from '../../support/errors.ts'
import type { GateState } from '../gate/gate.ts'
import type { Lease } from '../lease.ts'
import { NO_JOURNAL } from '../step.ts'
import { Interruption, endingOf, type ThrownContext } from './outcome.ts'

const NOW = 1_000_000
const shut: GateState = {
  open: false,
  id: 'outage',
  status: 'needs-login',
  reason: 'revoked',
  since: NOW,
  until: null,
  tellAt: NOW + 30 * SECOND,
  notice: 'wait',
  probing: false,
}

function ending(error: unknown, more: Partial<ThrownContext> = {}, failures = 0) {
  const lease = { failures, messages: [{}], journal: NO_JOURNAL } as unknown as Lease
  return endingOf(error, {
    lease,
    gate: { open: true },
    now: NOW,
    pauses: 0,
    random: 0.5,
    texts: DEFAULT_TEXTS,
    ...more,
  })
}

test.each([
  new TransientError('reset'),
  new UsageLimited(NOW),
  new NeedsLogin('revoked', 'x'),
  new NotPermitted('policy', 'x'),
  new ConfigurationError('x'),
  new StoreError('an attachment cannot be read'),
])('$name behind a shut gate is held and counts as no failure', (error) => {
  expect(ending(error, { gate: shut }).outcome).toEqual({
    kind: 'held',
    outage: { id: 'outage', reason: 'revoked', notice: null },
  })
  const late = ending(error, { gate: shut, now: NOW + 30 * SECOND }).outcome
  expect(late).toMatchObject({ kind: 'held', outage: { notice: 'wait' } })
})

test('what may have failed for itself returns to its queue until its next try, and is not parked until then', () => {
  const gate = { ...shut, until: NOW + 8 * SECOND, probing: true, suspected: true }
  const broken = new TransientError('the provider sent a broken answer', null, 'provider')
  expect(ending(broken, { gate, pauses: 10 })).toMatchObject({
    outcome: { kind: 'returned' },
    retryAt: NOW + 8 * SECOND,
  })
  expect(ending(broken, { gate: { ...gate, until: NOW - 1 } }).retryAt).toBe(NOW + SECOND)
})

test('while the gate is open a passing failure is a pause that grows, and counts as no failure', () => {
  const waits = [0, 1, 2].map((pauses) => ending(new TransientError('reset'), { pauses }).retryAt! - NOW)
  expect(waits).toEqual([SECOND, 2 * SECOND, 4 * SECOND])
  expect(ending(new TransientError('x', 90 * SECOND)).retryAt).toBe(NOW + 90 * SECOND)
  expect(ending(new TransientError('again, with the new credential', 0, 'credential')).retryAt).toBe(NOW)
  expect(ending(new TransientError('x')).outcome).toEqual({ kind: 'returned' })
})

test('what fails again and again while others are answered is parked', () => {
  const broken = new TransientError('the provider sent a broken answer', null, 'provider')
  expect(ending(broken, { pauses: 9 }).outcome.kind).toBe('returned')
  expect(ending(broken, { pauses: 10 }).outcome).toMatchObject({
    kind: 'parked',
    notice: DEFAULT_TEXTS.parked,
  })
  expect(ending(broken, { pauses: 10, gate: shut }).outcome.kind).toBe('held')
})

test('anything else is counted, and parked at the third time with no word of the error in chat', () => {
  const bug = new TypeError('x is not a function at https://user:TESTpassword@host/')
  expect(ending(bug, {}, 0).outcome.kind).toBe('failed')
  expect(ending(bug, {}, 1).outcome.kind).toBe('failed')
  const parked = ending(bug, {}, 2).outcome
  expect(parked).toMatchObject({ kind: 'parked', notice: DEFAULT_TEXTS.parked })
  expect(JSON.stringify(parked)).not.toContain('TESTpassword')
})

test('several messages are told apart before one is parked', () => {
  const lease = { failures: 1, messages: [{}, {}], journal: NO_JOURNAL } as unknown as Lease
  expect(ending(new TypeError('bug'), { lease }).outcome.kind).toBe('failed')
  const last = ending(new TypeError('bug'), { lease: { ...lease, failures: 2 } })
  expect(last).toMatchObject({ outcome: { kind: 'returned', split: true }, retryAt: null })
})

test('who is stopped is stopped, who is interrupted goes back', () => {
  expect(ending(new Interruption('stopped')).outcome.kind).toBe('stopped')
  for (const kind of ['returned', 'joined'] as const)
    expect(ending(new Interruption(kind)).outcome).toEqual({ kind: 'returned' })
})

test('what the store refuses for good is no outage: it is counted, and parked in the end', () => {
  expect(ending(new RowRefused('no')).outcome.kind).toBe('failed')
  expect(ending(new RowRefused('no'), {}, 2).outcome.kind).toBe('parked')
})
