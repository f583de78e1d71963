import { describe, expect, test } from 'vitest'
import { type Subject, message, START, TELL } from './kit.ts'

const DAY = 86_400_000

export function conversationContract(subject: Subject): void {
  describe('conversations', () => {
    test('a watcher that asks for what came after its last revision misses no change', async () => {
      const { driver } = subject
      driver.merge = true
      const { conversations } = driver.storage
      const seen = new Map<string, string>()
      let revision = 0
      const follow = async () => {
        for (const row of await conversations.changes('telegram:7', revision, 2)) {
          expect(row.revision).toBeGreaterThan(revision)
          revision = row.revision
          seen.set(row.id, `${row.role} ${row.state}`)
        }
      }
      await driver.accept([message('1'), message('2')], { outage: TELL })
      await follow()
      await follow()
      expect([...seen.values()]).toEqual(['user held', 'notice answered', 'user held'])
      await driver.answer(await driver.mustLease())
      await follow()
      await follow()
      expect([...seen.values()]).toEqual([
        'user answered',
        'notice answered',
        'user answered',
        'assistant answered',
      ])
      expect(await conversations.changes('telegram:7', revision, 10)).toEqual([])
      expect(await conversations.changes('telegram:unknown', 0, 10)).toEqual([])
    })

    test('revisions keep rising after a restart and over all conversations', async () => {
      await subject.driver.accept([message('1'), message('1', { address: '8' })])
      const before = await subject.driver.storage.conversations.changes('telegram:8', 0, 9)
      await subject.reopen()
      await subject.driver.acceptOne(message('2'))
      const after = await subject.driver.storage.conversations.changes('telegram:7', 0, 9)
      expect(after.at(-1)!.revision).toBeGreaterThan(before.at(-1)!.revision)
    })

    test('messages are read in pages from the end', async () => {
      const { driver } = subject
      await driver.accept(['1', '2', '3', '4', '5'].map((id) => message(id)))
      const { conversations } = driver.storage
      const last = await conversations.messages('telegram:7', { limit: 2, beforeSeq: null })
      expect(last.map((row) => row.text)).toEqual(['text 4', 'text 5'])
      const before = await conversations.messages('telegram:7', { limit: 2, beforeSeq: last[0]!.seq })
      expect(before.map((row) => row.text)).toEqual(['text 2', 'text 3'])
    })

    test('conversations are listed by channel, the most lately used first', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('1', { channel: 'web' })])
      await driver.acceptOne(message('1', { address: '8', text: 'x'.repeat(500) }))
      const listed = await driver.storage.conversations.list('telegram', '', 10)
      expect(listed.map((one) => one.conversation.id)).toEqual(['telegram:8', 'telegram:7'])
      expect(listed[1]).toMatchObject({ lastAt: START + 1_000, preview: 'text 1' })
      expect(listed[0]!.preview.length).toBeLessThan(200)
      expect(await driver.storage.conversations.list('telegram', '', 1)).toHaveLength(1)
    })

    test('conversations are listed by the folder of their address', async () => {
      const { driver } = subject
      for (const address of ['8', 'a/8', 'a/9', 'a/b/1', 'ab/1', 'A/1'])
        await driver.acceptOne(message('1', { address }))
      const listed = async (within: string) =>
        (await driver.storage.conversations.list('telegram', within, 10))
          .map((one) => one.conversation.address)
          .sort()
      expect(await listed('')).toEqual(['8'])
      expect(await listed('a/')).toEqual(['a/8', 'a/9'])
      expect(await listed('%/')).toEqual([])
    })

    test('usage is summed over the turns of a conversation', async () => {
      const { driver } = subject
      const none = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
      expect(await driver.storage.conversations.usage('telegram:7')).toEqual({
        turns: 0,
        total: none,
        last: null,
      })
      await driver.accept([message('1'), message('2')])
      await driver.answer(await driver.mustLease())
      await driver.answer(await driver.mustLease(), 'answer', { usage: { ...none, inputTokens: 7 } })
      expect(await driver.storage.conversations.usage('telegram:7')).toEqual({
        turns: 2,
        total: { inputTokens: 17, outputTokens: 5, cacheReadTokens: 2, cacheWriteTokens: 1 },
        last: { ...none, inputTokens: 7 },
      })
    })

    test('a person’s data is exported whole, and nobody else’s', async () => {
      const { driver } = subject
      const attachments = [{ mediaType: 'text/plain', name: 'note.txt', bytes: Buffer.from('a note') }]
      await driver.accept([
        message('1', { attachments }),
        message('2', { personId: 'ben', text: 'ben speaks' }),
      ])
      await driver.answer(await driver.mustLease(), 'answer to anna')
      await driver.answer(await driver.mustLease(), 'answer to ben')
      const json = JSON.stringify(await driver.storage.conversations.exportPerson('telegram', 'anna'))
      expect(json).toContain('text 1')
      expect(json).toContain('answer to anna')
      expect(json).toContain(Buffer.from('a note').toString('base64'))
      expect(json).not.toContain('ben')
      const other = await driver.storage.conversations.exportPerson('discord', 'anna')
      expect(JSON.stringify(other)).not.toContain('text 1')
    })

    test('a person’s data is deleted from a shared conversation without touching the others', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2', { personId: 'ben', text: 'ben speaks' }), message('3')])
      await driver.answer(await driver.mustLease(), 'answer to anna')
      await driver.answer(await driver.mustLease(), 'answer to ben', { summary: 'anna and ben spoke' })
      const lease = await driver.mustLease()
      expect(await driver.storage.conversations.deletePerson('telegram', 'anna')).toBe(3)
      expect(await driver.answer(lease)).toBe(false)
      expect(await driver.transcript()).toEqual([
        'user answered: ben speaks',
        'assistant answered: answer to ben',
      ])
      await driver.acceptOne(message('4', { personId: 'ben' }))
      expect(await driver.mustLease()).toMatchObject({ summary: null })
      expect(await driver.drain()).toEqual(['answer to ben'])
    })

    test('a conversation with one person goes as a whole, pairing included', async () => {
      const { driver } = subject
      const { conversations, pairings, outbox } = driver.storage
      await pairings.save({
        channel: 'telegram',
        personId: 'anna',
        personName: 'Anna',
        code: 'ABC',
        createdAt: START,
        expiresAt: START + DAY,
        answeredAt: START,
      })
      await pairings.approve('telegram', 'ABC', START)
      await driver.acceptOne(message('1'), { outage: TELL })
      expect(await conversations.deletePerson('telegram', 'anna')).toBe(2)
      expect(await conversations.find('telegram', '7')).toBeNull()
      expect(await outbox.pending()).toEqual([])
      expect(await pairings.isApproved('telegram', 'anna')).toBe(false)
      expect(await conversations.deletePerson('telegram', 'anna')).toBe(0)
      expect(await driver.acceptOne(message('1'))).toMatchObject({ duplicate: false })
    })

    test('what is older than its term goes; what still waits, or waits to be sent, stays', async () => {
      const { driver } = subject
      const { conversations } = driver.storage
      const attachments = [{ mediaType: 'text/plain', name: 'note.txt', bytes: Buffer.from('a note') }]
      const ids = Array.from({ length: 300 }, (_, index) => `old ${index}`)
      await driver.accept(ids.map((id) => message(id, { channel: 'web', attachments })))
      await driver.accept([message('1', { attachments }), message('2'), message('3')])
      for (let lease; (lease = await driver.lease('web:7'));) await driver.answer(lease)
      await driver.finish(await driver.mustLease(), { kind: 'parked', reason: 'fails', notice: 'parked' })
      await driver.answer(await driver.mustLease(), 'unsent')
      const terms = {
        messagesBefore: driver.now + 1,
        attachmentsBefore: driver.now + 1,
        figuresBefore: START,
      }
      expect(
        await conversations.retain({ ...terms, messagesBefore: START, attachmentsBefore: START }),
      ).toEqual({
        messages: 0,
        attachments: 0,
      })
      // The question whose answer is unsent may go; its answer and the parked notice may not.
      expect(await conversations.retain({ ...terms, messagesBefore: START })).toEqual({
        messages: 0,
        attachments: 300,
      })
      expect(await conversations.retain(terms)).toEqual({ messages: 601, attachments: 0 })
      expect(await driver.transcript()).toEqual([
        'user parked: text 1',
        'user received: text 3',
        'notice answered: parked',
        'assistant answered: unsent',
      ])
      const [parked] = await driver.storage.inbox.queue({ states: ['parked'], limit: 1 })
      expect(await driver.storage.inbox.attachment(parked!.attachments[0]!.id)).not.toBeNull()
      expect(await conversations.messages('web:7', { limit: 9, beforeSeq: null })).toEqual([])
    })
  })
}
