import { describe, expect, test } from 'vitest'
import { type Subject, command, message, TELL, NEW, STOP } from './kit.ts'

export function commandContract(subject: Subject): void {
  describe('commands', () => {
    test('a command is answered at once, outside the queue, and is not part of the history', async () => {
      const { driver } = subject
      driver.merge = true
      await driver.accept([message('1'), message('2')], { outage: TELL })
      await driver.drain()
      const result = await driver.acceptOne(command('3', null), { outage: TELL })
      expect(result).toMatchObject({ state: 'answered', outbox: true, withdrawn: 0 })
      expect(await driver.drain()).toEqual(['done status'])
      const lease = await driver.mustLease()
      await driver.answer(lease)
      await driver.acceptOne(message('4'))
      expect((await driver.mustLease()).history.map((row) => row.text)).toEqual([
        'text 1',
        'text 2',
        'answer',
      ])
    })

    test('/stop withdraws waiting messages at once, and a late answer is rejected', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2'), message('3')])
      const lease = await driver.mustLease()
      expect(await driver.acceptOne(command('4', STOP))).toMatchObject({ withdrawn: 2 })
      expect(await driver.answer(lease)).toBe(false)
      expect(await driver.storage.inbox.saveDraft(lease, 'draft')).toBe(false)
      expect(await driver.lease()).toBeNull()
      expect(await driver.drain()).toEqual(['done stop'])
      expect(await driver.transcript()).toEqual([
        'user withdrawn: text 1',
        'user withdrawn: text 2',
        'user withdrawn: text 3',
        'user answered: /stop',
        'notice answered: done stop',
      ])
    })

    test('what was shown of a stopped answer is kept once, unsent and outside the history', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.acceptOne(command('2', STOP))
      expect(await driver.finish(lease, { kind: 'stopped', text: 'half an ans' })).toBe(true)
      expect(await driver.finish(lease, { kind: 'stopped', text: 'half an ans' })).toBe(false)
      expect((await driver.transcript()).at(-1)).toBe('assistant withdrawn: half an ans')
      await driver.acceptOne(message('3'))
      expect((await driver.mustLease()).history).toEqual([])
      expect(await driver.drain()).toEqual(['done stop'])
    })

    test('a turn stopped without a command is withdrawn with what was shown', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      expect(await driver.finish(await driver.mustLease(), { kind: 'stopped', text: '' })).toBe(true)
      expect(await driver.transcript()).toEqual(['user withdrawn: text 1'])
      expect(await driver.lease()).toBeNull()
    })

    test('/stop acts on held messages during an outage and survives a restart', async () => {
      await subject.driver.accept([message('1'), message('2')], { outage: TELL })
      expect(await subject.driver.acceptOne(command('3', STOP), { outage: TELL })).toMatchObject({
        withdrawn: 2,
      })
      await subject.reopen()
      expect(await subject.driver.storage.inbox.counts()).toMatchObject({ held: 0, received: 0 })
      expect(await subject.driver.lease()).toBeNull()
    })

    test('/new begins a fresh history and forgets the summary', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.answer(await driver.mustLease(), 'answer 1', { summary: 'what was said' })
      await driver.acceptOne(message('2'))
      expect(await driver.mustLease()).toMatchObject({ summary: 'what was said' })
      await driver.acceptOne(command('3', NEW))
      await driver.acceptOne(message('4'))
      const lease = await driver.mustLease()
      expect(lease).toMatchObject({ history: [], summary: null })
      await driver.answer(lease, 'answer 4')
      await driver.acceptOne(message('5'))
      expect((await driver.mustLease()).history.map((row) => row.text)).toEqual(['text 4', 'answer 4'])
    })

    test('/model chooses for its conversation alone, and null goes back to the configured one', async () => {
      const { driver } = subject
      await driver.accept([command('1', { model: 'model-b' }), message('2')])
      await driver.accept([message('1', { address: '8' })])
      const lease = await driver.mustLease()
      expect(lease.conversation.model).toBe('model-b')
      expect((await driver.mustLease('telegram:8')).conversation.model).toBeNull()
      await driver.answer(lease)
      await driver.accept([command('3', { model: null }), message('4')])
      expect((await driver.mustLease()).conversation.model).toBeNull()
    })

    test('/effort chooses for its conversation alone, survives a restart, and null goes back', async () => {
      const { driver } = subject
      await driver.accept([command('1', { effort: 'low' }), message('2')])
      await driver.accept([message('1', { address: '8' })])
      await subject.reopen()
      const lease = await subject.driver.mustLease()
      expect(lease.conversation).toMatchObject({ effort: 'low', model: null })
      expect((await subject.driver.mustLease('telegram:8')).conversation.effort).toBeNull()
      await subject.driver.answer(lease)
      await subject.driver.accept([command('3', { model: 'model-b' }), message('4')])
      const next = await subject.driver.mustLease()
      expect(next.conversation).toMatchObject({ effort: 'low', model: 'model-b' })
      await subject.driver.answer(next)
      await subject.driver.accept([command('5', { effort: null }), message('6')])
      expect((await subject.driver.mustLease()).conversation).toMatchObject({
        effort: null,
        model: 'model-b',
      })
    })

    test('each part of an effect works alone, and several at once', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      await driver.answer(await driver.mustLease())
      await driver.acceptOne(message('2'))
      expect(await driver.acceptOne(command('3', { clearHistory: true }))).toMatchObject({ withdrawn: 0 })
      const lease = await driver.mustLease()
      expect(lease.messages.map(({ text }) => text)).toEqual(['text 2'])
      expect(lease.history).toEqual([])
      expect(await driver.acceptOne(command('4', { stopTurn: true }))).toMatchObject({ withdrawn: 0 })
      expect(await driver.answer(lease)).toBe(true)
      await driver.acceptOne(message('5'))
      const both = command('6', { withdrawWaiting: true, model: 'model-b' })
      expect(await driver.acceptOne(both)).toMatchObject({ withdrawn: 1 })
      await driver.acceptOne(message('7'))
      const next = await driver.mustLease()
      expect(next.conversation.model).toBe('model-b')
      expect(next.history.map(({ text }) => text)).toEqual(['text 2', 'answer'])
    })

    test('a channel whose readers read the store gets its replies there and nothing in the outbox', async () => {
      const { driver } = subject
      const web = { channel: 'web', address: 'page' }
      expect(await driver.acceptOne(command('1', STOP, web))).toMatchObject({ outbox: false })
      await driver.acceptOne(message('2', web))
      await driver.answer(await driver.mustLease('web:page'))
      expect(await driver.storage.outbox.pending()).toEqual([])
      expect((await driver.transcript('web:page')).slice(1)).toEqual([
        'notice answered: done stop',
        'user answered: text 2',
        'assistant answered: answer',
      ])
    })
  })
}
