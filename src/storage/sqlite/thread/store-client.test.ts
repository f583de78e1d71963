import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { RowRefused, StoreError } from '../../../support/errors.ts'
import { StoreClient } from './store-client.ts'

let folder: string
let client: StoreClient

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hermes-client-'))
  const dying = new URL('../../../../test/support/stores/dying-store-worker.ts', import.meta.url)
  const options = { path: join(folder, 'hermes.db'), pullChannels: [] }
  ;({ client } = await StoreClient.open(options, dying))
})
afterEach(async () => {
  await client.close()
  rmSync(folder, { recursive: true })
})

test('a thread that dies fails its calls in flight, and the next call starts a new one', async () => {
  await client.call('factSet', 'before', '1')
  const lost = await Promise.allSettled([
    client.call('factSet', 'die', '1'),
    client.call('factSet', 'same-batch', '1'),
  ])
  for (const one of lost) expect(one).toMatchObject({ status: 'rejected', reason: expect.any(StoreError) })
  expect(await client.call('factGet', 'before')).toBe('1')
  expect(await client.call('factGet', 'same-batch')).toBeNull()
})

test('what is called while the thread dies waits for the new one', async () => {
  const dying = client.call('factSet', 'die', '1')
  await new Promise(setImmediate)
  const waiting = client.call('factSet', 'after', '1')
  await expect(dying).rejects.toBeInstanceOf(StoreError)
  await waiting
  expect(await client.call('factGet', 'after')).toBe('1')
})

test('closing ends also when the thread is gone', async () => {
  await expect(client.call('factSet', 'die', '1')).rejects.toBeInstanceOf(StoreError)
  await client.close()
  await expect(client.call('factGet', 'before')).rejects.toThrow('the store is closed')
})

test('a call that cannot be sent to the thread, or bound to its statement, fails alone', async () => {
  const odd = await Promise.allSettled([
    client.call('factSet', 'one', '1'),
    client.call('factSet', 'function', (() => {}) as never),
    client.call('factSet', 'symbol', Symbol('x') as never),
    client.call('factSet', 'huge', (2n ** 64n) as never),
    client.call('factSet', 'missing', null as never),
    client.call('factSet', 'two', '2'),
  ])
  const refused = { status: 'rejected', reason: expect.any(RowRefused) }
  const stored = { status: 'fulfilled' }
  expect(odd[0]).toMatchObject(stored)
  expect(odd.slice(1, 5)).toMatchObject([refused, refused, refused, refused])
  expect(odd[5]).toMatchObject(stored)
  expect(await client.call('factGet', 'two')).toBe('2')
})
