import { describe, expect, test } from 'vitest'
import { type Subject, message, TELL } from './kit.ts'

export function outboxContract(subject: Subject): void {
  describe('the outbox', () => {
    test('is first in, first out in a conversation, notices included, however long the first one waits', async () => {
      const { driver } = subject
      const { outbox } = driver.storage
      await driver.accept([message('1'), message('2')])
      await driver.answer(await driver.mustLease(), 'answer 1')
      await outbox.enqueue({
        conversationId: 'telegram:7',
        text: 'a word',
        replyTo: null,
        now: driver.tick(),
      })
      await driver.answer(await driver.mustLease(), 'answer 2')
      const first = (await outbox.head('telegram:7'))!
      await outbox.postpone(first.item.id, driver.now + 5_000)
      expect(await outbox.head('telegram:7')).toMatchObject({
        item: { text: 'answer 1', attempts: 1 },
        notBefore: driver.now + 5_000,
      })
      expect(await outbox.pending()).toEqual([
        { conversationId: 'telegram:7', notBefore: driver.now + 5_000 },
      ])
      expect(await driver.drain()).toEqual(['answer 1', 'a word', 'answer 2'])
      expect(await outbox.pending()).toEqual([])
    })

    test('knows after a crash which parts were sent', async () => {
      await subject.driver.acceptOne(message('1'))
      await subject.driver.answer(await subject.driver.mustLease(), 'long answer')
      const { id } = (await subject.driver.storage.outbox.head('telegram:7'))!.item
      await subject.driver.storage.outbox.postpone(id, 1)
      await subject.driver.storage.outbox.receipt(id, 0, 'sent-0', false)
      await subject.driver.storage.outbox.receipt(id, 1, 'sent-1', false)
      await subject.driver.storage.outbox.receipt(id, 1, 'sent-1', false)
      await subject.reopen()
      const { outbox } = subject.driver.storage
      expect((await outbox.head('telegram:7'))!.item).toMatchObject({
        receipts: ['sent-0', 'sent-1'],
        attempts: 0,
      })
      await outbox.receipt(id, 2, 'sent-2', true)
      expect(await outbox.head('telegram:7')).toBeNull()
      await outbox.receipt(id, 2, 'sent-2', true)
    })

    test('abandons what can never be delivered, and sends the next one', async () => {
      const { driver } = subject
      const { outbox } = driver.storage
      await driver.acceptOne(message('1'), { outage: TELL })
      await outbox.enqueue({ conversationId: 'telegram:7', text: 'next', replyTo: '1', now: driver.tick() })
      await outbox.abandon((await outbox.head('telegram:7'))!.item.id, 'the bot was blocked')
      expect((await outbox.head('telegram:7'))!.item).toMatchObject({ text: 'next', replyTo: '1' })
      const rows = await driver.storage.conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      expect(rows[1]!.reason).toBe('not delivered: the bot was blocked')
    })

    test('one conversation that cannot be sent to holds up no other', async () => {
      const { driver } = subject
      const { outbox } = driver.storage
      await driver.accept([message('1'), message('1', { address: '8' })], { outage: TELL })
      await outbox.postpone((await outbox.head('telegram:7'))!.item.id, driver.now + 1_000)
      expect(await outbox.pending()).toEqual([
        { conversationId: 'telegram:7', notBefore: driver.now + 1_000 },
        { conversationId: 'telegram:8', notBefore: 0 },
      ])
    })

    test('takes nothing for a conversation that does not exist', async () => {
      const { outbox } = subject.driver.storage
      await expect(
        outbox.enqueue({ conversationId: 'telegram:0', text: 'x', replyTo: null, now: 1 }),
      ).rejects.toThrow('there is no conversation')
      expect(await outbox.head('telegram:0')).toBeNull()
    })
  })
}
