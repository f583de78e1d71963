import { describe, expect, test } from 'vitest'
import type { Incident } from '../../../src/alerts/incident.ts'
import { type Subject, START } from './kit.ts'

const HOUR = 3_600_000

export function recordContract(subject: Subject): void {
  describe('records', () => {
    const pairing = {
      channel: 'telegram',
      personId: '12345',
      personName: 'Anna',
      code: 'ABCD',
      createdAt: START,
      expiresAt: START + HOUR,
      answeredAt: START,
    }

    test('a pairing is asked for, found, approved once by its code, and revoked', async () => {
      const { pairings } = subject.driver.storage
      await pairings.save(pairing)
      expect(await pairings.request('telegram', '12345')).toEqual(pairing)
      expect(await pairings.pending(START)).toEqual([pairing])
      expect(await pairings.pending(START + HOUR)).toEqual([])
      expect(await pairings.isApproved('telegram', '12345')).toBe(false)
      expect(await pairings.approve('discord', 'ABCD', START)).toBeNull()
      expect(await pairings.approve('telegram', 'WXYZ', START)).toBeNull()
      expect(await pairings.approve('telegram', 'ABCD', START + HOUR)).toBeNull()
      expect(await pairings.approve('telegram', 'ABCD', START)).toEqual({
        personId: '12345',
        personName: 'Anna',
      })
      expect(await pairings.approve('telegram', 'ABCD', START)).toBeNull()
      expect(await pairings.request('telegram', '12345')).toBeNull()
      await subject.reopen()
      const again = subject.driver.storage.pairings
      expect(await again.isApproved('telegram', '12345')).toBe(true)
      expect(await again.isApproved('discord', '12345')).toBe(false)
      expect(await again.approved()).toEqual([
        { channel: 'telegram', personId: '12345', personName: 'Anna', at: START },
      ])
      expect(await again.revoke('telegram', '12345')).toBe(true)
      expect(await again.revoke('telegram', '12345')).toBe(false)
      expect(await again.isApproved('telegram', '12345')).toBe(false)
    })

    test('asking again replaces the code', async () => {
      const { pairings } = subject.driver.storage
      await pairings.save(pairing)
      await pairings.save({ ...pairing, code: 'EFGH', answeredAt: START + 1 })
      expect(await pairings.approve('telegram', 'ABCD', START)).toBeNull()
      expect(await pairings.approve('telegram', 'EFGH', START)).not.toBeNull()
    })

    test('of those who asked and were not approved nothing is kept once others ask, or after the retention', async () => {
      const { pairings, conversations } = subject.driver.storage
      await pairings.save({ ...pairing, personId: 'gone' })
      await pairings.save({ ...pairing, personId: 'elsewhere', channel: 'slack' })
      await pairings.save({ ...pairing, personId: 'approved', code: 'EFGH' })
      await pairings.approve('telegram', 'EFGH', START)
      const later = { answeredAt: START + HOUR, expiresAt: START + 2 * HOUR }
      await pairings.save({ ...pairing, ...later, personId: 'next' })
      expect(await pairings.request('telegram', 'gone')).toBeNull()
      expect(await pairings.request('telegram', 'next')).not.toBeNull()
      expect(await pairings.request('slack', 'elsewhere')).not.toBeNull()
      const before = START + 2 * HOUR + 1
      await conversations.retain({
        messagesBefore: before,
        attachmentsBefore: before,
        figuresBefore: before,
      })
      expect(await pairings.request('telegram', 'next')).toBeNull()
      expect(await pairings.request('slack', 'elsewhere')).toBeNull()
      expect(await pairings.isApproved('telegram', 'approved')).toBe(true)
    })

    test('failed guesses are counted by channel and time', async () => {
      const { pairings } = subject.driver.storage
      for (const at of [START, START + 10, START + 20]) await pairings.recordGuess('telegram', at)
      expect(await pairings.guesses('telegram', START + 10)).toBe(2)
      expect(await pairings.guesses('discord', START)).toBe(0)
    })

    test('a fact is kept over a restart until it is deleted', async () => {
      const { facts } = subject.driver.storage
      expect(await facts.get('told')).toBeNull()
      await facts.set('told', '7')
      await facts.set('told', '3')
      await subject.reopen()
      expect(await subject.driver.storage.facts.get('told')).toBe('3')
      await subject.driver.storage.facts.delete('told')
      expect(await subject.driver.storage.facts.get('told')).toBeNull()
    })

    test('figures add up by the minute', async () => {
      const { figures } = subject.driver.storage
      await figures.add('answered', START + 1_000, 1)
      await figures.add('answered', START + 59_000, 2)
      await figures.add('answered', START + 60_000, 4)
      await figures.add('refused', START, 1)
      expect(await figures.read('answered', START, START + 120_000)).toEqual([
        { at: START, value: 3 },
        { at: START + 60_000, value: 4 },
      ])
      expect(await figures.read('answered', START + 60_000, START + 60_000)).toEqual([])
    })

    test('figures are put together by steps, with their sum and their largest minute', async () => {
      const { figures } = subject.driver.storage
      const minute = 60_000
      const start = Math.floor(START / (10 * minute)) * 10 * minute
      await figures.add('answered', start + minute, 1)
      await figures.add('answered', start + 2 * minute, 5)
      await figures.add('answered', start + 12 * minute, 2)
      await figures.add('held', start + 2 * minute, 4)
      await figures.add('other', start, 1)
      const query = {
        names: ['answered', 'held', 'none'],
        from: start,
        to: start + HOUR,
        stepMs: 10 * minute,
      }
      expect(await figures.sums(query)).toEqual([
        { name: 'answered', at: start, sum: 6, max: 5 },
        { name: 'answered', at: start + 10 * minute, sum: 2, max: 2 },
        { name: 'held', at: start, sum: 4, max: 4 },
      ])
      expect(await figures.sums({ ...query, to: start + 2 * minute })).toEqual([
        { name: 'answered', at: start, sum: 1, max: 1 },
      ])
    })

    test('an incident is open until it is closed, and survives a restart', async () => {
      const { incidents } = subject.driver.storage
      const incident: Incident = {
        id: 'incident-1',
        status: 'needs-login',
        reason: 'revoked',
        openedAt: START,
        closedAt: null,
        counts: { held: 3, answered: 0, refused: 0, parked: 0 },
        events: [{ at: START, kind: 'opened', text: 'the sign-in ended' }],
        alertRounds: 1,
        alerted: true,
      }
      expect(await incidents.current()).toBeNull()
      await incidents.save(incident)
      await subject.reopen()
      const again = subject.driver.storage.incidents
      expect(await again.current()).toEqual(incident)
      const closed = { ...incident, closedAt: START + HOUR }
      await again.save(closed)
      expect(await again.current()).toBeNull()
      const next = { ...incident, id: 'incident-2', openedAt: START + 2 * HOUR }
      await again.save(next)
      expect(await again.list(10)).toEqual([next, closed])
      expect(await again.list(1)).toEqual([next])
    })
  })
}
