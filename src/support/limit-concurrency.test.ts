import { expect, test } from 'vitest'
import { limitConcurrency } from './limit-concurrency.ts'

test('no more than so many run at once, all of them in order, whatever fails', async () => {
  const limited = limitConcurrency(2)
  const started: number[] = []
  let running = 0
  let most = 0
  const results = await Promise.allSettled(
    Array.from({ length: 7 }, (_, n) =>
      limited(async () => {
        started.push(n)
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        if (n % 2 === 0) throw new Error(`${n}`)
        return n
      }),
    ),
  )
  expect(most).toBe(2)
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(results.map(({ status }) => status)).toEqual(
    Array.from({ length: 7 }, (_, n) => (n % 2 === 0 ? 'rejected' : 'fulfilled')),
  )
  expect(await limited(async () => 'next')).toBe('next')
})
