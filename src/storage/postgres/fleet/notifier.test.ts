import { afterEach, beforeEach, expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import type { FleetNews } from '../../../inbox/fleet/fleet.ts'
import type { Database } from '../connection/database.ts'
import { Notifier } from './notifier.ts'

let clock: FakeClock
let sent: Array<{ readonly from: string; readonly news: readonly FleetNews[] }>
let listener: (payload: string) => void
let alone: boolean
let notifier: Notifier

beforeEach(() => {
  clock = new FakeClock()
  sent = []
  alone = false
  const database = {
    query: async (_sql: string, [, payload]: readonly unknown[]) => {
      sent.push(JSON.parse(payload as string) as (typeof sent)[number])
      return []
    },
    listen: (_channel: string, heard: typeof listener) => {
      listener = heard
      return { [Symbol.dispose]() {} }
    },
  } as unknown as Database
  notifier = new Notifier({ database, id: 'me', clock, isAlone: () => alone, onProblem: raise })
  notifier.start()
})
afterEach(() => notifier.stop())

function raise(error: unknown): never {
  throw error
}

/** Until what was said at one moment is sent. */
async function settled(): Promise<readonly FleetNews[]> {
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
  return sent.splice(0).flatMap(({ news }) => news)
}

test('nothing is sent while nobody is there, until another process is heard', async () => {
  alone = true
  notifier.notify({ kind: 'work' })
  notifier.notify({ kind: 'count', outcome: 'answered', messages: 1 })
  expect(await settled()).toEqual([])
  listener(JSON.stringify({ from: 'another', news: [] }))
  expect(await settled()).toEqual([{ kind: 'missed' }])
  notifier.notify({ kind: 'work' })
  expect(await settled()).toEqual([{ kind: 'work' }])
  // By then it is in the list of processes, or gone.
  await clock.advance(6_000)
  notifier.notify({ kind: 'work' })
  expect(await settled()).toEqual([])
})

test('who is heard after something was not sent reads all of it in the store', async () => {
  alone = true
  notifier.notify({ kind: 'changed', id: 'a' })
  listener(JSON.stringify({ from: 'another', news: [] }))
  expect(await settled()).toEqual([{ kind: 'missed' }])
  listener(JSON.stringify({ from: 'another', news: [] }))
  expect(await settled()).toEqual([])
})

test('after a connection that was lost, or not there yet, somebody may be there who was not heard', async () => {
  alone = true
  listener('')
  notifier.notify({ kind: 'work' })
  expect(await settled()).toEqual([{ kind: 'work' }])
})

test('who greets says nothing but who it is', async () => {
  await notifier.greet()
  expect(sent).toEqual([{ from: 'me', news: [] }])
})

test('what is said at one moment is one notification', async () => {
  for (const id of ['a', 'b', 'a']) {
    notifier.notify({ kind: 'changed', id })
    await Promise.resolve()
  }
  await new Promise(setImmediate)
  await new Promise(setImmediate)
  expect(sent.map(({ news }) => news)).toEqual([
    [
      { kind: 'changed', id: 'a' },
      { kind: 'changed', id: 'b' },
    ],
  ])
})

test('counts are sent at once, and then added up for a second', async () => {
  const count = (messages: number) => notifier.notify({ kind: 'count', outcome: 'answered', messages })
  const total = async () =>
    (await settled()).map((news) => (news.kind === 'count' ? news.messages : news.kind))
  count(1)
  expect(await total()).toEqual([1])
  count(2)
  count(3)
  notifier.notify({ kind: 'work' })
  expect(await total()).toEqual(['work'])
  await clock.advance(1_000)
  expect(await total()).toEqual([5])
  count(4)
  await notifier.stop()
  expect(await total()).toEqual([4])
  // The database is closed then.
  count(5)
  notifier.notify({ kind: 'work' })
  await clock.advance(2_000)
  expect(await total()).toEqual([])
})
