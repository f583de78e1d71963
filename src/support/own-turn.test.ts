import { expect, test } from 'vitest'
import { ownTurn } from './own-turn.ts'

/** Blocks the event loop, as parsing megabytes does. */
function work(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('heavy work that is due at the same time leaves a turn to everything else after each piece', async () => {
  let others = 0
  let isOver = false
  const tick = () => {
    others++
    if (!isOver) setTimeout(tick, 0)
  }
  setTimeout(tick, 0)
  const seen: number[] = []
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      await ownTurn()
      seen.push(others)
      work(5)
    }),
  )
  isOver = true
  expect(new Set(seen).size).toBe(8)
})
