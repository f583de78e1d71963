import { describe, expect, test } from 'vitest'
import { type Subject, message, OWNER, START, USAGE } from './kit.ts'

export function leaseContract(subject: Subject): void {
  describe('leases', () => {
    test('a conversation is answered one message at a time, oldest first, in parallel with the others', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2'), message('1', { address: '8' })])
      const first = await driver.mustLease()
      expect(first.messages.map((row) => row.text)).toEqual(['text 1'])
      expect(await driver.lease()).toBeNull()
      expect(await driver.lease('telegram:8')).not.toBeNull()
      await driver.answer(first, 'answer 1')
      const second = await driver.mustLease()
      expect(second.messages.map((row) => row.text)).toEqual(['text 2'])
      expect(second.history.map((row) => row.text)).toEqual(['text 1', 'answer 1'])
      await driver.answer(second, 'answer 2')
      await driver.acceptOne(message('3'))
      expect((await driver.mustLease()).history.map((row) => row.text)).toEqual([
        'text 1',
        'answer 1',
        'text 2',
        'answer 2',
      ])
    })

    test('an owner that never learned of its lease gets a new one; the first one is then invalid', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      const unheardOf = await driver.mustLease()
      const lease = (await driver.lease('telegram:7', { again: true }))!
      expect(lease.messages.map((row) => row.text)).toEqual(['text 1'])
      expect(await driver.answer(unheardOf, 'too late')).toBe(false)
      expect(await driver.answer(lease, 'answer 1')).toBe(true)
      expect((await driver.lease('telegram:7', { again: true }))!.messages[0]!.text).toBe('text 2')
    })

    test('an answer is stored with its turn, its usage and what must be sent, all at once', async () => {
      const { driver } = subject
      const { messageId } = await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.storage.inbox.saveDraft(lease, 'draft-9')
      await driver.answer(lease, 'the text', { preface: '(Replying to your message from 2 h ago)' })
      const [user, assistant] = await driver.storage.conversations.messages('telegram:7', {
        limit: 10,
        beforeSeq: null,
      })
      expect(user).toMatchObject({
        id: messageId,
        state: 'answered',
        answeredBy: assistant!.id,
        reason: null,
      })
      expect(assistant).toMatchObject({ role: 'assistant', text: 'the text', state: 'answered' })
      expect((await driver.storage.outbox.head('telegram:7'))!.item).toMatchObject({
        kind: 'answer',
        text: '(Replying to your message from 2 h ago)\n\nthe text',
        replyTo: '1',
        draft: 'draft-9',
        askedAt: START + 1_000,
        receipts: [],
        attempts: 0,
      })
      expect(await driver.storage.conversations.usage('telegram:7')).toEqual({
        turns: 1,
        total: USAGE,
        last: USAGE,
      })
    })

    test('a lease ends once', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      expect(await driver.answer(lease, 'first')).toBe(true)
      expect(await driver.answer(lease, 'second')).toBe(false)
      expect(await driver.drain()).toEqual(['first'])
    })

    test('a new process takes over what another was answering, whose late result is refused', async () => {
      await subject.driver.accept([message('1'), message('2'), message('1', { address: '8' })])
      const stale = await subject.driver.mustLease()
      await subject.driver.storage.inbox.saveDraft(stale, 'draft-1')
      await subject.reopen()
      const { driver } = subject
      expect(await driver.lease()).toBeNull()
      expect(await driver.storage.inbox.recover('gateway-2', driver.now)).toEqual([
        'telegram:7',
        'telegram:8',
      ])
      expect(await driver.answer(stale, 'too late')).toBe(false)
      const lease = await driver.mustLease()
      expect(lease).toMatchObject({ draft: 'draft-1', failures: 0 })
      expect(lease.generation).toBeGreaterThan(stale.generation)
      expect(lease.messages.map((row) => row.text)).toEqual(['text 1'])
      expect(await driver.answer(stale, 'too late')).toBe(false)
      expect(await driver.answer(lease)).toBe(true)
    })

    test('recovering leaves one’s own leases alone', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.storage.inbox.recover(OWNER, driver.now)
      expect(await driver.lease()).toBeNull()
      expect(await driver.answer(lease)).toBe(true)
    })

    test('a failure is counted, waits for its moment, and holds back what came after it', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      const retryAt = driver.now + 60_000
      await driver.finish(await driver.mustLease(), { kind: 'failed', reason: 'a bug', retryAt })
      expect(await driver.lease(undefined, { now: retryAt - 1 })).toBeNull()
      expect(await driver.storage.inbox.waiting(driver.now)).toEqual([
        { conversationId: 'telegram:7', at: retryAt },
      ])
      const again = await driver.mustLease(undefined, { now: retryAt })
      expect(again).toMatchObject({ failures: 1 })
      expect(again.messages[0]!.text).toBe('text 1')
    })

    test('what is handed back counts as no failure', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.finish(await driver.mustLease(), { kind: 'returned' })
      expect(await driver.transcript()).toEqual(['user received: text 1'])
      expect(await driver.mustLease()).toMatchObject({ failures: 0 })
    })

    test.for(['refused', 'parked'] as const)(
      'a %s message says why, and the next one is answered',
      async (kind) => {
        const { driver } = subject
        await driver.accept([message('1'), message('2')])
        const lease = await driver.mustLease()
        await driver.storage.inbox.saveDraft(lease, 'draft-1')
        await driver.finish(lease, { kind, reason: 'too long', notice: 'That was too long.' })
        expect((await driver.storage.outbox.head('telegram:7'))!.item).toMatchObject({
          kind: 'notice',
          text: 'That was too long.',
          replyTo: '1',
          draft: 'draft-1',
          askedAt: null,
        })
        const next = await driver.mustLease()
        expect(next.messages[0]!.text).toBe('text 2')
        expect(next.history).toEqual([])
        expect((await driver.transcript())[0]).toBe(`user ${kind}: text 1`)
      },
    )

    test('the operator sees, retries and drops what is parked', async () => {
      const { driver } = subject
      const { inbox } = driver.storage
      const park = { kind: 'parked', reason: 'fails', notice: 'parked' } as const
      await driver.accept([message('1'), message('2')])
      await driver.finish(await driver.mustLease(), park)
      await driver.finish(await driver.mustLease(), park)
      const parked = await inbox.queue({ states: ['parked'], limit: 10 })
      expect(parked.map((row) => [row.text, row.reason])).toEqual([
        ['text 1', 'fails'],
        ['text 2', 'fails'],
      ])
      expect(await inbox.retry(parked[0]!.id, driver.now)).toBe('telegram:7')
      expect(await inbox.drop(parked[1]!.id, driver.now)).toBe('telegram:7')
      expect(await inbox.retry(parked[1]!.id, driver.now)).toBeNull()
      expect(await inbox.drop('unknown', driver.now)).toBeNull()
      expect(await driver.mustLease()).toMatchObject({ failures: 0 })
      expect(await inbox.counts()).toMatchObject({ parked: 0, answering: 1, received: 0 })
    })

    test('dropping what is being answered takes its lease away', async () => {
      const { driver } = subject
      const { messageId } = await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      expect(await driver.storage.inbox.drop(messageId!, driver.now)).toBe('telegram:7')
      expect(await driver.answer(lease)).toBe(false)
      expect(await driver.transcript()).toEqual(['user withdrawn: text 1'])
    })

    test('a message that takes the process down each time is parked in the end', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      for (let crash = 0; crash < 25; crash++) {
        expect((await driver.mustLease()).messages[0]!.text).toBe('text 1')
        await driver.storage.inbox.recover(`gateway-${crash + 2}`, driver.now)
      }
      expect((await driver.mustLease()).messages[0]!.text).toBe('text 2')
      expect((await driver.storage.inbox.counts()).parked).toBe(1)
    })

    test('however often an outage hands a message back, it is never parked', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      for (let round = 0; round < 40; round++) {
        await driver.finish(await driver.mustLease(), { kind: 'returned' })
      }
      expect((await driver.mustLease()).messages[0]!.text).toBe('text 1')
    })

    test('history is cut at whole turns, the newest ones kept', async () => {
      const { driver } = subject
      for (const id of ['1', '2', '3']) {
        await driver.acceptOne(message(id, { text: 'q'.repeat(10) + id }))
        await driver.answer(await driver.mustLease(), 'a'.repeat(10) + id)
      }
      await driver.acceptOne(message('4'))
      const lease = await driver.mustLease(undefined, { now: driver.now, historyLimit: 35 })
      expect(lease.history.map((row) => row.text.at(-1))).toEqual(['3', '3'])
    })

    test('what a summary covers is not handed over again', async () => {
      const { driver } = subject
      for (const id of ['1', '2', '3']) {
        await driver.acceptOne(message(id))
        const lease = await driver.mustLease()
        const covered = lease.history.at(1)?.seq
        const summary = covered === undefined ? {} : { summary: 'the first turn', summaryUpTo: covered }
        await driver.answer(lease, `answer ${id}`, id === '3' ? summary : {})
      }
      await driver.acceptOne(message('4'))
      const lease = await driver.mustLease()
      expect(lease.summary).toBe('the first turn')
      expect(lease.history.map((row) => row.text)).toEqual(['text 2', 'answer 2', 'text 3', 'answer 3'])
    })

    test('a question comes right before its answer in the history, whatever came between them', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      await driver.answer(await driver.mustLease(), 'answer 1')
      await driver.answer(await driver.mustLease(), 'answer 2')
      await driver.acceptOne(message('3'))
      expect((await driver.mustLease()).history.map((row) => row.text)).toEqual([
        'text 1',
        'answer 1',
        'text 2',
        'answer 2',
      ])
    })

    test('an unknown conversation has no work', async () => {
      expect(await subject.driver.lease('telegram:nobody')).toBeNull()
      expect(await subject.driver.storage.inbox.waiting(START)).toEqual([])
      expect((await subject.driver.storage.inbox.counts()).oldestAt).toBeNull()
    })
  })
}
