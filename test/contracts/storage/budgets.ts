import { describe, expect, test } from 'vitest'
import { DAY } from '../../../src/support/clock.ts'
import type { Claim } from '../../../src/usage/budget.ts'
import type { ReserveRequest } from '../../../src/usage/budgets.ts'
import { step, call } from './journal.ts'
import { message, OWNER, START, type Driver, type Subject } from './kit.ts'

const TODAY: Claim = {
  kind: 'day',
  key: 'day 2026-11-20',
  subject: null,
  limit: 10_000,
  resetsAt: START + DAY / 2,
}
const ANNA: Claim = {
  ...TODAY,
  kind: 'person',
  key: 'person 2026-11-20 telegram:anna',
  subject: 'telegram:anna',
  limit: 2_000,
}
const CHAT: Claim = { ...TODAY, kind: 'chat', key: 'chat 2026-11-20 telegram:7', subject: 'telegram:7' }

const UNTIL = START + DAY

export function budgetContract(subject: Subject): void {
  const reserve = (turnId: string, more: Partial<ReserveRequest> = {}) =>
    subject.driver.storage.budgets.reserve({
      owner: OWNER,
      turnId,
      conversationId: 'telegram:7',
      model: 'model-a',
      claims: [TODAY],
      settles: [],
      isUnpriced: false,
      most: 1_000,
      least: Math.min(more.most ?? 1_000, 100),
      now: subject.driver.tick(),
      ...more,
    })
  const spent = async (...claims: readonly Claim[]) =>
    (await subject.driver.storage.budgets.use(claims, subject.driver.now)).map((use) => use.spent)
  const open = () => subject.rowsOf('reservations')
  const budgets = () => subject.driver.storage.budgets

  describe('budgets', () => {
    test('are touched by nobody who has none', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.storage.inbox.saveStep(lease, { step: step(0, [call('c')]), terms: '{}' }, driver.tick())
      await driver.storage.inbox.saveResult(lease, { index: 0, callId: 'c', result: '{}' }, driver.tick())
      await driver.answer(lease)
      const tables = ['budgets', 'budget_slices', 'reservations'].map((table) => subject.rowsOf(table))
      expect(await Promise.all(tables)).toEqual([0, 0, 0])
    })

    test('are settled with the commit of a step, and with that of the answer', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      expect(await reserve(lease.turnId, { claims: [TODAY, ANNA] })).toEqual({
        kind: 'granted',
        amount: 1_000,
      })
      expect([await open(), await spent(TODAY, ANNA)]).toEqual([2, [0, 0]])
      const stored = { step: step(0, [call('c')]), terms: '{}', settles: 70 }
      await driver.storage.inbox.saveStep(lease, stored, driver.tick())
      expect([await open(), await spent(TODAY, ANNA)]).toEqual([0, [70, 70]])
      // The same commit once more settles nothing more.
      await driver.storage.inbox.saveStep(lease, stored, driver.tick())
      await reserve(lease.turnId, { claims: [TODAY, ANNA] })
      await driver.answer(lease, 'done', { settles: 1_100 })
      expect([await open(), await spent(TODAY, ANNA)]).toEqual([0, [1_170, 1_170]])
    })

    test('are settled by a turn that has lost its conversation, and by one that stores nothing', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lost = await driver.mustLease()
      await reserve(lost.turnId)
      await driver.mustLease(undefined, { again: true })
      expect(await driver.answer(lost, 'late', { settles: 30 })).toBe(false)
      await reserve('gone')
      const nowhere = { ...lost, turnId: 'gone', conversation: { ...lost.conversation, id: 'telegram:gone' } }
      expect(await driver.answer(nowhere, 'nowhere', { settles: 5 })).toBe(false)
      await reserve('failed')
      await budgets().settle([
        { turnId: 'failed', cost: 7 },
        { turnId: 'unknown', cost: 1_000 },
      ])
      expect([await open(), await spent(TODAY)]).toEqual([0, [42]])
    })

    test('have room for no more than their limit, however many ask at once', async () => {
      const all = await Promise.all(
        Array.from({ length: 50 }, (_, index) => reserve(`turn-${index}`, { owner: `gateway-${index % 4}` })),
      )
      const granted = all.flatMap((one) => (one.kind === 'granted' ? [one.amount] : []))
      expect(granted.reduce((sum, amount) => sum + amount, 0)).toBeLessThanOrEqual(TODAY.limit)
      expect(granted.length).toBeGreaterThanOrEqual(10)
      expect(all.filter(({ kind }) => kind === 'busy')).toHaveLength(50 - granted.length)
      // What they have not spent is there for any of them.
      await budgets().settle(all.map((_, index) => ({ turnId: `turn-${index}`, cost: 1 })))
      for (let index = 0; index < 9; index++)
        expect(await reserve(`more-${index}`, { owner: 'gateway-3' })).toEqual({
          kind: 'granted',
          amount: 1_000,
        })
    })

    test('are reached when what is spent leaves no room, and open when they are raised, for that day', async () => {
      await reserve('a', { most: 9_950, least: 9_950 })
      expect(await reserve('b')).toEqual({ kind: 'busy' })
      await budgets().settle([{ turnId: 'a', cost: 9_950 }])
      expect(await reserve('c')).toEqual({ kind: 'reached', claim: TODAY, raised: 0 })
      const now = subject.driver.now
      const [use] = await budgets().use([TODAY], now)
      expect(use).toMatchObject({ spent: 9_950, raised: 0, reachedAt: now })
      await budgets().raise([TODAY], 3_000, now)
      await budgets().raise([TODAY], 2_000, now)
      expect(await budgets().use([TODAY], now)).toMatchObject([{ raised: 5_000, reachedAt: null }])
      expect(await budgets().use([TODAY], now + DAY)).toMatchObject([{ raised: 0 }])
      expect(await reserve('d')).toEqual({ kind: 'granted', amount: 1_000 })
      expect(await reserve('e', { now: now + DAY })).toMatchObject({ kind: 'reached' })
    })

    test('count what a process had reserved that is gone as spent, and have back what it had not used', async () => {
      await reserve('a', { owner: 'gateway-0', claims: [TODAY, ANNA], most: 600 })
      await reserve('b', { owner: 'gateway-0', most: 300 })
      await budgets().settle([{ turnId: 'b', cost: 20 }])
      await reserve('c', { most: 50 })
      await subject.driver.acceptOne(message('1'))
      await budgets().closeGone(OWNER, subject.driver.tick())
      const [entry] = await subject.driver.storage.ledger.sums({ by: 'model', since: 0 })
      expect(entry).toMatchObject({ key: 'model-a', requests: 1, cost: 600, estimated: 1 })
      expect([await open(), await spent(TODAY, ANNA)]).toEqual([1, [620, 600]])
      expect(await subject.rowsOf('budget_slices')).toBe(1)
      // Its late answer counts no second time.
      await budgets().settle([{ turnId: 'a', cost: 600 }])
      expect(await spent(TODAY)).toEqual([620])
      await budgets().settle([{ turnId: 'c', cost: 50 }])
      await budgets().close(OWNER, subject.driver.tick())
      expect(await subject.rowsOf('budget_slices')).toBe(0)
      const rest = await reserve('all', { most: 100_000 })
      expect(rest).toEqual({ kind: 'granted', amount: TODAY.limit - 670 })
    })

    test('survive a restart, and go with their person, their conversation and their term', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await reserve('a', { claims: [TODAY, ANNA, CHAT] })
      await budgets().settle([{ turnId: 'a', cost: 40 }])
      await subject.reopen()
      expect(await spent(TODAY, ANNA, CHAT)).toEqual([40, 40, 40])
      await subject.driver.storage.conversations.deletePerson('telegram', 'anna')
      expect(await spent(TODAY, ANNA, CHAT)).toEqual([40, 0, 0])
      const before = subject.driver.tick()
      await subject.driver.storage.conversations.retain({
        messagesBefore: before,
        attachmentsBefore: before,
        figuresBefore: before,
      })
      expect([await subject.rowsOf('budgets'), await subject.rowsOf('budget_slices')]).toEqual([0, 0])
    })
  })

  describe('a message that a budget holds', () => {
    const outage = { id: 'budget day', reason: 'budget', notice: 'saved, tomorrow' }
    const held = async (driver: Driver, id: string) => {
      await driver.acceptOne(message(id))
      await driver.finish(await driver.mustLease(), { kind: 'held', outage, until: UNTIL })
    }

    test('waits for the moment, its sender is told once, and it does not grow too old', async () => {
      const { driver } = subject
      await held(driver, '1')
      expect(await driver.drain()).toEqual(['saved, tomorrow'])
      expect(await driver.findLease()).toEqual({ notBefore: UNTIL })
      expect(await driver.storage.inbox.waiting(driver.now)).toEqual([
        { conversationId: 'telegram:7', at: UNTIL },
      ])
      const expire = { now: driver.tick(), maxAge: 1, observed: 100 * DAY, notice: () => 'too old' }
      expect(await driver.storage.inbox.expire(expire)).toEqual([])
      driver.now = UNTIL
      const lease = await driver.mustLease()
      await driver.finish(lease, { kind: 'held', outage, until: UNTIL + DAY })
      expect(await driver.drain()).toEqual([])
    })

    test('is released for its reason alone', async () => {
      const { driver } = subject
      await held(driver, '1')
      expect(await driver.storage.inbox.releaseHeld('other', driver.tick())).toEqual([])
      expect(await driver.findLease()).toEqual({ notBefore: UNTIL })
      expect(await driver.storage.inbox.releaseHeld('budget', driver.tick())).toEqual(['telegram:7'])
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ text, state }) => [text, state])).toEqual([['text 1', 'answering']])
      expect(await driver.storage.inbox.releaseHeld('budget', driver.tick())).toEqual([])
    })
  })
}
