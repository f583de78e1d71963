import { expect, test } from 'vitest'
import { ReadingMark, type Reading } from './reading-mark.ts'

/** Lives of a process, one after the other, on one store. */
function lives() {
  const stored = new Map<string, string>()
  let writes = 0
  const open = (more: Partial<Parameters<typeof ReadingMark.open>[0]> = {}) =>
    ReadingMark.open({
      readCursor: async (name) => stored.get(name) ?? null,
      writeCursor: async (name, value) => {
        writes++
        stored.set(name, value)
      },
      inOrder: () => true,
      ...more,
    })
  /** A life that reads these, and ends on the last one. */
  const killedOn = async (...items: readonly string[]): Promise<Reading[]> => {
    const mark = await open()
    const readings: Reading[] = []
    for (const item of items) readings.push(await mark.begin(item))
    return readings
  }
  return { open, killedOn, stored, writes: () => writes }
}

test('what two processes ended on behind its mark is parked, and the others are read', async () => {
  const { killedOn, open } = lives()
  // The end in order before it leaves no mark.
  expect(await killedOn('1')).toEqual(['whole'])
  expect(await killedOn('1')).toEqual(['whole'])
  expect(await killedOn('1')).toEqual(['whole'])
  const fourth = await open()
  expect(await fourth.begin('1')).toBe('parked')
  expect(await fourth.begin('2')).toBe('whole')
})

test('what the process ends on even while it is parked is not read any more', async () => {
  const { killedOn } = lives()
  for (let life = 0; life < 3; life++) await killedOn('1')
  expect(await killedOn('1')).toEqual(['parked'])
  expect(await killedOn('1', '2')).toEqual(['unread', 'whole'])
})

test('it is found also where others are read again before it in every life', async () => {
  const { killedOn } = lives()
  for (let life = 0; life < 3; life++) await killedOn('1', '2', '3')
  expect(await killedOn('1', '2', '3', '4')).toEqual(['whole', 'whole', 'parked', 'whole'])
})

test('while the last end was in order, reading stores nothing', async () => {
  const { open, writes } = lives()
  const mark = await open()
  const before = writes()
  for (let item = 0; item < 100; item++) expect(await mark.begin(String(item))).toBe('whole')
  await mark.passed()
  expect(mark.careful).toBe(false)
  expect(writes()).toBe(before)
})

test('after another end everything is marked until all that had come was read', async () => {
  const { killedOn, open, writes } = lives()
  await killedOn('1')
  const mark = await open()
  expect(mark.careful).toBe(true)
  await mark.begin('1')
  await mark.begin('2')
  await mark.passed()
  const before = writes()
  await mark.begin('3')
  expect(writes()).toBe(before)
  // The next life begins carefully all the same: this one has not ended yet.
  expect((await open()).careful).toBe(true)
})

test('ends in order are nobody’s fault', async () => {
  const { killedOn, open } = lives()
  await killedOn('1')
  await killedOn('1')
  for (let life = 0; life < 5; life++) {
    const mark = await open()
    expect(mark.careful).toBe(life === 0)
    expect(await mark.begin('1')).toBe('whole')
    await mark.release()
  }
})

test('an error that nobody caught is no end in order', async () => {
  const { open } = lives()
  for (let life = 0; life < 3; life++) {
    const mark = await open({ inOrder: () => false })
    expect(await mark.begin('1')).toBe('whole')
    await mark.release()
  }
  expect(await (await open()).begin('1')).toBe('parked')
})

test('where the mark cannot be stored, it is read all the same', async () => {
  const full = { writeCursor: () => Promise.reject(new Error('full')) }
  const mark = await ReadingMark.open({ readCursor: async () => 'yes', ...full })
  expect(await mark.begin('1')).toBe('whole')
  await mark.passed()
  await mark.release()
})

test.each(['7:1 0', 'nonsense', '{}', '[]', '{"reading":7,"deaths":[[1]]}', ''])(
  'a mark %j of another kind says nothing',
  async (value) => {
    const mark = await ReadingMark.open({
      readCursor: async (name) => (name === 'running' ? 'yes' : value),
      writeCursor: async () => {},
    })
    expect(await mark.begin('7:1')).toBe('whole')
  },
)
