import { describe, expect, test } from 'vitest'
import { type Subject, message, SILENT, TELL, type Driver } from './kit.ts'

const LIMITS = { maxPerConversation: 2, maxTotal: 3 }
const DAY = 86_400_000

export function outageContract(subject: Subject): void {
  const expire = (driver: Driver, observed: number, maxAge = 7 * DAY) =>
    driver.storage.inbox.expire({ now: driver.tick(), maxAge, observed, notice: (at) => `too old: ${at}` })

  describe('an outage', () => {
    test('holds what arrives and tells a conversation once', async () => {
      const { driver } = subject
      const first = await driver.acceptOne(message('1'), { outage: TELL })
      expect(first).toMatchObject({ state: 'held', outbox: true })
      expect(await driver.acceptOne(message('2'), { outage: TELL })).toMatchObject({ outbox: false })
      await driver.acceptOne(message('1', { address: '8' }), { outage: TELL })
      expect(await driver.drain()).toEqual(['saved, later'])
      expect(await driver.drain('telegram:8')).toEqual(['saved, later'])
      const [row] = await driver.storage.inbox.queue({ states: ['held'], limit: 1 })
      expect(row).toMatchObject({ reason: 'needs-login', text: 'text 1' })
    })

    test('is told again when it is another outage, and over a restart only then', async () => {
      await subject.driver.acceptOne(message('1'), { outage: TELL })
      await subject.reopen()
      const { driver } = subject
      await driver.acceptOne(message('2'), { outage: TELL })
      expect(await driver.drain()).toEqual(['saved, later'])
      await driver.acceptOne(message('3'), { outage: { ...TELL, id: 'outage-2', notice: 'again' } })
      expect(await driver.drain()).toEqual(['again'])
    })

    test('says nothing in a group where the bot was not addressed, until it is', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1', { addressed: false }), { outage: TELL })
      expect(await driver.storage.inbox.hold({ outage: TELL, now: driver.now })).toEqual([])
      expect(await driver.drain()).toEqual([])
      await driver.acceptOne(message('2'), { outage: TELL })
      expect(await driver.drain()).toEqual(['saved, later'])
    })

    test('that is too short to speak of lets a message wait as usual; later all are held and told', async () => {
      const { driver } = subject
      expect(await driver.acceptOne(message('1'), { outage: SILENT })).toMatchObject({
        state: 'received',
        outbox: false,
      })
      await driver.acceptOne(message('2', { address: '8' }), { outage: SILENT })
      const { inbox } = driver.storage
      expect(await inbox.hold({ outage: TELL, now: driver.now })).toEqual(['telegram:7', 'telegram:8'])
      expect(await inbox.hold({ outage: TELL, now: driver.now })).toEqual([])
      expect(await inbox.counts()).toMatchObject({ held: 2, received: 0 })
      expect(await driver.drain()).toEqual(['saved, later'])
    })

    test('hands back what was being answered, counted as no failure, and tells', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'))
      const lease = await driver.mustLease()
      await driver.storage.inbox.saveDraft(lease, 'draft-1')
      expect(await driver.finish(lease, { kind: 'held', outage: TELL })).toBe(true)
      expect(await driver.drain()).toEqual(['saved, later'])
      expect(await driver.storage.inbox.counts()).toMatchObject({ held: 1, answering: 0 })
      expect(await driver.mustLease()).toMatchObject({ failures: 0, draft: 'draft-1' })
    })

    test('does not touch what is being answered when everything is held', async () => {
      const { driver } = subject
      await driver.accept([message('1'), message('2')])
      const lease = await driver.mustLease()
      await driver.storage.inbox.hold({ outage: TELL, now: driver.now })
      expect(await driver.answer(lease)).toBe(true)
      expect(await driver.storage.inbox.counts()).toMatchObject({ held: 1, answering: 0 })
    })

    test('refuses visibly what finds the hold of its conversation full, and nobody else', async () => {
      const { driver } = subject
      const over = { outage: TELL, limits: { maxPerConversation: 2, maxTotal: 100 } }
      await driver.accept([message('1'), message('2')], over)
      await driver.drain()
      const full = await driver.acceptOne(message('3'), over)
      expect(full).toMatchObject({ state: 'refused', holdFull: true, outbox: true })
      expect(await driver.acceptOne(message('4'), over)).toMatchObject({ holdFull: true, outbox: false })
      expect(await driver.acceptOne(message('3'), over)).toMatchObject({
        duplicate: true,
        holdFull: true,
        messageId: full.messageId,
      })
      expect(await driver.acceptOne(message('1', { address: '8' }), over)).toMatchObject({ state: 'held' })
      expect(await driver.drain()).toEqual(['hold is full'])
      driver.now += 60_000
      await driver.acceptOne(message('5'), over)
      expect(await driver.drain()).toEqual(['hold is full'])
    })

    test('refuses what finds the whole hold full, also after some of it has gone and in one delivery', async () => {
      const { driver } = subject
      const over = { outage: TELL, limits: LIMITS }
      const at = (id: string) => message(id, { address: id })
      const states = async (ids: readonly string[]) =>
        (await driver.accept(ids.map(at), over)).map((accepted) => accepted.state)
      expect(await states(['a', 'b', 'c', 'd'])).toEqual(['held', 'held', 'held', 'refused'])
      await driver.answer(await driver.mustLease('telegram:a'))
      expect(await states(['e', 'f'])).toEqual(['held', 'refused'])
      const [oldest] = await driver.storage.inbox.queue({ states: ['held'], limit: 1 })
      await driver.storage.inbox.drop(oldest!.id, driver.now)
      expect(await states(['g', 'h'])).toEqual(['held', 'refused'])
    })

    test('has no limits while messages are answered', async () => {
      const { driver } = subject
      const ids = ['1', '2', '3', '4', '5']
      const accepted = await driver.accept(
        ids.map((id) => message(id)),
        { limits: LIMITS },
      )
      expect(accepted.map((one) => one.state)).toEqual(ids.map(() => 'received'))
    })

    test('ages what it holds by the time it was observed, not by the clock', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1'), { outage: TELL })
      const at = driver.now
      driver.now += 30 * DAY
      expect(await expire(driver, 0)).toEqual([])
      expect(await expire(driver, 4 * DAY)).toEqual([])
      await driver.acceptOne(message('2'), { outage: TELL })
      await driver.drain()
      expect(await expire(driver, 3 * DAY)).toEqual(['telegram:7'])
      expect(await driver.drain()).toEqual([`too old: ${at}`])
      expect((await driver.transcript()).filter((line) => line.startsWith('user'))).toEqual([
        'user refused: text 1',
        'user held: text 2',
      ])
    })

    test('keeps the age of a message that was tried in between and held again', async () => {
      await subject.driver.acceptOne(message('1'), { outage: TELL })
      await expire(subject.driver, 6 * DAY)
      await subject.driver.finish(await subject.driver.mustLease(), { kind: 'held', outage: TELL })
      await subject.reopen()
      expect(await expire(subject.driver, DAY)).toEqual(['telegram:7'])
    })

    test('silently expires messages that were not addressed to the bot', async () => {
      const { driver } = subject
      await driver.acceptOne(message('1', { addressed: false }), { outage: TELL })
      expect(await expire(driver, 8 * DAY)).toEqual([])
      expect(await driver.transcript()).toEqual(['user refused: text 1'])
    })

    test('a held message may be tried again by the operator’s word', async () => {
      const { driver } = subject
      const { messageId } = await driver.acceptOne(message('1'), { outage: TELL })
      expect(await driver.storage.inbox.retry(messageId!, driver.now)).toBe('telegram:7')
      expect(await driver.storage.inbox.counts()).toMatchObject({ held: 0, received: 1 })
    })

    // Fifteen hundred commits, one after another.
    test(
      'five hundred messages in twenty conversations are all answered in order after it',
      { timeout: 120_000 },
      async () => {
        const { driver } = subject
        const conversations = Array.from({ length: 20 }, (_, index) => String(100 + index))
        for (let round = 0; round < 25; round++) {
          await driver.accept(
            conversations.map((address) => message(String(round), { address, text: `${address} ${round}` })),
            { outage: TELL },
          )
        }
        expect((await driver.storage.inbox.counts()).held).toBe(500)
        for (const address of conversations) {
          const id = `telegram:${address}`
          const answered: string[] = []
          for (let lease; (lease = await driver.lease(id, { merge: false }));) {
            answered.push(lease.messages[0]!.text)
            await driver.answer(lease, `re: ${lease.messages[0]!.text}`)
          }
          const questions = Array.from({ length: 25 }, (_, round) => `${address} ${round}`)
          expect(answered).toEqual(questions)
          expect(await driver.drain(id)).toEqual(['saved, later', ...questions.map((text) => `re: ${text}`)])
        }
      },
    )
  })
}
