import { beforeEach, describe, expect, test } from 'vitest'
import { command, message, OWNER, START, STOP, type Subject, TELL } from './kit.ts'

const held = { outage: TELL }

export function mergeContract(subject: Subject): void {
  describe('messages that are answered together', () => {
    beforeEach(() => void (subject.driver.merge = true))

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

    test('messages behind them go with them when the turn begins, held or not', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'), held)
      await driver.accept([message('2'), message('3')])
      expect((await driver.mustLease()).messages.map((row) => row.text)).toEqual([
        'text 1',
        'text 2',
        'text 3',
      ])
    })

    test('what a program sent is answered alone', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2', { alone: true }), message('3'), message('4')])
      const turns: number[] = []
      for (let turn = 0; turn < 3; turn++) {
        const lease = await driver.mustLease()
        turns.push(lease.messages.length)
        await driver.answer(lease)
      }
      expect(turns).toEqual([1, 1, 2])
    })

    test('the operator retries all of a turn that waits for its next attempt', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      const retryAt = driver.now + 600_000
      const lease = await driver.mustLease()
      await driver.finish(lease, { kind: 'failed', reason: 'bug', retryAt })
      expect(await driver.findLease()).toEqual({ notBefore: retryAt })
      expect(await driver.storage.inbox.retry(lease.messages[1]!.id, driver.tick())).toBe('telegram:7')
      expect(await driver.mustLease()).toMatchObject({ messages: [{}, {}], failures: 0 })
    })

    test('while a turn runs, a message says whether it belongs to it', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      const joins = async (...given: Parameters<typeof message>) =>
        (await driver.acceptOne(message(...given))).joins === true
      expect(await joins('2')).toBe(true)
      expect(await joins('3', { alone: true })).toBe(false)
      expect(await joins('4')).toBe(false)
      await driver.finish(lease, { kind: 'returned' })
      const both = await driver.mustLease()
      expect(both.messages.map((row) => row.text)).toEqual(['text 1', 'text 2'])
      expect(await joins('1', { address: '8' })).toBe(false)
    })

    test('nothing belongs to a turn of which something was shown', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.storage.inbox.saveDraft(await driver.mustLease(), 'draft-9')
      expect(await driver.acceptOne(message('2'))).not.toHaveProperty('joins')
    })

    test('a turn grows over a crash and an outage, and is frozen when something of it was shown', async () => {
      await subject.driver.accept([message('1'), message('2')], held)
      await subject.driver.mustLease()
      await subject.reopen()
      const { driver } = subject
      await driver.storage.inbox.recover('gateway-2', driver.now)
      await driver.acceptOne(message('3'), held)
      const again = await driver.mustLease()
      expect(again.messages.map((row) => row.text)).toEqual(['text 1', 'text 2', 'text 3'])
      await driver.storage.inbox.saveDraft(again, 'draft-9')
      await driver.finish(again, { kind: 'held', outage: TELL })
      await driver.acceptOne(message('4'), held)
      const third = await driver.mustLease(undefined, { merge: false })
      expect(third).toMatchObject({ draft: 'draft-9' })
      expect(third.messages.map((row) => row.text)).toEqual(['text 1', 'text 2', 'text 3'])
      await driver.finish(third, { kind: 'returned' })
      await driver.acceptOne(message('5'))
      const fourth = await driver.mustLease()
      expect(fourth.messages).toHaveLength(3)
      await driver.answer(fourth)
      expect((await driver.mustLease()).messages.map((row) => row.text)).toEqual(['text 4', 'text 5'])
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

  describe('pieces', () => {
    beforeEach(() => void (subject.driver.merge = true))

    const window = { mergeWindow: 1_500 }
    const picture = (id: string) => message(id, { text: '', piece: { of: 'album' } })

    test('of an album are waited for after the last one, over batches and a restart, and answered together', async () => {
      const begin = subject.driver.now
      await subject.driver.accept([picture('1'), picture('2')], { ...window, now: begin })
      expect(await subject.driver.findLease(undefined, { now: begin })).toEqual({ notBefore: begin + 1_500 })
      await subject.reopen()
      const { driver } = subject
      expect(await driver.storage.inbox.waiting(begin)).toEqual([
        { conversationId: 'telegram:7', at: begin + 1_500 },
      ])
      const rest = [picture('3'), message('b', { personId: 'ben' }), picture('4')]
      await driver.accept(rest, { ...window, now: begin + 1_000 })
      const end = begin + 2_500
      expect(await driver.findLease(undefined, { now: end - 1 })).toEqual({ notBefore: end })
      // Without merging, too: they are one thing.
      const lease = await driver.mustLease(undefined, { now: end, merge: false })
      expect(lease.messages.map((row) => row.platformMessageId)).toEqual(['1', '2', '3', '4'])
      await driver.answer(lease)
      expect((await driver.mustLease()).messages.map((row) => row.personId)).toEqual(['ben'])
    })

    test('are waited for three seconds at most', async () => {
      const { driver } = subject
      const begin = driver.now
      for (const id of ['0', '1', '2']) {
        await driver.acceptOne(picture(id), { ...window, now: begin + Number(id) * 1_000 })
      }
      expect(await driver.findLease(undefined, { now: begin + 2_000 })).toEqual({ notBefore: begin + 3_000 })
    })

    test('of a split text are answered together, the last one with them', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1', { piece: { of: null } }), window)
      await driver.acceptOne(message('2', { piece: { of: null } }), window)
      await driver.acceptOne(message('3'), window)
      expect(await driver.lease(undefined, { now: driver.now, merge: false })).toBeNull()
      const lease = await driver.mustLease(undefined, { now: driver.now + 1_500, merge: false })
      expect(lease.messages.map((row) => row.text)).toEqual(['text 1', 'text 2', 'text 3'])
    })

    test('that come after their turn began are waited for again, and begin it again with all', async () => {
      const { driver } = subject
      await driver.acceptOne(picture('1'), window)
      const lease = await driver.mustLease(undefined, { now: driver.now + 1_500 })
      expect(await driver.acceptOne(picture('2'), window)).toMatchObject({ joins: true })
      await driver.finish(lease, { kind: 'returned' })
      expect(await driver.lease(undefined, { now: driver.now })).toBeNull()
      const both = await driver.mustLease(undefined, { now: driver.now + 1_500 })
      expect(both.messages.map((row) => row.platformMessageId)).toEqual(['1', '2'])
    })

    test('begin no turn with their arrival', async () => {
      const { inbox } = subject.driver.storage
      if (!inbox.acceptAndBegin) return
      const request = { cursors: [], now: START, outage: null, holdFullNotice: '', ...window }
      const limits = { maxPerConversation: 9, maxTotal: 9 }
      const terms = { owner: OWNER, historyLimit: 9, merge: true }
      const begin = (arrival: ReturnType<typeof message>) =>
        inbox.acceptAndBegin!({ ...request, limits, arrivals: [arrival] }, terms)
      expect((await begin(picture('1'))).lease).toBeNull()
      expect((await begin(message('1', { address: '8' }))).lease).not.toBeNull()
    })

    test('may be withdrawn while they are waited for', async () => {
      const { driver } = subject
      await driver.accept([picture('1'), command('s', STOP)], window)
      expect(await driver.findLease()).toBeNull()
    })
  })
}
