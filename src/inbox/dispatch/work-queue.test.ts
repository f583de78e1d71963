import { expect, test } from 'vitest'
import { DrainRate, WorkQueue } from './work-queue.ts'

const at = (conversationId: string, moment = 0) => ({ conversationId, at: moment })

test('conversations take turns, however much one of them has', () => {
  const queue = new WorkQueue()
  for (let count = 0; count < 3; count++) queue.arrived('a')
  queue.arrived('b')
  const order: string[] = []
  for (let next = queue.next(0); next; next = queue.next(0)) {
    order.push(next.id)
    queue.done(next.id, 1, null)
  }
  expect(order).toEqual(['a', 'b', 'a', 'a'])
})

test('a conversation is not given out twice at a time', () => {
  const queue = new WorkQueue()
  queue.arrived('a')
  expect(queue.next(0)?.id).toBe('a')
  queue.arrived('a')
  queue.wake('a')
  expect(queue.next(0)).toBeNull()
  queue.done('a', 1, null)
  expect(queue.next(0)?.id).toBe('a')
})

test('the store is not asked again for what was counted', () => {
  const queue = new WorkQueue()
  queue.arrived('a')
  queue.next(0)
  queue.done('a', 1, null)
  expect(queue.next(0)).toBeNull()
})

test('what the store loaded is asked for until the store says that there is nothing', () => {
  const queue = new WorkQueue()
  queue.load([at('a')], 0)
  queue.next(0)
  queue.done('a', 1, null)
  const again = queue.next(0)!
  expect(again.id).toBe('a')
  queue.empty('a', again.arrivals)
  expect(queue.next(0)).toBeNull()
})

test('an arrival during the question makes "nothing there" worth asking again', () => {
  const queue = new WorkQueue()
  queue.load([at('a')], 0)
  const { id, arrivals } = queue.next(0)!
  queue.arrived(id)
  queue.empty(id, arrivals)
  expect(queue.next(0)?.id).toBe('a')
})

test('a pause holds back what arrives after it, and ends at its moment', () => {
  const queue = new WorkQueue()
  queue.arrived('a')
  queue.next(0)
  queue.done('a', 0, 1_000)
  queue.arrived('a')
  expect(queue.next(999)).toBeNull()
  expect(queue.nextAt()).toBe(1_000)
  expect(queue.next(1_000)?.id).toBe('a')
})

test('waking ends a pause at once', () => {
  const queue = new WorkQueue()
  queue.load([at('a', 5_000)], 0)
  queue.wake('a')
  expect(queue.next(0)?.id).toBe('a')
})

test('what the store says comes in its order, before what arrived while it was read', () => {
  const queue = new WorkQueue()
  queue.arrived('new')
  queue.arrived('old')
  queue.load([at('old'), at('later', 9)], 0)
  expect([queue.next(0)?.id, queue.next(0)?.id, queue.next(0)]).toEqual(['old', 'new', null])
})

/** Turns that begin in each second when everybody is eager. */
function eager(rate: DrainRate, seconds: number): number[] {
  const counts: number[] = []
  for (let second = 0; second < seconds; second++) {
    let count = 0
    for (let ms = 0; ms < 1_000; ms += 5)
      while (count < 5_000 && rate.acquire(second * 1_000 + ms) === 0) count++
    counts.push(count)
  }
  return counts
}

test('begins with a trickle that doubles each second, and then limits nothing', () => {
  const rate = new DrainRate(() => 20)
  rate.start(0)
  const [first, second, third] = eager(rate, 3) as [number, number, number]
  expect(first).toBeGreaterThanOrEqual(19)
  expect(first).toBeLessThanOrEqual(21)
  expect(second / first).toBeCloseTo(2, 0)
  expect(third / second).toBeCloseTo(2, 0)
  expect(rate.acquire(6_000)).toBe(0)
  expect(rate.limiting).toBe(false)
})

test('limits nothing unless it was started, and nothing after the end', () => {
  const rate = new DrainRate(() => 1)
  expect([rate.acquire(0), rate.acquire(0), rate.acquire(0)]).toEqual([0, 0, 0])
  rate.start(0)
  expect([rate.acquire(0), rate.acquire(0)]).toEqual([0, 1_000])
  rate.end()
  expect(rate.acquire(0)).toBe(0)
})
