import { expect, test } from 'vitest'
import { InHand } from './in-hand.ts'

/** Lives of a process, one after the other, on one stored value. */
function lives() {
  let stored: string | null = null
  return () =>
    new InHand(stored, async (value) => {
      stored = value
    })
}

test('a mail on which two processes ended is passed over by the third', async () => {
  const life = lives()
  expect(await life().begin('7:1')).toBe(true)
  expect(await life().begin('7:1')).toBe(true)
  const third = life()
  expect(await third.begin('7:1')).toBe(false)
  expect(await third.begin('7:2')).toBe(true)
})

test('a mail that is tried again by the same process, or read after others, counts nothing', async () => {
  const life = lives()
  const first = life()
  for (let round = 0; round < 5; round++) expect(await first.begin('7:1')).toBe(true)
  for (let round = 0; round < 5; round++) {
    const next = life()
    expect(await next.begin('7:1')).toBe(true)
    expect(await next.begin('7:2')).toBe(true)
  }
})

test('a stop in order is nobody’s fault', async () => {
  const life = lives()
  for (let round = 0; round < 5; round++) {
    const next = life()
    expect(await next.begin('7:1')).toBe(true)
    await next.release()
  }
})

test('a mail that cannot be noted is read all the same', async () => {
  const inHand = new InHand('nonsense', () => Promise.reject(new Error('full')))
  expect(await inHand.begin('7:1')).toBe(true)
  await inHand.release()
})
