import { describe, expect, test } from 'vitest'
import type { CommandEffect, IncomingMessage } from '../../../src/inbox/arrival.ts'
import { CUT_SHORT } from '../../../src/inbox/arrival.ts'
import type { TurnOutcome } from '../../../src/inbox/lease.ts'
import { command, message, NEW, STOP, TELL, type Driver, type Subject } from './kit.ts'

const UNDO: CommandEffect = { undo: { nothing: 'nothing to undo' } }
const RETRY: CommandEffect = { retry: { waiting: 'still waiting' } }
const RESUME: CommandEffect = { resume: true }

const PICTURE = { mediaType: 'image/png', name: 'a.png', bytes: new Uint8Array([1, 2, 3]) }

export function lastExchangeContract(subject: Subject): void {
  describe('the last exchange', () => {
    /** As the commands are sent, with the texts of their replies. */
    const asked = (id: string, effect: CommandEffect, text: string, over: Partial<IncomingMessage> = {}) => ({
      ...command(id, effect, { text, ...over }),
      reply: effect.undo ? 'undone: {question}' : 'nothing to ask',
    })
    const undo = (id: string, over?: Partial<IncomingMessage>) => asked(id, UNDO, '/undo', over)
    const retry = (id: string, over?: Partial<IncomingMessage>) => asked(id, RETRY, '/retry', over)
    const resume = (id: string) => asked(id, RESUME, '/continue')
    const exchange = async (driver: Driver, id: string, over: Partial<IncomingMessage> = {}) => {
      await driver.acceptOne(message(id, over))
      await driver.answer(await driver.mustLease(), `answer ${id}`)
      await driver.drain()
    }
    /** What a turn that asks `id` is shown before it. */
    const historyOf = async (driver: Driver, id: string) => {
      await driver.acceptOne(message(id))
      return (await driver.mustLease()).history.map(({ text }) => text)
    }

    test('is taken out of the history, and stays readable and in the export', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      await exchange(driver, '2')
      expect(await driver.acceptOne(undo('3'))).toMatchObject({ state: 'answered', withdrawn: 0 })
      expect(await driver.drain()).toEqual(['undone: text 2'])
      await subject.reopen()
      expect(await historyOf(subject.driver, '4')).toEqual(['text 1', 'answer 1'])
      expect((await subject.driver.transcript()).slice(2, 4)).toEqual([
        'user answered: text 2',
        'assistant answered: answer 2',
      ])
      const stored = JSON.stringify(
        await subject.driver.storage.conversations.exportPerson('telegram', 'anna'),
      )
      expect(stored).toContain('answer 2')
    })

    test('is taken back one after the other, also in one delivery, up to the beginning', async () => {
      const { driver } = subject
      for (const id of ['1', '2', '3']) await exchange(driver, id)
      await driver.accept([undo('4'), undo('5')])
      expect(await driver.drain()).toEqual(['undone: text 3', 'undone: text 2'])
      expect(await historyOf(driver, '6')).toEqual(['text 1', 'answer 1'])
      await driver.accept([undo('7'), undo('8'), undo('9')])
      expect(await driver.drain()).toEqual(['undone: text 6', 'undone: text 1', 'nothing to undo'])
      expect(await historyOf(driver, '10')).toEqual([])
    })

    test('is not the one before /new', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      await driver.accept([command('2', NEW), undo('3'), retry('4')])
      expect(await driver.drain()).toEqual(['done new', 'nothing to undo', 'nothing to ask'])
      expect(await driver.lease()).toBeNull()
    })

    test('may still wait or be written: then it is withdrawn, and what was before it stays', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      await driver.accept([message('2'), message('3')])
      const lease = await driver.mustLease()
      expect(await driver.acceptOne(undo('4'))).toMatchObject({ withdrawn: 1 })
      expect(await driver.acceptOne(undo('5'))).toMatchObject({ withdrawn: 0, stopped: true })
      expect(await driver.drain()).toEqual(['undone: text 3', 'undone: text 2'])
      expect(await driver.answer(lease)).toBe(false)
      expect(await driver.lease()).toBeNull()
      expect(await driver.storage.inbox.counts()).toMatchObject({ received: 0, answering: 0, held: 0 })
      expect(await historyOf(driver, '6')).toEqual(['text 1', 'answer 1'])
    })

    test('is asked again as a new message, without its earlier answer, which stays', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      await exchange(driver, '2')
      const accepted = await driver.acceptOne(retry('3'))
      expect(accepted).toMatchObject({ state: 'received', duplicate: false, outbox: false })
      await subject.reopen()
      const lease = await subject.driver.mustLease()
      expect(lease.messages).toMatchObject([
        { id: accepted.messageId, text: 'text 2', platformMessageId: '3' },
      ])
      expect(lease.history.map(({ text }) => text)).toEqual(['text 1', 'answer 1'])
      await subject.driver.answer(lease, 'better')
      expect(await subject.driver.drain()).toEqual(['better'])
      expect(await historyOf(subject.driver, '4')).toEqual(['text 1', 'answer 1', 'text 2', 'better'])
      const { conversations } = subject.driver.storage
      const stored = JSON.stringify(await conversations.exportPerson('telegram', 'anna'))
      for (const answer of ['answer 2', 'better']) expect(stored).toContain(answer)
    })

    test('is asked again once, however often that is delivered', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      const first = await driver.acceptOne(retry('2'))
      expect(await driver.acceptOne(retry('2'))).toMatchObject({
        duplicate: true,
        messageId: first.messageId,
      })
      await driver.answer(await driver.mustLease(), 'better')
      expect(await driver.acceptOne(retry('2'))).toMatchObject({ duplicate: true, state: 'answered' })
      expect(await driver.lease()).toBeNull()
      expect(await driver.drain()).toEqual(['better'])
    })

    test('is asked again as often as its sender likes, also after /continue, and what a program sent', async () => {
      const { driver } = subject
      await exchange(driver, '1', { alone: true })
      for (const id of ['2', '3']) {
        await driver.acceptOne(retry(id))
        await driver.answer(await driver.mustLease(), `half ${id}`, { reason: CUT_SHORT })
      }
      await driver.acceptOne(resume('4'))
      await driver.answer(await driver.mustLease(), 'rest')
      await driver.acceptOne(retry('5'))
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ text }) => text)).toEqual(['/continue'])
      expect(lease.history.map(({ text }) => text)).toEqual(['text 1', 'half 3'])
    })

    test('is not asked again where it came with what a program had stored besides it', async () => {
      const { driver } = subject
      const context = { digest: 'd', system: null, turns: [], model: null, maxTokens: null, stop: [] }
      await exchange(driver, '1', { context })
      await driver.acceptOne(retry('2'))
      expect(await driver.drain()).toEqual(['nothing to ask'])
    })

    test('is asked again with its files', async () => {
      const { driver } = subject
      await exchange(driver, '1', { attachments: [PICTURE] })
      await driver.acceptOne(retry('2'))
      const [again] = (await driver.mustLease()).messages
      expect(again!.attachments).toMatchObject([{ name: 'a.png', size: 3 }])
      const { id } = again!.attachments[0]!
      expect(await driver.storage.inbox.attachment(id, again!.conversationId)).toEqual(PICTURE)
    })

    test('that is being answered is stopped and started again', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      expect(await driver.acceptOne(retry('2'))).toMatchObject({ state: 'received', stopped: true })
      expect(await driver.answer(lease)).toBe(false)
      const again = await driver.mustLease()
      expect(again.messages.map(({ text }) => text)).toEqual(['text 1'])
      expect(again.history).toEqual([])
      await driver.answer(again, 'better')
      expect(await driver.drain()).toEqual(['better'])
    })

    test('that waits for its first answer is not asked twice', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      await driver.mustLease()
      expect(await driver.acceptOne(retry('3'))).toMatchObject({ state: 'answered', outbox: true })
      expect(await driver.drain()).toEqual(['still waiting'])
      expect(await driver.storage.inbox.counts()).toMatchObject({ received: 1, answering: 1 })
    })

    test.each([
      {
        name: 'stopped',
        end: async (driver: Driver) => driver.acceptOne(command('stop', STOP)),
      },
      {
        name: 'refused',
        end: async (driver: Driver) =>
          driver.finish(await driver.mustLease(), { kind: 'refused', reason: 'refusal', notice: 'no' }),
      },
      {
        name: 'parked',
        end: async (driver: Driver) =>
          driver.finish(await driver.mustLease(), { kind: 'parked', reason: 'failed', notice: 'no' }),
      },
    ])('that was $name is asked again, and what was before it stays', async ({ end }) => {
      const { driver } = subject
      await exchange(driver, '1')
      await driver.acceptOne(message('2'))
      await end(driver)
      await driver.acceptOne(retry('3'))
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ text }) => text)).toEqual(['text 2'])
      expect(lease.history.map(({ text }) => text)).toEqual(['text 1', 'answer 1'])
      expect(await driver.storage.inbox.counts()).toMatchObject({ parked: 0, answering: 1 })
    })

    /** A turn that has begun to use tools. */
    const withSteps = async (driver: Driver, id: string) => {
      await driver.acceptOne(message(id))
      const lease = await driver.mustLease()
      const step = { index: 0, response: '{}', maxTokens: 1, calls: [] }
      await driver.storage.inbox.saveStep(lease, { step, terms: '{}' }, driver.tick())
      return lease
    }
    const STOPPED: TurnOutcome = { kind: 'stopped', text: 'half', blocks: '[]' }

    test.each([
      { name: 'parked', end: { kind: 'parked', reason: 'failed', notice: 'no' } },
      { name: 'refused', end: { kind: 'refused', reason: 'refusal', notice: 'no' } },
      { name: 'stopped', end: STOPPED },
    ] as const)('that was $name after it had used tools is asked again without them', async ({ end }) => {
      const { driver } = subject
      await driver.finish(await withSteps(driver, '1'), end)
      await driver.acceptOne(retry('2'))
      expect(await subject.rowsOf('steps')).toBe(0)
      const lease = await driver.mustLease()
      expect(lease).toMatchObject({ messages: [{ text: 'text 1' }], history: [], journal: { steps: [] } })
    })

    test.each([
      { name: '/undo', end: undo },
      { name: '/retry', end: retry },
    ])('that $name stops while it uses tools does not come back into the history', async ({ end }) => {
      const { driver } = subject
      await exchange(driver, '1')
      const lease = await withSteps(driver, '2')
      await driver.acceptOne(end('3'))
      expect(await driver.finish(lease, STOPPED)).toBe(true)
      expect(await driver.transcript()).toContain('assistant withdrawn: half')
      const shown = (await driver.lease()) ?? (await driver.acceptOne(message('4')), await driver.mustLease())
      expect(shown.history.map(({ text }) => text)).toEqual(['text 1', 'answer 1'])
    })

    test('that its sender took back or deleted is not asked again: the one before it is', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      await driver.accept([message('2'), undo('3'), message('4')])
      await driver.acceptOne({ kind: 'deletion', channel: 'telegram', address: '7', platformMessageId: '4' })
      await driver.acceptOne(retry('5'))
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ text }) => text)).toEqual(['text 1'])
      expect(lease.history).toEqual([])
    })

    test('of somebody else is asked again as theirs, and goes with all that is theirs', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      await exchange(driver, '2', { personId: 'bert', personName: 'Bert' })
      await driver.acceptOne(retry('3'))
      const lease = await driver.mustLease()
      expect(lease.messages).toMatchObject([{ text: 'text 2', personId: 'bert', personName: 'Bert' }])
      await driver.answer(lease, 'better')
      await driver.storage.conversations.deletePerson('telegram', 'bert')
      expect(await driver.transcript()).toEqual(['user answered: text 1', 'assistant answered: answer 1'])
    })

    test('in an outage is asked again after it, and its conversation is told once', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      expect(await driver.acceptOne(retry('2'), { outage: TELL })).toMatchObject({
        state: 'held',
        outbox: true,
      })
      expect(await driver.acceptOne(retry('3'), { outage: TELL })).toMatchObject({ state: 'answered' })
      expect(await driver.drain()).toEqual(['saved, later', 'still waiting'])
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ text }) => text)).toEqual(['text 1'])
      expect(lease.history).toEqual([])
    })

    test('stays as it is where the hold is full', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      const full = { outage: TELL, limits: { maxPerConversation: 0, maxTotal: 0 } }
      expect(await driver.acceptOne(retry('2'), full)).toMatchObject({ state: 'refused', holdFull: true })
      expect(await historyOf(driver, '3')).toEqual(['text 1', 'answer 1'])
    })

    test('is continued if its answer was cut, with the command as the question', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.answer(await driver.mustLease(), 'half', { reason: CUT_SHORT })
      await driver.drain()
      expect(await driver.acceptOne(resume('2'))).toMatchObject({ state: 'received', outbox: false })
      expect(await driver.acceptOne(resume('2'))).toMatchObject({ duplicate: true })
      // The rest is on its way.
      expect(await driver.acceptOne(resume('3'))).toMatchObject({ state: 'answered' })
      await subject.reopen()
      const lease = await subject.driver.mustLease()
      expect(lease.messages.map(({ text }) => text)).toEqual(['/continue'])
      expect(lease.history.map(({ text }) => text)).toEqual(['text 1', 'half'])
      await subject.driver.answer(lease, 'whole')
      await subject.driver.acceptOne(resume('4'))
      expect(await subject.driver.drain()).toEqual(['nothing to ask', 'whole', 'nothing to ask'])
      expect(await subject.driver.lease()).toBeNull()
    })

    test('is nothing in a conversation that has just begun', async () => {
      const { driver } = subject
      await driver.accept([undo('1'), retry('2'), resume('3')])
      expect(await driver.drain()).toEqual(['nothing to undo', 'nothing to ask', 'nothing to ask'])
      expect(await driver.storage.inbox.counts()).toMatchObject({ received: 0, answering: 0, held: 0 })
    })

    test('/new with words begins a conversation and asks in it, once for all deliveries', async () => {
      const { driver } = subject
      await exchange(driver, '1')
      const both = [command('command 2', NEW), message('2')]
      await driver.accept(both)
      await driver.accept(both)
      const lease = await driver.mustLease()
      expect(lease).toMatchObject({ history: [], messages: [{ text: 'text 2' }] })
      await driver.answer(lease, 'answer 2')
      await driver.accept(both)
      expect(await driver.drain()).toEqual(['done new', 'answer 2'])
      expect(await driver.lease()).toBeNull()
    })
  })
}
