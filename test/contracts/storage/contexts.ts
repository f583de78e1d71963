import { describe, expect, test } from 'vitest'
import { CUT_SHORT, type MessageContext } from '../../../src/inbox/arrival.ts'
import { type Subject, message, TELL } from './kit.ts'

const CONTEXT: MessageContext = {
  digest: 'digest-a',
  system: 'Be brief. Ärger, emoji 🦊 and "quotes".',
  turns: [
    { role: 'user', text: 'a picture', attachments: [0] },
    { role: 'assistant', text: 'nice', attachments: [] },
  ],
  model: 'model-b',
  maxTokens: 100,
  stop: ['END'],
}

export function contextContract(subject: Subject): void {
  describe('messages that bring their context along', () => {
    test('the lease hands out what a message brought, also in a new process', async () => {
      await subject.driver.acceptOne(message('1', { context: CONTEXT }))
      await subject.reopen()
      const lease = await subject.driver.mustLease()
      expect(lease.context).toEqual(CONTEXT)
      await subject.driver.finish(lease, { kind: 'returned' })
      expect((await subject.driver.mustLease()).context).toEqual(CONTEXT)
    })

    test('a message without one has none', async () => {
      await subject.driver.acceptOne(message('1'))
      expect((await subject.driver.mustLease()).context).toBeUndefined()
    })

    test('messages held together are not merged when they brought a context', async () => {
      const { driver } = subject
      driver.merge = true
      await driver.accept([message('1', { context: CONTEXT }), message('2', { context: CONTEXT })], {
        outage: TELL,
      })
      await driver.accept([message('3'), message('4')], { outage: TELL })
      for (const expected of [['text 1'], ['text 2'], ['text 3', 'text 4']]) {
        const lease = await driver.mustLease()
        expect(lease.messages.map(({ text }) => text)).toEqual(expected)
        await driver.answer(lease)
      }
    })

    test('the same id again is a repetition with the same digest, and a conflict with another', async () => {
      const { driver } = subject
      const first = await driver.acceptOne(message('1', { context: CONTEXT }))
      const again = await driver.acceptOne(message('1', { context: CONTEXT }))
      expect(again).toMatchObject({ duplicate: true, messageId: first.messageId })
      expect(again.conflict ?? false).toBe(false)
      await driver.answer(await driver.mustLease())
      const other = message('1', { context: { ...CONTEXT, digest: 'digest-b' } })
      expect(await driver.acceptOne(other)).toMatchObject({ duplicate: true, conflict: true })
      expect(await driver.acceptOne(message('1', { context: CONTEXT }))).toMatchObject({ state: 'answered' })
      expect(await driver.transcript()).toEqual(['user answered: text 1', 'assistant answered: answer'])
    })

    test('why an answer ends before its end stays with the answer', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1', { context: CONTEXT }))
      await driver.answer(await driver.mustLease(), 'half of', { reason: CUT_SHORT })
      const rows = await driver.storage.conversations.messages('telegram:7', { limit: 10, beforeSeq: null })
      expect(rows.map(({ role, reason }) => [role, reason])).toEqual([
        ['user', null],
        ['assistant', CUT_SHORT],
      ])
    })

    test('what is still kept of it is exported, and goes with the message', async () => {
      const { driver } = subject
      const { conversations } = driver.storage
      await driver.acceptOne(message('1', { context: CONTEXT }))
      const exported = async () => JSON.stringify(await conversations.exportPerson('telegram', 'anna'))
      expect(await exported()).toContain('a picture')
      await driver.answer(await driver.mustLease())
      expect(await exported()).not.toContain('a picture')
      expect(await conversations.deletePerson('telegram', 'anna')).toBe(2)
      expect(await driver.acceptOne(message('1', { context: CONTEXT }))).toMatchObject({ duplicate: false })
    })

    test('a conversation made for one such message goes with it when its term is over', async () => {
      const { driver } = subject
      const { conversations } = driver.storage
      await driver.accept([
        message('1', { channel: 'web', context: CONTEXT }),
        message('2', { channel: 'web', address: '8' }),
      ])
      await driver.answer(await driver.mustLease('web:7'))
      await driver.answer(await driver.mustLease('web:8'))
      const before = driver.now + 1
      const terms = { messagesBefore: before, attachmentsBefore: before, figuresBefore: 0 }
      expect(await conversations.retain(terms)).toMatchObject({ messages: 4 })
      expect(await conversations.find('web', '7')).toBeNull()
      expect(await conversations.find('web', '8')).not.toBeNull()
    })
  })
}
