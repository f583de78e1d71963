import { expect, test } from 'vitest'
import { StoreError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import { BatchStorage, STORE_TRIES } from './batch-storage.ts'

const POISON = 'poison'

/** Stores batches of words, of which one breaks whatever is to be stored with it. */
async function storage() {
  const lines: string[] = []
  const stored: string[] = []
  const log = await createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } })
  const batches = new BatchStorage<string>({ channel: 'test', log, describe: (word) => ({ word }) })
  const put = async (...words: readonly string[]) => {
    if (words.includes(POISON)) throw new TypeError('a bug')
    stored.push(...words)
  }
  const store = (items: readonly string[]) =>
    batches.store({
      items,
      store: () => put(...items, 'position'),
      storeOne: put,
      skip: (word) => put(`without ${word}`),
      finish: () => put('position'),
    })
  return { batches, lines, stored, put, store }
}

test('a batch is stored as a whole', async () => {
  const { store, stored } = await storage()
  await store(['one', 'two'])
  expect(stored).toEqual(['one', 'two', 'position'])
})

test('an item that breaks its batch is passed over after some tries, and the next batch is whole again', async () => {
  const { store, stored, lines } = await storage()
  for (let tries = 0; tries < STORE_TRIES; tries++) {
    await expect(store(['one', POISON, 'two'])).rejects.toThrow('a bug')
  }
  expect(stored).toEqual([])
  await store(['one', POISON, 'two'])
  expect(stored).toEqual(['one', `without ${POISON}`, 'two', 'position'])
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(POISON)
  await expect(store([POISON])).rejects.toThrow('a bug')
})

test('nothing is ever passed over because the store is away', async () => {
  const { batches, stored } = await storage()
  const away = () => Promise.reject(new StoreError('away'))
  const batch = { items: ['one'], store: away, storeOne: away }
  for (let tries = 0; tries < 2 * STORE_TRIES; tries++) {
    await expect(batches.store(batch)).rejects.toBeInstanceOf(StoreError)
  }
  const broken = () => Promise.reject(new TypeError('a bug'))
  for (let tries = 0; tries < STORE_TRIES; tries++) {
    await expect(batches.store({ items: ['one'], store: broken, storeOne: broken })).rejects.toThrow('a bug')
  }
  await expect(batches.store(batch)).rejects.toBeInstanceOf(StoreError)
  expect(stored).toEqual([])
})
