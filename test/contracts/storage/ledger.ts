import { describe, expect, test } from 'vitest'
import type { Lease, Spent } from '../../../src/inbox/lease.ts'
import { HOUR } from '../../../src/support/clock.ts'
import type { UsageGroup } from '../../../src/usage/ledger.ts'
import { call, step } from './journal.ts'
import { command, message, STOP, type Driver, type Subject } from './kit.ts'

const NIGHT = Date.parse('2026-11-30T23:59:59.000Z')

const PAID: Spent = {
  kind: 'answer',
  model: 'model-a',
  usage: {
    inputTokens: 10,
    outputTokens: 5,
    cacheReadTokens: 80,
    cacheWriteTokens: 10,
    cacheWrite1hTokens: 4,
  },
  modelMs: 20,
  requests: 1,
  cost: 1_000,
  isEstimated: false,
  isSubscription: false,
  tool: null,
}
const paid = (over: Partial<Spent>): Spent => ({ ...PAID, ...over })

const sums = ({ storage }: Driver, by: UsageGroup, since = 0, conversation: string | null = null) =>
  storage.ledger.sums({ by, since, conversation })

async function costs(driver: Driver, by: UsageGroup, since = 0): Promise<Record<string, number | null>> {
  return Object.fromEntries((await sums(driver, by, since)).map(({ key, cost }) => [key, cost]))
}

async function answered(
  driver: Driver,
  id: string,
  spent: readonly Spent[],
  { address = '7', ...over }: Parameters<typeof message>[1] = {},
): Promise<void> {
  await driver.acceptOne(message(id, { address, ...over }))
  await driver.answer(await driver.mustLease(`telegram:${address}`), `answer ${id}`, { spent })
}

const saveStep = (driver: Driver, lease: Lease, index: number, spent: readonly Spent[]) =>
  driver.storage.inbox.saveStep(
    lease,
    { step: step(index, [call(`c${index}`)]), terms: '{}', spent },
    driver.now,
  )

export function ledgerContract(subject: Subject): void {
  describe('the ledger', () => {
    test('a plain turn is one row, with all that is known of its request', async () => {
      const { driver } = subject
      await answered(driver, '1', [PAID])
      expect(await subject.rowsOf('turns')).toBe(1)
      expect(await sums(driver, 'conversation')).toEqual([
        {
          key: 'telegram:7',
          requests: 1,
          inputTokens: 10,
          outputTokens: 5,
          cacheReadTokens: 80,
          cacheWriteTokens: 10,
          cost: 1_000,
          unknown: 0,
          estimated: 0,
          subscription: 0,
        },
      ])
    })

    test('is summed by what is asked for', async () => {
      const { driver } = subject
      await answered(driver, '1', [
        paid({ kind: 'summary', model: 'model-b', cost: 7 }),
        paid({ tool: 'web_search', requests: 2 }),
      ])
      await answered(driver, '2', [paid({ cost: 50 })], { address: '8', personId: 'ben' })
      await answered(driver, '3', [paid({ cost: 6 })])
      expect(await costs(driver, 'conversation')).toEqual({ 'telegram:7': 1_013, 'telegram:8': 50 })
      expect(await costs(driver, 'person')).toEqual({ 'telegram:anna': 1_013, 'telegram:ben': 50 })
      expect(await costs(driver, 'model')).toEqual({ 'model-a': 1_056, 'model-b': 7 })
      expect(await costs(driver, 'tool')).toEqual({ '': 63, web_search: 1_000 })
      expect((await sums(driver, 'model')).map(({ requests }) => requests)).toEqual([4, 1])
      expect((await sums(driver, 'day', 0, 'telegram:8')).map(({ cost }) => cost)).toEqual([50])
      expect(await sums(driver, 'day', 0, 'telegram:unheard-of')).toEqual([])
    })

    test('a cost that is unknown is none, and is counted; what is estimated, and what a subscription pays, as well', async () => {
      const { driver } = subject
      await answered(driver, '1', [
        paid({ kind: 'lost', model: 'model-b', cost: null, isEstimated: true, requests: 3 }),
        paid({ isSubscription: true }),
      ])
      // Nothing was said of what this one has cost.
      await driver.acceptOne(message('2'))
      await driver.answer(await driver.mustLease())
      expect(await sums(driver, 'model')).toMatchObject([
        { key: 'model-a', requests: 2, cost: 1_000, unknown: 1, estimated: 0, subscription: 1 },
        { key: 'model-b', requests: 3, cost: null, unknown: 3, estimated: 3, subscription: 0 },
      ])
    })

    test('days are those of UTC, over midnight and the end of a month, and a time begins where it is said', async () => {
      const { driver } = subject
      driver.now = NIGHT - 3_000
      // Accepted, leased and answered, a second each: the last one of November, and the first of December.
      await answered(driver, '1', [paid({ cost: 1 })])
      await answered(driver, '2', [paid({ cost: 2 })])
      expect(await costs(driver, 'day')).toEqual({ '2026-11-30': 1, '2026-12-01': 2 })
      const midnight = Date.parse('2026-12-01T00:00:00.000Z')
      expect(await costs(driver, 'day', midnight)).toEqual({ '2026-12-01': 2 })
      expect(await costs(driver, 'day', NIGHT)).toEqual({ '2026-11-30': 1, '2026-12-01': 2 })
      // The clock of another process is behind: its row comes later, with an earlier time.
      driver.now = NIGHT - HOUR / 2
      await answered(driver, '3', [paid({ cost: 4 })])
      expect(await costs(driver, 'day', midnight)).toEqual({ '2026-12-01': 2 })
      driver.now = midnight + 25 * HOUR
      await answered(driver, '4', [paid({ cost: 8 })])
      expect(await costs(driver, 'day', midnight)).toEqual({ '2026-12-01': 2, '2026-12-02': 8 })
      expect(await costs(driver, 'day', driver.now)).toEqual({ '2026-12-02': 8 })
    })

    test('a step is booked with the commit that stores it, once, and by the process that stored it', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const first = await driver.mustLease()
      const spent = [paid({ kind: 'discarded', cost: 1 }), paid({ kind: 'step', cost: 2 })]
      expect(await saveStep(driver, first, 0, spent)).toBe(true)
      // The store took it, and the caller does not know.
      expect(await saveStep(driver, first, 0, spent)).toBe(true)
      expect(await subject.rowsOf('turns')).toBe(2)
      await subject.reopen()
      const { driver: next } = subject
      await next.storage.inbox.recover('gateway-2', next.now)
      const lease = await next.mustLease()
      expect(await saveStep(next, first, 1, [paid({ kind: 'step', cost: 400 })])).toBe(false)
      expect(await saveStep(next, lease, 1, [paid({ kind: 'step', cost: 4, tool: 'web_search' })])).toBe(true)
      expect(await next.answer(first, 'late', { spent: [paid({ cost: 800 })] })).toBe(false)
      expect(await next.answer(lease, 'answer', { spent: [paid({ cost: 8 })] })).toBe(true)
      expect(await costs(next, 'tool')).toEqual({ '': 11, web_search: 4 })
      // It was one turn, and all of it is its usage.
      const { turns, total, last } = await next.storage.conversations.usage('telegram:7')
      expect([turns, total.inputTokens, last!.inputTokens]).toEqual([1, 40, 40])
      await answered(next, '2', [paid({ usage: { ...PAID.usage, inputTokens: 3 } })])
      expect((await next.storage.conversations.usage('telegram:7')).last!.inputTokens).toBe(3)
    })

    test('a step of which its process does not know whether it was stored is booked once', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      const spent = [paid({ kind: 'step', cost: 1 })]
      await saveStep(driver, lease, 0, spent)
      const more = [...spent, paid({ kind: 'lost', cost: 2 })]
      expect(await driver.finish(lease, { kind: 'returned', spent: more, storedBefore: 0 })).toBe(true)
      expect((await sums(driver, 'conversation')).map(({ cost }) => cost)).toEqual([3])
      const again = await driver.mustLease()
      // The first turn's entries are those of another lease.
      await driver.finish(again, {
        kind: 'returned',
        spent: [paid({ kind: 'step', cost: 4 })],
        storedBefore: 0,
      })
      expect((await sums(driver, 'conversation')).map(({ cost }) => cost)).toEqual([7])
    })

    test('what was paid before a stop is booked once, with any end of the lease', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.acceptOne(command('2', STOP))
      const spent = [paid({ kind: 'lost', cost: 9 })]
      expect(await driver.finish(lease, { kind: 'stopped', text: '', spent })).toBe(true)
      expect(await driver.finish(lease, { kind: 'stopped', text: '', spent })).toBe(false)
      expect(await costs(driver, 'person')).toEqual({ 'telegram:anna': 9 })
      expect(await driver.storage.conversations.usage('telegram:7')).toMatchObject({ turns: 0, last: null })
    })

    test('a person’s share is exported; where others stay, what was spent stays without their name', async () => {
      const { driver } = subject
      await answered(driver, '1', [paid({ tool: 'web_search', cost: 2_000_000_000 })])
      await answered(driver, '2', [paid({ cost: null })], { personId: 'ben' })
      const { conversations } = driver.storage
      expect(await conversations.exportPerson('telegram', 'anna')).toMatchObject({
        conversations: [
          { usage: [{ kind: 'answer', model: 'model-a', tool: 'web_search', requests: 1, costUsd: 2 }] },
        ],
      })
      expect(await conversations.exportPerson('telegram', 'ben')).toMatchObject({
        conversations: [{ usage: [{ costUsd: null }] }],
      })
      await conversations.deletePerson('telegram', 'anna')
      expect(await costs(driver, 'person')).toEqual({ '': 2_000_000_000, 'telegram:ben': null })
      await conversations.deletePerson('telegram', 'ben')
      expect(await sums(driver, 'day')).toEqual([])
    })
  })
}
