import { describe, expect, test } from 'vitest'
import { type Subject, message, TELL } from './kit.ts'

const held = { outage: TELL }

export function mergeContract(subject: Subject): void {
  describe('messages that were held together', () => {
    test('those of one person in a row become one turn, and each records the answer', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2'), message('3', { personId: 'ben' }), message('4')], held)
      const lease = await driver.mustLease()
      expect(lease.messages.map((row) => row.text)).toEqual(['text 1', 'text 2'])
      await driver.answer(lease, 'to both')
      const rows = await driver.storage.conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      const answer = rows.find((row) => row.role === 'assistant')!
      expect(rows.filter((row) => row.answeredBy === answer.id).map((row) => row.text)).toEqual([
        'text 1',
        'text 2',
      ])
      const sent = (await driver.storage.outbox.head('telegram:7'))!.item
      expect(sent.text).toBe('saved, later')
      await driver.storage.outbox.receipt(sent.id, 0, 'x', true)
      expect((await driver.storage.outbox.head('telegram:7'))!.item).toMatchObject({ replyTo: '2' })
      expect((await driver.mustLease()).messages.map((row) => row.text)).toEqual(['text 3'])
    })

    test('without merging each goes alone', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')], held)
      expect((await driver.mustLease(undefined, { merge: false })).messages).toHaveLength(1)
    })

    test.each(['!revoke', '/retry', '! limit 2m'])('an instruction (%s) is answered alone', async (text) => {
      const { driver } = subject
      await driver.accept(
        [message('1'), message('2'), message('3', { text }), message('4'), message('5')],
        held,
      )
      const turns: string[][] = []
      for (let turn = 0; turn < 3; turn++) {
        const lease = await driver.mustLease()
        turns.push(lease.messages.map((row) => row.text))
        await driver.answer(lease)
      }
      expect(turns).toEqual([['text 1', 'text 2'], [text], ['text 4', 'text 5']])
    })

    test('what was never held is not merged', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      expect((await driver.mustLease()).messages).toHaveLength(1)
    })

    test('the group is frozen when it is leased, over a crash and another outage', async () => {
      await subject.driver.accept([message('1'), message('2')], held)
      await subject.driver.mustLease()
      await subject.reopen()
      const { driver } = subject
      await driver.storage.inbox.recover('gateway-2', driver.now)
      await driver.acceptOne(message('3'), held)
      const again = await driver.mustLease()
      expect(again.messages.map((row) => row.text)).toEqual(['text 1', 'text 2'])
      await driver.finish(again, { kind: 'held', outage: TELL })
      await driver.acceptOne(message('4'), held)
      const third = await driver.mustLease(undefined, { merge: false })
      expect(third.messages.map((row) => row.text)).toEqual(['text 1', 'text 2'])
      await driver.answer(third)
      expect((await driver.mustLease()).messages.map((row) => row.text)).toEqual(['text 3', 'text 4'])
    })

    test('a split sends each of them alone from then on, in order', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2'), message('3')], held)
      await driver.finish(await driver.mustLease(), { kind: 'returned', split: true })
      await driver.storage.inbox.hold({ outage: TELL, now: driver.now })
      for (const text of ['text 1', 'text 2', 'text 3']) {
        const lease = await driver.mustLease()
        expect(lease.messages.map((row) => row.text)).toEqual([text])
        await driver.answer(lease)
      }
    })

    test('a failure of a group is counted for each of them', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')], held)
      const retryAt = driver.now
      await driver.finish(await driver.mustLease(), { kind: 'failed', reason: 'a bug', retryAt })
      const lease = await driver.mustLease()
      expect(lease).toMatchObject({ failures: 1 })
      expect(lease.messages).toHaveLength(2)
      await driver.finish(lease, { kind: 'parked', reason: 'fails', notice: 'parked' })
      expect((await driver.storage.inbox.counts()).parked).toBe(2)
    })

    test('one of a parked group that is retried goes alone', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')], held)
      await driver.finish(await driver.mustLease(), { kind: 'parked', reason: 'fails', notice: 'parked' })
      const [, second] = await driver.storage.inbox.queue({ states: ['parked'], limit: 2 })
      await driver.storage.inbox.retry(second!.id, driver.now)
      expect((await driver.mustLease()).messages.map((row) => row.text)).toEqual(['text 2'])
    })
  })
}
