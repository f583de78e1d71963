import { beforeEach, describe, expect, test } from 'vitest'
import type { Lease, TurnOutcome } from '../../../src/inbox/lease.ts'
import { NO_JOURNAL, type Step, type StoredCall } from '../../../src/inbox/step.ts'
import { type Driver, type Subject, command, message, NEW, STOP, TELL } from './kit.ts'

const TERMS = '{"model":"model-a","system":"Be brief."}'

/**
 * JSON that is another one after it was read and written again: the order of keys, the spelling of numbers, zero bytes
 * and halves of characters.
 */
export const ODD_JSON = String.raw`{"b": 1.0, "a":"\u0000 \ud83d \"\\ ä 🦊","10":1e3, "2":null }`

export function call(id: string, over: Partial<StoredCall> = {}): StoredCall {
  return { id, tool: 'web_search', class: 'read', input: `{"query":"${id}"}`, result: null, ...over }
}

export function step(index: number, calls: readonly StoredCall[] = [], response = `{"step":${index}}`): Step {
  return { index, response, maxTokens: 1_000 + index, calls }
}

const save = (driver: Driver, lease: Lease, stored: Step, terms: string | null = TERMS) =>
  driver.storage.inbox.saveStep(lease, { step: stored, terms }, driver.tick())

const saveResult = (
  driver: Driver,
  lease: Lease,
  callId: string,
  result = '{"content":"found"}',
  index = 0,
) => driver.storage.inbox.saveResult(lease, { index, callId, result }, driver.tick())

/** A turn of one message with one step and one call. */
async function begun(driver: Driver, id = '1'): Promise<Lease> {
  await driver.acceptOne(message(id))
  const lease = await driver.mustLease()
  expect(await save(driver, lease, step(0, [call('c1')]))).toBe(true)
  return lease
}

const textsOf = ({ messages }: Lease) => messages.map(({ text }) => text)

export function journalContract(subject: Subject): void {
  const gone = async () =>
    expect([await subject.rowsOf('steps'), await subject.rowsOf('calls')]).toEqual([0, 0])

  describe('the steps of a turn', () => {
    test('are handed out byte by byte to the process that leases the conversation after a crash', async () => {
      const large = `{"text":"${'x'.repeat(1_048_576)}"}`
      await subject.driver.acceptOne(message('1'))
      const first = await subject.driver.mustLease()
      expect(first.journal).toEqual(NO_JOURNAL)
      const calls = [call('c1', { input: ODD_JSON }), call('c2', { class: 'effect', tool: 'run_command' })]
      expect(await save(subject.driver, first, step(0, calls, ODD_JSON), ODD_JSON)).toBe(true)
      expect(await saveResult(subject.driver, first, 'c2', ODD_JSON)).toBe(true)
      const known = call('c3', { class: 'idempotent', result: '{"content":"unknown tool","is_error":true}' })
      expect(await save(subject.driver, first, step(1, [known], large))).toBe(true)
      await subject.reopen()
      const { driver } = subject
      await driver.storage.inbox.recover('gateway-2', driver.now)
      const next = await driver.mustLease(undefined, { owner: 'gateway-2' })
      expect(next.turnId).not.toBe(first.turnId)
      expect(next.messages.map(({ id }) => id)).toEqual(first.messages.map(({ id }) => id))
      expect(next.journal).toEqual({
        terms: ODD_JSON,
        steps: [step(0, [calls[0]!, { ...calls[1]!, result: ODD_JSON }], ODD_JSON), step(1, [known], large)],
      })
      // The turn continues, and the process that was lost does not.
      expect(await saveResult(driver, first, 'c1')).toBe(false)
      expect(await save(driver, first, step(2))).toBe(false)
      expect(await saveResult(driver, next, 'c1')).toBe(true)
      expect(await save(driver, next, step(2))).toBe(true)
      await driver.storage.inbox.recover('gateway-3', driver.now)
      const third = await driver.mustLease(undefined, { owner: 'gateway-3' })
      expect(third.journal.steps).toHaveLength(3)
      expect(third.journal.steps[0]!.calls[0]!.result).toBe('{"content":"found"}')
    })

    test('are stored once, in order, with the terms of the first', async () => {
      const { driver } = subject
      const lease = await begun(driver)
      expect(await save(driver, lease, step(2))).toBe(false)
      expect(await save(driver, lease, step(0, [call('c1'), call('c9')], '{"other":1}'), '{"other":2}')).toBe(
        true,
      )
      expect(await save(driver, lease, step(1), '{"other":3}')).toBe(true)
      await driver.finish(lease, { kind: 'returned' })
      expect((await driver.mustLease()).journal).toEqual({
        terms: TERMS,
        steps: [step(0, [call('c1')]), step(1)],
      })
    })

    test('the first result of a call stays, and there is none without its intent', async () => {
      const { driver } = subject
      const lease = await begun(driver)
      expect(await saveResult(driver, lease, 'c1', '{"content":"first"}')).toBe(true)
      expect(await saveResult(driver, lease, 'c1', '{"content":"second"}')).toBe(true)
      expect(await saveResult(driver, lease, 'unknown')).toBe(false)
      expect(await saveResult(driver, lease, 'c1', '{}', 1)).toBe(false)
      await driver.finish(lease, { kind: 'returned' })
      const [stored] = (await driver.mustLease()).journal.steps
      expect(stored!.calls.map(({ result }) => result)).toEqual(['{"content":"first"}'])
    })

    test('results that come in together are all stored', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      const ids = Array.from({ length: 20 }, (_, index) => `c${index}`)
      await save(
        driver,
        lease,
        step(
          0,
          ids.map((id) => call(id)),
        ),
      )
      await Promise.all(ids.map((id) => saveResult(driver, lease, id, `{"content":"${id}"}`)))
      await driver.finish(lease, { kind: 'returned' })
      const [stored] = (await driver.mustLease()).journal.steps
      expect(stored!.calls).toEqual(ids.map((id) => call(id, { result: `{"content":"${id}"}` })))
    })

    test.for<[string, (driver: Driver, lease: Lease) => Promise<unknown>]>([
      ['stopped', (driver) => driver.acceptOne(command('9', STOP))],
      ['dropped', (driver, { messages }) => driver.storage.inbox.drop(messages[0]!.id, driver.now)],
      ['taken over', (driver) => driver.storage.inbox.recover('gateway-2', driver.now)],
      ['answered', (driver, lease) => driver.answer(lease)],
    ])('a turn that was %s stores no more', async ([, end]) => {
      const { driver } = subject
      const lease = await begun(driver)
      await end(driver, lease)
      expect(await save(driver, lease, step(1))).toBe(false)
      expect(await saveResult(driver, lease, 'c1')).toBe(false)
    })

    test.for<TurnOutcome>([
      { kind: 'held', outage: TELL },
      { kind: 'returned' },
      { kind: 'failed', reason: 'a bug', retryAt: 0 },
    ])('wait with their message: $kind', async (outcome) => {
      const { driver } = subject
      await driver.finish(await begun(driver), outcome)
      await driver.storage.inbox.hold({ outage: TELL, now: driver.tick() })
      const again = await driver.mustLease()
      expect(again.journal).toEqual({ terms: TERMS, steps: [step(0, [call('c1')])] })
      expect(await save(driver, again, step(1))).toBe(true)
      expect(await driver.answer(again)).toBe(true)
      await gone()
    })

    test('follow their conversation to a new address, also where one begins before', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1', { address: '-1007' }))
      await driver.acceptOne(message('2'))
      await driver.answer(await driver.mustLease())
      const lease = await driver.mustLease('telegram:-1007')
      await save(driver, lease, step(0))
      await driver.acceptOne({ kind: 'moved', channel: 'telegram', from: '7', to: '-1007' })
      expect(await save(driver, lease, step(1))).toBe(false)
      expect((await driver.mustLease()).journal.steps).toEqual([step(0)])
    })
  })

  describe('a turn with a stored step', () => {
    beforeEach(() => void (subject.driver.merge = true))

    test('takes no new members', async () => {
      const { driver } = subject
      await driver.finish(await begun(driver), { kind: 'held', outage: TELL })
      await driver.accept([message('2'), message('3')], { outage: TELL })
      const again = await driver.mustLease()
      expect(textsOf(again)).toEqual(['text 1'])
      await driver.answer(again)
      expect(textsOf(await driver.mustLease())).toEqual(['text 2', 'text 3'])
    })

    test('is not edited or withdrawn by its sender’s platform, and others are', async () => {
      const { driver } = subject
      await driver.finish(await begun(driver), { kind: 'held', outage: TELL })
      const other = { channel: 'telegram', address: '7' } as const
      await driver.accept([message('2'), message('3')], { outage: TELL })
      const changed = await driver.accept([
        { ...other, kind: 'edit', platformMessageId: '1', text: 'other words' },
        { ...other, kind: 'deletion', platformMessageId: '1' },
        { ...other, kind: 'edit', platformMessageId: '2', text: 'better' },
        { ...other, kind: 'deletion', platformMessageId: '3' },
      ])
      expect(changed.map(({ messageId }) => messageId !== null)).toEqual([false, false, true, true])
      expect(await driver.transcript()).toEqual([
        'user held: text 1',
        'notice answered: saved, later',
        'user held: better',
        'user withdrawn: text 3',
      ])
    })

    test('is never divided: neither by a split nor by what is retried between its messages', async () => {
      const { driver } = subject
      const { inbox } = driver.storage
      const parked = { kind: 'parked', reason: 'fails', notice: 'parked' } as const
      const [first, second] = await driver.accept([message('1'), message('2'), message('3')])
      for (let turn = 0; turn < 2; turn++) {
        await driver.finish(await driver.mustLease(undefined, { merge: false }), parked)
      }
      await inbox.retry(first!.messageId!, driver.now)
      await inbox.hold({ outage: TELL, now: driver.tick() })
      const lease = await driver.mustLease()
      expect(textsOf(lease)).toEqual(['text 1', 'text 3'])
      await save(driver, lease, step(0))
      expect(await driver.finish(lease, { kind: 'returned', split: true })).toBe(true)
      const again = await driver.mustLease(undefined, { merge: false })
      expect(textsOf(again)).toEqual(['text 1', 'text 3'])
      expect(again.journal.steps).toEqual([step(0)])
      await driver.finish(again, { kind: 'held', outage: TELL })
      await inbox.retry(second!.messageId!, driver.now)
      expect(textsOf(await driver.mustLease())).toEqual(['text 1', 'text 3'])
    })

    test('that is parked is kept, lets others be answered, and is retried as a whole', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')], { outage: TELL })
      const lease = await driver.mustLease()
      await save(driver, lease, step(0, [call('c1', { class: 'effect' })]))
      await driver.finish(lease, { kind: 'parked', reason: 'fails', notice: 'parked' })
      await driver.acceptOne(message('3'))
      const other = await driver.mustLease()
      expect([textsOf(other), other.journal]).toEqual([['text 3'], NO_JOURNAL])
      await driver.answer(other)
      await subject.reopen()
      const { storage } = subject.driver
      const parked = await storage.inbox.queue({ states: ['parked'], limit: 9 })
      expect(parked.map(({ text }) => text)).toEqual(['text 1', 'text 2'])
      expect(await storage.inbox.retry(parked[1]!.id, subject.driver.now)).toBe('telegram:7')
      const again = await subject.driver.mustLease()
      expect(textsOf(again)).toEqual(['text 1', 'text 2'])
      expect(again.journal.steps).toEqual([step(0, [call('c1', { class: 'effect' })])])
      await subject.driver.answer(again)
      await gone()
    })

    test('that takes the process down each time is parked with its steps in the end', async () => {
      const { driver } = subject
      await begun(driver)
      for (let crash = 0; crash < 25; crash++) {
        await driver.storage.inbox.recover(`gateway-${crash + 2}`, driver.now)
        if (!(await driver.lease())) break
      }
      const [parked] = await driver.storage.inbox.queue({ states: ['parked'], limit: 9 })
      await driver.storage.inbox.retry(parked!.id, driver.now)
      expect((await driver.mustLease()).journal.steps).toHaveLength(1)
    })
  })

  describe('no step is left', () => {
    beforeEach(() => void (subject.driver.merge = true))

    const parked = { kind: 'parked', reason: 'fails', notice: 'parked' } as const
    const drop = (driver: Driver, { messages }: Lease) =>
      driver.storage.inbox.drop(messages[1]!.id, driver.tick())
    const expire = (driver: Driver) =>
      driver.storage.inbox.expire({ now: driver.tick(), maxAge: 0, observed: 1, notice: () => 'too old' })
    const hold = (driver: Driver, lease: Lease) => driver.finish(lease, { kind: 'held', outage: TELL })

    test.for<[string, readonly string[], (driver: Driver, lease: Lease) => Promise<unknown>]>([
      ['was answered', ['answered', 'answered'], (driver, lease) => driver.answer(lease)],
      [
        'was refused',
        ['refused', 'refused'],
        (driver, lease) => driver.finish(lease, { kind: 'refused', reason: 'r', notice: 'no' }),
      ],
      [
        'was stopped',
        ['withdrawn', 'withdrawn'],
        (driver, lease) => driver.finish(lease, { kind: 'stopped', text: '' }),
      ],
      ['was stopped by /stop', ['withdrawn', 'withdrawn'], (driver) => driver.acceptOne(command('8', STOP))],
      ['was ended by /new', ['withdrawn', 'withdrawn'], (driver) => driver.acceptOne(command('8', NEW))],
      [
        'was held and withdrawn by /stop',
        ['withdrawn', 'withdrawn'],
        async (driver, lease) => {
          await hold(driver, lease)
          await driver.acceptOne(command('8', STOP))
        },
      ],
      [
        'was held for too long',
        ['refused', 'refused'],
        async (driver, lease) => {
          await hold(driver, lease)
          await driver.drain()
          await expire(driver)
          expect(await driver.drain()).toEqual(['too old'])
        },
      ],
      ['was dropped while it ran', ['withdrawn', 'withdrawn'], drop],
      [
        'was dropped while it was held',
        ['withdrawn', 'withdrawn'],
        async (driver, lease) => {
          await hold(driver, lease)
          expect(await drop(driver, lease)).toBe('telegram:7')
        },
      ],
      [
        'was parked and dropped',
        ['withdrawn', 'withdrawn'],
        async (driver, lease) => {
          await driver.finish(lease, parked)
          await drop(driver, lease)
        },
      ],
      [
        'was deleted with its person',
        [],
        (driver) => driver.storage.conversations.deletePerson('telegram', 'anna'),
      ],
      [
        'was parked and deleted with its person, where others wrote, too',
        ['received'],
        async (driver, lease) => {
          await driver.finish(lease, parked)
          await driver.acceptOne(message('9', { personId: 'ben' }))
          await driver.storage.conversations.deletePerson('telegram', 'anna')
        },
      ],
    ])('of a turn that %s', async ([, states, end]) => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')], { outage: TELL })
      const lease = await driver.mustLease()
      await save(driver, lease, step(0, [call('c1'), call('c2')]))
      await save(driver, lease, step(1, [call('c3')]))
      expect([await subject.rowsOf('steps'), await subject.rowsOf('calls')]).toEqual([2, 3])
      await end(driver, lease)
      await gone()
      const rows = await driver.storage.conversations.messages('telegram:7', { limit: 9, beforeSeq: null })
      const asked = rows.filter(({ role, text }) => role === 'user' && !text.startsWith('/'))
      expect(asked.map(({ state }) => state)).toEqual(states)
      // What comes after it begins without any.
      await driver.acceptOne(message('5'))
      expect((await driver.mustLease()).journal).toEqual(NO_JOURNAL)
    })

    test('and the messages of others keep theirs when a person is deleted', async () => {
      const { driver } = subject
      await begun(driver)
      await driver.acceptOne(message('2', { personId: 'ben' }))
      await driver.storage.conversations.deletePerson('telegram', 'ben')
      expect((await driver.mustLease()).journal.steps).toHaveLength(1)
    })

    test('and those of messages that wait are not too old', async () => {
      const { driver } = subject
      await driver.finish(await begun(driver), parked)
      await driver.drain()
      const before = driver.now + 1
      await driver.storage.conversations.retain({
        messagesBefore: before,
        attachmentsBefore: before,
        figuresBefore: before,
      })
      expect([await subject.rowsOf('steps'), await subject.rowsOf('calls')]).toEqual([1, 1])
    })
  })
}
