import { expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { rethrow } from '../../../../test/support/rethrow.ts'
import { until } from '../../../../test/support/until.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import { RowRefused, StoreError } from '../../../support/errors.ts'
import { Watermarks, type Piece } from './watermarks.ts'

const person = { id: 'anna', name: 'Anna' }
const chat = { id: 'room', kind: 'private', addressed: true } as const

function piece(id: number): Piece {
  const item: InboundEvent = {
    kind: 'message',
    address: 'room',
    platformMessageId: String(id),
    person,
    chat,
    text: `text ${id}`,
    attachments: [],
    unsupported: null,
  }
  return { id: String(id), items: [item] }
}

/** A platform with a history of one room, two pieces a page. */
class WatermarkFixture {
  readonly receiver = new RecordingReceiver()
  readonly history: Piece[] = []
  readonly troubles: unknown[] = []
  readonly signal = new AbortController().signal
  onParked: (place: string, id: string, error: unknown) => void = (_place, _id, error) => rethrow(error)
  /** Before a page is given. */
  beforePage: () => Promise<void> = async () => {}

  make(stored: string | null): Watermarks {
    return new Watermarks({
      channel: 'chat',
      receiver: this.receiver,
      clock: hurried(20),
      readCursors: async () =>
        stored === null
          ? []
          : [
              { name: 'room', value: stored },
              { name: 'other', value: 'x' },
            ],
      isPlace: (name) => name === 'room',
      compare: (a, b) => Number(a) - Number(b),
      fetch: async (_place, after) => {
        await this.beforePage()
        const missed = this.history.filter(({ id }) => Number(id) > Number(after))
        return { pieces: missed.slice(0, 2), more: missed.length > 2 }
      },
      before: (id) => String(Number(id) - 1),
      onParked: (...parked) => this.onParked(...parked),
      onTrouble: (_place, error) => this.troubles.push(error),
      random: () => 0,
    })
  }

  get ids(): readonly string[] {
    return this.receiver.messages.map((message) => message.platformMessageId)
  }
}

test('what was missed is read page by page from the stored mark on', async () => {
  const fixture = new WatermarkFixture()
  fixture.history.push(...[1, 2, 3, 4, 5, 6].map(piece))
  const marks = fixture.make('2')
  await marks.load()
  await marks.catchUp(fixture.signal)
  expect(fixture.ids).toEqual(['3', '4', '5', '6'])
  expect(marks.mark('room')).toBe('6')
})

test('what comes live before the history was read waits behind it', async () => {
  const fixture = new WatermarkFixture()
  const page = Promise.withResolvers<void>()
  fixture.beforePage = () => page.promise
  fixture.history.push(piece(3), piece(4), piece(5))
  const marks = fixture.make('2')
  await marks.load()
  const caughtUp = marks.catchUp(fixture.signal)
  const live = marks.live('room', piece(6), fixture.signal)
  expect(fixture.ids).toEqual([])
  page.resolve()
  await Promise.all([caughtUp, live])
  expect(fixture.ids).toEqual(['3', '4', '5', '6'])
  expect(marks.mark('room')).toBe('6')
})

test('a live message that the store refused is found in the history, before what came after it', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make(null)
  await marks.load()
  await marks.live('room', piece(1), fixture.signal)
  let refusals = 1
  fixture.receiver.before = () => {
    if (refusals-- > 0) throw new StoreError('full')
  }
  fixture.history.push(piece(1), piece(2), piece(3))
  // The third is on its way already when the second fails.
  const [second, third] = await Promise.allSettled([
    marks.live('room', piece(2), fixture.signal),
    marks.live('room', piece(3), fixture.signal),
  ])
  expect(second).toMatchObject({ status: 'rejected', reason: expect.any(StoreError) })
  expect(third.status).toBe('fulfilled')
  await until(() => fixture.receiver.distinct === 3, 'all three')
  expect(new Set(fixture.ids)).toEqual(new Set(['1', '2', '3']))
  expect(fixture.ids.indexOf('2')).toBeLessThan(fixture.ids.indexOf('3'))
  expect(marks.mark('room')).toBe('3')
})

test('after a broken connection the history is read again, and a late message does not move the mark back', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make('5')
  await marks.load()
  await marks.catchUp(fixture.signal)
  fixture.history.push(piece(6), piece(7))
  marks.lost()
  await marks.live('room', piece(8), fixture.signal)
  expect(fixture.ids).toEqual(['6', '7', '8'])
  await marks.live('room', piece(4), fixture.signal)
  expect(fixture.ids).toEqual(['6', '7', '8', '4'])
  expect(marks.mark('room')).toBe('8')
})

test('what is said after the connection was lost is not hidden by a history that somebody was reading then', async () => {
  const fixture = new WatermarkFixture()
  fixture.history.push(piece(3))
  const marks = fixture.make('2')
  await marks.load()
  fixture.receiver.before = () => {
    fixture.receiver.before = null
    // Nobody listens, and the page that holds the third was read before this.
    marks.lost()
    fixture.history.push(piece(4))
  }
  await marks.live('room', piece(3), fixture.signal)
  await marks.catchUp(fixture.signal)
  fixture.history.push(piece(5))
  await marks.live('room', piece(5), fixture.signal)
  expect(new Set(fixture.ids)).toEqual(new Set(['3', '4', '5']))
  expect(fixture.ids.indexOf('4')).toBeLessThan(fixture.ids.indexOf('5'))
})

test('what follows the first thing of an unknown place over a gap is found', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make(null)
  await marks.load()
  fixture.receiver.before = () => {
    fixture.receiver.before = null
    marks.lost()
    fixture.history.push(piece(1), piece(2))
  }
  await marks.live('room', piece(1), fixture.signal)
  await marks.catchUp(fixture.signal)
  expect(fixture.ids).toEqual(['1', '2'])
})

test('a place whose beginning could not be stored is read from there once it is', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make(null)
  await marks.load()
  fixture.history.push(piece(2))
  fixture.receiver.before = () => {
    fixture.receiver.before = null
    throw new StoreError('full')
  }
  await expect(marks.begin('room', '1')).rejects.toThrow(StoreError)
  await marks.catchUp(fixture.signal)
  await marks.begin('room', '1')
  await marks.live('room', piece(3), fixture.signal)
  expect(fixture.ids).toEqual(['2', '3'])
})

test('a history that cannot be read is tried again and told', async () => {
  const fixture = new WatermarkFixture()
  let failures = 2
  fixture.beforePage = async () => {
    if (failures-- > 0) throw new Error('503')
  }
  fixture.history.push(piece(2))
  const marks = fixture.make('1')
  await marks.load()
  await marks.catchUp(fixture.signal)
  expect(fixture.ids).toEqual(['2'])
  expect(fixture.troubles).toHaveLength(2)
})

test('a new place begins where it is told to, once', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make(null)
  await marks.load()
  await marks.begin('room', '10')
  await marks.begin('room', '20')
  expect(marks.mark('room')).toBe('10')
  expect(fixture.receiver.cursors.get('room')).toBe('10')
})

test('the first thing from an unknown place is kept in memory until the store accepts it', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make(null)
  await marks.load()
  let refusals = 2
  fixture.receiver.before = () => {
    if (refusals-- > 0) throw new StoreError('full')
  }
  await Promise.all([
    marks.live('room', piece(1), fixture.signal),
    marks.live('room', piece(2), fixture.signal),
  ])
  expect(fixture.ids).toEqual(['1', '2'])
  expect(fixture.troubles).toHaveLength(2)
  expect(fixture.receiver.cursors.get('room')).toBe('2')
})

test('what says nothing to the bot moves the mark without a write, and is written with what follows', async () => {
  const fixture = new WatermarkFixture()
  const marks = fixture.make('1')
  await marks.load()
  await marks.catchUp(fixture.signal)
  for (let id = 2; id <= 50; id++) await marks.live('room', { id: String(id), items: [] }, fixture.signal)
  expect(marks.mark('room')).toBe('50')
  expect(fixture.receiver.batches).toHaveLength(0)
  await marks.live('room', piece(51), fixture.signal)
  expect(fixture.receiver.cursors.get('room')).toBe('51')
  for (let id = 52; id <= 160; id++) await marks.live('room', { id: String(id), items: [] }, fixture.signal)
  expect(Number(fixture.receiver.cursors.get('room'))).toBeGreaterThan(51)
})

test('a place whose newest thing is stored already costs no request', async () => {
  const fixture = new WatermarkFixture()
  let pages = 0
  fixture.beforePage = async () => void pages++
  fixture.history.push(piece(3))
  const marks = fixture.make('2')
  await marks.load()
  marks.newest('room', '2')
  await marks.catchUp(fixture.signal)
  expect(pages).toBe(0)
  marks.newest('room', '3')
  await marks.catchUp(fixture.signal, (place) => place !== 'room')
  expect(pages).toBe(0)
  await marks.catchUp(fixture.signal, (place) => place === 'room')
  expect(fixture.ids).toEqual(['3'])
})

test('what was heard live and found in the history in the meantime is handed over once, a change of it all the same', async () => {
  const fixture = new WatermarkFixture()
  const page = Promise.withResolvers<void>()
  fixture.beforePage = () => page.promise
  fixture.history.push(piece(3), piece(4))
  const marks = fixture.make('2')
  await marks.load()
  const live = [
    marks.live('room', { ...piece(4), isNew: true }, fixture.signal),
    marks.live('room', piece(4), fixture.signal),
    marks.live('room', { ...piece(5), isNew: true }, fixture.signal),
  ]
  page.resolve()
  await Promise.all(live)
  expect(fixture.ids).toEqual(['3', '4', '4', '5'])
  // Later it is new to nobody, but it may be delivered again: the store tells.
  await marks.live('room', { ...piece(5), isNew: true }, fixture.signal)
  expect(fixture.ids).toEqual(['3', '4', '4', '5', '5'])
})

test('a message that can never be stored is parked, and what follows it in its place is stored', async () => {
  for (const error of [new RowRefused('no'), new TypeError('a bug')]) {
    const fixture = new WatermarkFixture()
    fixture.onParked = () => {}
    fixture.history.push(piece(3), piece(4))
    const marks = fixture.make('2')
    await marks.load()
    fixture.receiver.before = (items) => {
      if (items.some((item) => 'text' in item && item.text === 'text 3')) throw error
    }
    await marks.catchUp(fixture.signal)
    await marks.live('room', piece(5), fixture.signal)
    expect(fixture.ids).toEqual(['4', '5'])
    expect(await fixture.receiver.inputs.list()).toMatchObject([
      { channel: 'chat', place: 'room', input: '3', state: 'parked' },
    ])
    fixture.receiver.before = null
    const [parked] = await fixture.receiver.inputs.list()
    expect(await marks.reread(parked!, fixture.signal)).toEqual(piece(3).items)
    expect(await marks.reread({ ...parked!, input: '9' }, fixture.signal)).toBeNull()
  }
})

test('what cannot be handled is tried again first, and a store that is away is waited for', async () => {
  const fixture = new WatermarkFixture()
  const parked: string[] = []
  fixture.onParked = (_place, id) => void parked.push(id)
  const failures = [
    new TypeError('a bug'),
    new StoreError('full'),
    new StoreError('full'),
    new StoreError('full'),
  ]
  fixture.receiver.before = () => {
    const failure = failures.shift()
    if (failure) throw failure
  }
  fixture.history.push(piece(3))
  const marks = fixture.make('2')
  await marks.load()
  await marks.catchUp(fixture.signal)
  expect([fixture.ids, parked]).toEqual([['3'], []])
})
