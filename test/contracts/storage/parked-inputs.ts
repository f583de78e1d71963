import { describe, expect, test } from 'vitest'
import { PARKED_CURSORS, parkedCursor, parkedInput, ParkedInputs } from '../../../src/inbox/parked-inputs.ts'
import { RowRefused, StoreError } from '../../../src/support/errors.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { message, START, type Subject } from './kit.ts'

const KNOWN = { channel: 'telegram', place: '7', input: '1001', reason: 'ends the process', at: START }

export function parkedInputContract(subject: Subject): void {
  const inputs = () => new ParkedInputs(subject.driver.storage.inbox, new FakeClock())
  const counted = async () => (await subject.driver.storage.inbox.counts()).parked

  describe('parked inputs', () => {
    test('are stored with the position behind them, listed, retried and removed', async () => {
      const { driver } = subject
      const first = parkedInput({ ...KNOWN, raw: '[{"update_id":1001}]', personId: 'anna' })
      const second = parkedInput({ ...KNOWN, channel: 'email', place: 'INBOX', input: '1:7', at: START - 1 })
      const offset = { channel: 'telegram', name: 'offset', value: '1002' }
      await driver.accept([], { cursors: [offset, parkedCursor(first)] })
      await driver.accept([], { cursors: [parkedCursor(second)] })
      await subject.reopen()
      expect(await inputs().list()).toEqual([second, first])
      expect(await counted()).toBe(2)
      expect(await inputs().retry(first.id)).toBe(true)
      expect(await inputs().list()).toEqual([second, { ...first, state: 'requested' }])
      expect(await inputs().retry('input-unknown')).toBe(false)
      expect(await inputs().remove('input-unknown')).toBe(false)
      expect(await inputs().remove(first.id)).toBe(true)
      expect(await inputs().remove(first.id)).toBe(false)
      await subject.reopen()
      expect(await inputs().list()).toEqual([second])
      expect(await counted()).toBe(1)
      expect(await subject.driver.storage.inbox.cursor('telegram', 'offset')).toBe('1002')
    })

    test('the same one parked again is one', async () => {
      const again = parkedInput({ ...KNOWN, reason: 'ends it again' })
      await inputs().save(parkedInput(KNOWN))
      await inputs().save(again)
      expect(await inputs().list()).toEqual([again])
      await inputs().save(parkedInput({ ...KNOWN, input: '1002' }))
      expect(await inputs().list()).toHaveLength(2)
    })

    test('what another program has stored is not listed', async () => {
      const { driver } = subject
      for (const value of ['', 'x', 'null', '{}', '[]'])
        await driver.accept([], { cursors: [{ channel: PARKED_CURSORS, name: `odd ${value}`, value }] })
      expect(await inputs().list()).toEqual([])
    })

    test('belong to the person whose words they hold', async () => {
      const { conversations } = subject.driver.storage
      const mine = parkedInput({ ...KNOWN, raw: 'anna was here', personId: 'anna' })
      const others = [
        parkedInput({ ...KNOWN, input: '1002', raw: 'ben was here', personId: 'ben', at: START + 1 }),
        parkedInput({ ...KNOWN, channel: 'matrix', raw: 'somebody else', personId: 'anna', at: START + 2 }),
      ]
      for (const input of [mine, ...others]) await inputs().save(input)
      const exported = JSON.stringify(await conversations.exportPerson('telegram', 'anna'))
      expect(exported).toContain('anna was here')
      expect(exported).not.toMatch(/ben|somebody/)
      await conversations.deletePerson('telegram', 'anna')
      expect((await inputs().list()).map(({ id }) => id)).toEqual(others.map(({ id }) => id))
      expect(JSON.stringify(await conversations.exportPerson('telegram', 'anna'))).not.toContain('parked')
    })
  })

  describe('a row that can never be stored', () => {
    test.each([
      ['a text that is none', { text: {} as never }],
      ['no person', { personId: null as never }],
      ['an id that is none', { platformMessageId: {} as never }],
      ['a name that is none', { personName: [] as never }],
    ])('with %s, is told from a store that fails, and holds nobody up', async (_what, odd) => {
      const { driver } = subject
      // Together, as messages of one conversation arrive.
      const [before, poison, after] = await Promise.allSettled([
        driver.accept([message('1')]),
        driver.accept([message('2', odd)]),
        driver.accept([message('3')]),
      ])
      expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled'])
      expect(poison.status === 'rejected' && poison.reason).not.toBeInstanceOf(StoreError)
      const again = await driver.accept([message('2', odd)]).catch((error: unknown) => error)
      expect(again).not.toBeInstanceOf(StoreError)
      expect(await driver.acceptOne(message('4'))).toMatchObject({ state: 'received' })
    })

    test('is refused as a row, not as a bug', async () => {
      const { driver } = subject
      const nobody = driver.accept([message('2', { personId: null as never })])
      await expect(nobody).rejects.toBeInstanceOf(RowRefused)
    })
  })
}
