import { describe, expect, test } from 'vitest'
import type { CompactionToStore } from '../../../src/inbox/inbox.ts'
import type { Lease, Spent } from '../../../src/inbox/lease.ts'
import { call, step } from './journal.ts'
import { command, type Driver, message, NEW, type Subject, USAGE } from './kit.ts'

const ODD = '{"block":"{\\"b\\":1.50,\\"10\\":\\"\\\\u0000é\\"}"}'

const SPENT: readonly Spent[] = [
  {
    kind: 'compaction',
    model: 'claude-test',
    usage: { ...USAGE, cacheWrite1hTokens: 1 },
    modelMs: 1.5,
    requests: 1,
    cost: 1_234_567_890,
    isEstimated: false,
    isSubscription: true,
  },
]

/** A chat of three turns, of which the provider has compacted the first two. */
async function compacted(driver: Driver, over: Partial<CompactionToStore> = {}) {
  for (const id of ['1', '2']) {
    await driver.acceptOne(message(id))
    await driver.answer(await driver.mustLease(), `answer ${id}`)
  }
  await driver.acceptOne(message('3'))
  const lease = await driver.mustLease()
  await driver.answer(lease, 'answer 3', { summary: 'known' })
  const compaction: CompactionToStore = {
    conversationId: 'telegram:7',
    turnId: lease.turnId,
    spent: SPENT,
    known: 'known',
    after: -1,
    upTo: lease.history.at(-1)!.seq,
    messages: lease.history.length,
    summary: ODD,
    ...over,
  }
  return { lease, compaction, save: () => driver.storage.inbox.saveCompaction(compaction) }
}

/** What the next message is answered with. */
async function next(driver: Driver, id = 'next'): Promise<Lease> {
  await driver.acceptOne(message(id))
  return await driver.mustLease()
}

const textsOf = ({ history }: Lease) => history.map(({ text }) => text)

export function compactionContract(subject: Subject): void {
  describe('what the provider has compacted', () => {
    test('takes the place of the turns up to it, byte by byte, and of no later one', async () => {
      const { save } = await compacted(subject.driver)
      expect(await save()).toBe('saved')
      await subject.reopen()
      const lease = await next(subject.driver)
      expect([lease.summary, textsOf(lease)]).toEqual([ODD, ['text 3', 'answer 3']])
    })

    test('stands behind what was compacted before', async () => {
      const { driver } = subject
      const { save } = await compacted(driver)
      await save()
      const four = await next(driver)
      await driver.answer(four, 'answer 4', { summary: 'later' })
      const end = await driver.storage.inbox.saveCompaction({
        conversationId: 'telegram:7',
        turnId: four.turnId,
        spent: SPENT,
        known: 'later',
        after: -1,
        upTo: four.history.at(-1)!.seq,
        messages: 2,
        summary: 'second',
      })
      await driver.acceptOne(message('5'))
      const lease = await driver.mustLease()
      expect([end, lease.summary, textsOf(lease)]).toEqual(['saved', 'second', ['text next', 'answer 4']])
    })

    test('is stored behind later turns, and not while one is running', async () => {
      const { driver } = subject
      const { save } = await compacted(driver)
      const lease = await next(driver)
      const { total } = await driver.storage.conversations.usage('telegram:7')
      expect(await save()).toBe('busy')
      expect(await driver.storage.conversations.usage('telegram:7')).toMatchObject({ total })
      await driver.answer(lease, 'answer next')
      expect(await save()).toBe('saved')
      await driver.acceptOne(message('last'))
      const last = await driver.mustLease()
      expect([last.summary, textsOf(last)]).toEqual([ODD, ['text 3', 'answer 3', 'text next', 'answer next']])
    })

    test('waits for a turn with stored steps, which continues as it began', async () => {
      const { driver } = subject
      const { save } = await compacted(driver)
      const lease = await next(driver)
      await driver.storage.inbox.saveStep(lease, { step: step(0, [call('c1')]), terms: '{}' }, driver.now)
      await driver.finish(lease, { kind: 'returned' })
      expect(await save()).toBe('busy')
      const again = await driver.mustLease()
      expect([again.summary, again.history.length, again.journal.steps.length]).toEqual(['known', 6, 1])
    })

    test.for<[string, (driver: Driver) => Promise<unknown>]>([
      ['the history was cleared', (driver) => driver.acceptOne(command('8', NEW))],
      [
        'one of the turns was taken back',
        async (driver) => {
          for (const id of ['8', '9'])
            await driver.acceptOne(command(id, { undo: { nothing: 'There is nothing.' } }))
        },
      ],
      [
        'the conversation has continued differently',
        async (driver) => driver.answer(await next(driver, '4'), 'answer 4', { summary: 'other' }),
      ],
      [
        'some of it is past its retention',
        (driver) =>
          driver.storage.conversations.retain({
            messagesBefore: driver.now - 4_000,
            attachmentsBefore: 0,
            figuresBefore: 0,
          }),
      ],
      ['its person was deleted', (driver) => driver.storage.conversations.deletePerson('telegram', 'anna')],
      [
        'one of its persons was deleted',
        async (driver) => {
          await driver.acceptOne(message('b', { personId: 'ben' }))
          await driver.answer(await driver.mustLease(), 'answer to ben')
          await driver.storage.conversations.deletePerson('telegram', 'anna')
        },
      ],
    ])('is not used where %s', async ([, change]) => {
      const { driver } = subject
      const { save } = await compacted(driver)
      await change(driver)
      expect(await save()).toBe('outdated')
      const lease = await next(driver)
      expect(lease.summary).not.toBe(ODD)
    })

    test('may be used where the last turn alone was taken back', async () => {
      const { driver } = subject
      const { save } = await compacted(driver)
      await driver.acceptOne(command('8', { undo: { nothing: 'There is nothing.' } }))
      expect(await save()).toBe('saved')
      const lease = await next(driver)
      expect([lease.summary, textsOf(lease)]).toEqual([ODD, []])
    })

    test.for([{}, { summary: null }])('is booked with its turn, with %j', async (over) => {
      const { driver } = subject
      const { save, compaction } = await compacted(driver, over)
      const before = await driver.storage.conversations.usage('telegram:7')
      const sum = async () => {
        const sums = await driver.storage.ledger.sums({ by: 'person', since: 0 })
        return sums.map(({ key, requests, subscription }) => ({ key, requests, subscription }))
      }
      const [booked] = await sum()
      expect(await save()).toBe(compaction.summary === null ? 'outdated' : 'saved')
      const after = await driver.storage.conversations.usage('telegram:7')
      expect(after.turns).toBe(before.turns)
      expect(after.total.inputTokens - before.total.inputTokens).toBe(USAGE.inputTokens)
      expect(after.last).toEqual(before.last)
      expect(await sum()).toEqual([{ ...booked, requests: booked!.requests + 1, subscription: 1 }])
    })

    test('goes with the person whose words it may hold, and is in no export', async () => {
      const { driver } = subject
      const { save } = await compacted(driver)
      await save()
      const exported = await driver.storage.conversations.exportPerson('telegram', 'anna')
      expect(JSON.stringify(exported)).not.toContain('block')
      await driver.acceptOne(message('b', { personId: 'ben' }))
      await driver.answer(await driver.mustLease(), 'answer to ben')
      await driver.storage.conversations.deletePerson('telegram', 'anna')
      expect(await subject.rowsOf('summaries')).toBe(0)
    })
  })
}
