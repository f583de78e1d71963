import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../test/support/chance.ts'
import type { Claim } from '../../usage/budget.ts'
import {
  decideClose,
  decideFromSlices,
  decideReservation,
  type BudgetRow,
  type ReserveTerms,
  type SliceRow,
} from './budget.ts'

const NOW = Date.UTC(2026, 10, 30, 12)
const DAY: Claim = { kind: 'day', key: 'day', subject: null, limit: 10_000, resetsAt: NOW + 1 }
const MONTH: Claim = { kind: 'month', key: 'month', subject: null, limit: 50_000, resetsAt: NOW + 2 }

const row = (budget: string, more: Partial<BudgetRow> = {}): BudgetRow => ({
  budget,
  taken: 0,
  spent: 0,
  raised: 0,
  raised_on: null,
  ...more,
})
const slice = (budget: string, owner: string, more: Partial<SliceRow> = {}): SliceRow => ({
  budget,
  owner,
  taken: 0,
  reserved: 0,
  spent: 0,
  ...more,
})
const terms = (more: Partial<ReserveTerms> = {}): ReserveTerms => ({
  owner: 'a',
  claims: [DAY],
  most: 1_000,
  least: 100,
  now: NOW,
  ...more,
})
const rows = (budgets: readonly BudgetRow[], slices: readonly SliceRow[]) => ({
  budgets: new Map(budgets.map((one) => [one.budget, one])),
  slices,
})

describe('room for a request', () => {
  test('is found in what the process has taken, and the budget is not read', () => {
    const own = slice('day', 'a', { taken: 1_500, reserved: 300, spent: 100 })
    expect(decideFromSlices(rows([], [own]), terms())).toBe(true)
    expect(own.reserved).toBe(1_300)
    expect(decideFromSlices(rows([], [own]), terms())).toBe(false)
    expect(own.reserved).toBe(1_300)
  })

  test('is taken from the budget in slices', () => {
    const [day, own] = [row('day'), slice('day', 'a')]
    expect(decideReservation(rows([day], [own]), terms({ most: 50, least: 50 }), false)).toEqual({
      kind: 'granted',
      amount: 50,
    })
    expect([day.taken, own.taken, own.reserved]).toEqual([200, 200, 50])
    // More than a slice where one request needs more.
    decideReservation(rows([day], [own]), terms(), false)
    expect([day.taken, own.taken, own.reserved]).toEqual([1_050, 1_050, 1_050])
  })

  test('is as much as there is in the scarcest of its budgets, and the same in all', () => {
    const budgets = [row('day', { taken: 9_400 }), row('month', { taken: 49_800 })]
    const slices = [slice('day', 'a'), slice('month', 'a', { taken: 300, spent: 100 })]
    const decided = decideReservation(rows(budgets, slices), terms({ claims: [DAY, MONTH] }), true)
    expect(decided).toEqual({ kind: 'granted', amount: 400 })
    expect(slices.map(({ reserved }) => reserved)).toEqual([400, 400])
    expect(budgets.map(({ taken }) => taken)).toEqual([9_800, 50_000])
  })

  test('is looked for in what others have taken and not used, in a second try', () => {
    const [day, own] = [row('day', { taken: 10_000 }), slice('day', 'a')]
    const other = slice('day', 'b', { taken: 10_000, reserved: 500, spent: 9_000 })
    const first = decideReservation(rows([day], [own]), terms(), false)
    expect([first.kind, day.taken, own.reserved]).toEqual(['more', 10_000, 0])
    expect(decideReservation(rows([day], [own, other]), terms(), true)).toEqual({
      kind: 'granted',
      amount: 500,
    })
    expect([day.taken, own.taken, other.taken]).toEqual([10_000, 500, 9_500])
  })

  test('may come when requests are settled, or not before the end of the period', () => {
    const full = (other: Partial<SliceRow>) =>
      decideReservation(
        rows([row('day', { taken: 10_000 })], [slice('day', 'a'), slice('day', 'b', other)]),
        terms(),
        true,
      )
    expect(full({ taken: 10_000, reserved: 200, spent: 9_800 })).toEqual({ kind: 'busy' })
    expect(full({ taken: 10_000, reserved: 50, spent: 9_950 })).toEqual({
      kind: 'reached',
      claim: DAY,
      raised: 0,
    })
  })

  test('of several budgets that are reached the one that opens last is said', () => {
    const budgets = [row('day', { taken: 10_000 }), row('month', { taken: 50_000 })]
    const slices = [slice('day', 'a'), slice('month', 'a')]
    const decided = decideReservation(rows(budgets, slices), terms({ claims: [DAY, MONTH] }), true)
    expect(decided).toMatchObject({ kind: 'reached', claim: MONTH })
  })

  test('is larger on the day for which an operator has raised the budget', () => {
    const raised = (raised_on: string) =>
      decideReservation(
        rows([row('day', { taken: 10_000, raised: 5_000, raised_on })], [slice('day', 'a')]),
        terms(),
        true,
      ).kind
    expect(raised('2026-11-30')).toBe('granted')
    expect(raised('2026-11-29')).toBe('reached')
  })

  test('is what a request that cost more than was known has left', () => {
    const own = slice('day', 'a', { taken: 9_000, spent: 9_950 })
    const decided = decideReservation(rows([row('day', { taken: 9_000 })], [own]), terms({ least: 51 }), true)
    expect(decided.kind).toBe('reached')
  })
})

test('a process that ends returns what it has not spent; what nobody settles counts as spent', () => {
  const day = row('day', { taken: 3_000, spent: 200 })
  const slices = [
    slice('day', 'a', { taken: 1_000, reserved: 300, spent: 400 }),
    slice('day', 'b', { taken: 1_800, spent: 100 }),
  ]
  decideClose(new Map([['day', day]]), slices, [{ budget: 'day', owner: 'a', amount: 300 }])
  expect(day).toMatchObject({ taken: 1_000, spent: 1_000 })
})

test('whatever processes reserve, settle and end, no more is spent and reserved than the budget has', () => {
  const random = seededRandom('budget slices')
  const day = row('day')
  const slices = new Map(['a', 'b', 'c'].map((owner) => [owner, slice('day', owner)]))
  const open: Array<{ owner: string; amount: number }> = []
  const pick = <T>(from: readonly T[]) => from[Math.floor(random() * from.length)]!
  for (let step = 0; step < 5_000; step++) {
    const owner = pick(['a', 'b', 'c'])
    const own = slices.get(owner)!
    if (random() < 0.05) {
      decideClose(
        new Map([['day', day]]),
        [own],
        open.flatMap((one) => (one.owner === owner ? [{ ...one, budget: 'day' }] : [])),
      )
      slices.set(owner, slice('day', owner))
      open.splice(0, open.length, ...open.filter((one) => one.owner !== owner))
    } else if (random() < 0.5 && open.length > 0) {
      const [{ owner: of, amount }] = open.splice(Math.floor(random() * open.length), 1) as [(typeof open)[0]]
      const settled = slices.get(of)!
      settled.reserved -= amount
      settled.spent += Math.floor(random() * amount * 0.1)
    } else {
      const request = terms({ owner, most: 20 + Math.floor(random() * 500), least: 20 })
      const all = [...slices.values()]
      const decided = decideFromSlices(rows([], [own]), request)
        ? { kind: 'granted' as const, amount: request.most }
        : decideReservation(rows([day], all), request, true)
      if (decided.kind === 'granted') open.push({ owner, amount: decided.amount })
    }
    const used = [...slices.values()].reduce((sum, { reserved, spent }) => sum + reserved + spent, day.spent)
    const taken = [...slices.values()].reduce((sum, one) => sum + one.taken, day.spent)
    expect(used).toBeLessThanOrEqual(DAY.limit)
    expect(day.taken).toBe(taken)
    expect(day.taken).toBeLessThanOrEqual(DAY.limit)
  }
  expect(day.spent).toBeGreaterThan(DAY.limit * 0.9)
})
