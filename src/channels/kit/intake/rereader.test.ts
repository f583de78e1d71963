import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { memoryInputs } from '../../../../test/support/memory-inputs.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import { parkedInput, type ParkedInput } from '../../../inbox/parked-inputs.ts'
import { MINUTE } from '../../../support/clock.ts'
import { RowRefused, StoreError, TransientError } from '../../../support/errors.ts'
import { createLog } from '../../../support/log.ts'
import { Rereader, type RereaderOptions } from './rereader.ts'

const INPUT = parkedInput({ channel: 'chat', place: 'room', input: '7', reason: 'a reason', at: 1 })
const SAID: InboundEvent = {
  kind: 'message',
  address: 'room',
  platformMessageId: '7',
  person: { id: 'anna', name: null },
  chat: { id: 'room', kind: 'private', addressed: true },
  text: 'said',
  attachments: [],
  unsupported: null,
}

/** Lives of a process, one after the other, on one store. */
function lives() {
  const inputs = memoryInputs()
  const clock = new FakeClock()
  const receiver = new RecordingReceiver()
  const states = async () => (await inputs.list()).map(({ state, reason }) => `${state}: ${reason}`)
  const begin = async (read: RereaderOptions['read'], more: Partial<RereaderOptions> = {}) => {
    const log = await createLog({ level: 'silent' })
    const rereader = new Rereader({ channel: 'chat', inputs, clock, log, read, inOrder: () => true, ...more })
    const stopping = new AbortController()
    const running = rereader.run(receiver, stopping.signal)
    return async () => {
      stopping.abort()
      await running
    }
  }
  return { inputs, clock, receiver, states, begin }
}

/** Reads until the process ends: never more than that. */
const ending = () => {
  const begun = Promise.withResolvers<void>()
  const read = (_input: ParkedInput, signal: AbortSignal) => {
    begun.resolve()
    return new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  return { begun: begun.promise, read }
}

test('a parked input is read only on request, once, and removed', async () => {
  const { inputs, receiver, begin, clock } = lives()
  await inputs.save(INPUT)
  await inputs.save(parkedInput({ ...INPUT, channel: 'other' }))
  const asked: string[] = []
  const stop = await begin(async ({ input }) => {
    asked.push(input)
    return [SAID]
  })
  await clock.advance(10 * MINUTE)
  expect(asked).toEqual([])
  await inputs.retry(INPUT.id)
  await until(() => receiver.texts.length > 0, 'the message')
  await expect.poll(async () => (await inputs.list()).map(({ channel }) => channel)).toEqual(['other'])
  expect(asked).toEqual(['7'])
  await stop()
})

test('a request of another process is found within half a minute', async () => {
  const { inputs, receiver, begin, clock } = lives()
  await inputs.save(INPUT)
  const stop = await begin(async () => [SAID])
  await clock.advance(0)
  await inputs.save({ ...INPUT, state: 'requested' })
  await clock.advance(MINUTE / 2)
  await until(() => receiver.texts.length > 0, 'the message')
  await stop()
  expect(receiver.texts).toEqual(['said'])
})

test('what the process ends on while it is read again is parked again, and reading is noted before it begins', async () => {
  const { inputs, states, begin } = lives()
  await inputs.save({ ...INPUT, state: 'requested' })
  const killed = ending()
  // A process that is killed stores nothing more.
  const end = await begin(killed.read, { inOrder: () => false })
  await killed.begun
  expect(await states()).toEqual(['reading: a reason'])
  await end()
  const asked: string[] = []
  const stop = await begin(async ({ input }) => (asked.push(input), []))
  await expect.poll(states).toEqual(['parked: the gateway ended again while reading this message'])
  await stop()
  expect(asked).toEqual([])
})

test('an end in order is not to blame: the next process reads it', async () => {
  const { inputs, states, receiver, begin } = lives()
  await inputs.save({ ...INPUT, state: 'requested' })
  const stopped = ending()
  const stop = await begin(stopped.read)
  await stopped.begun
  await stop()
  expect(await states()).toEqual(['requested: a reason'])
  const again = await begin(async () => [SAID])
  await until(() => receiver.texts.length > 0, 'the message')
  await again()
})

test.each([
  ['is gone', async () => null, 'parked: this message is not there any more'],
  ['the store refuses', () => Promise.reject(new RowRefused('no')), 'parked: the store refuses this message'],
  ['is not handled', () => Promise.reject(new TypeError('x')), 'parked: this message could not be handled'],
  ['waits for the store', () => Promise.reject(new StoreError('full')), 'requested: a reason'],
  ['waits for the platform', () => Promise.reject(new TransientError('away')), 'requested: a reason'],
])('what %s ends as it must', async (_what, read, state) => {
  const { inputs, states, begin } = lives()
  await inputs.save({ ...INPUT, state: 'requested' })
  let reads = 0
  const stop = await begin((...args: []) => (reads++, read(...args)))
  await until(() => reads > 0, 'the reading')
  await expect.poll(states).toEqual([state])
  expect(reads).toBe(1)
  await stop()
})

test('an input that the platform cannot give now is read when it can', async () => {
  const { inputs, receiver, begin, clock } = lives()
  await inputs.save({ ...INPUT, state: 'requested' })
  let tries = 0
  const stop = await begin(async () => {
    if (++tries < 3) throw new TransientError('away')
    return [SAID]
  })
  await clock.advance(2 * MINUTE)
  await until(() => receiver.texts.length > 0, 'the message')
  expect(tries).toBe(3)
  await stop()
})

test.each([
  ['is gone', async () => null],
  ['waits for the platform', () => Promise.reject(new TransientError('away'))],
])('an input that is dropped while it is read, and %s, stays dropped', async (_what, outcome) => {
  const { inputs, begin } = lives()
  await inputs.save({ ...INPUT, state: 'requested' })
  const dropped = Promise.withResolvers<void>()
  const stop = await begin(async () => {
    await inputs.remove(INPUT.id)
    dropped.resolve()
    return outcome()
  })
  await dropped.promise
  await stop()
  expect(await inputs.list()).toEqual([])
})

test('where the end of the reading cannot be stored, the input is read again, and not parked', async () => {
  const { inputs, receiver, begin, clock } = lives()
  await inputs.save({ ...INPUT, state: 'requested' })
  const { save } = inputs
  let saves = 0
  // It can be noted that it is read, and then the store is away.
  inputs.save = (input) => (++saves === 2 ? Promise.reject(new StoreError('away')) : save.call(inputs, input))
  let reads = 0
  const stop = await begin(async () => {
    if (++reads === 1) throw new StoreError('away')
    return [SAID]
  })
  await clock.advance(2 * MINUTE)
  await until(() => receiver.texts.length > 0, 'the message')
  expect([reads, await inputs.list()]).toEqual([2, []])
  await stop()
})

test('what is deleted while it is read, or while others are, is neither received nor kept', async () => {
  const { inputs, receiver, begin } = lives()
  const read = { ...INPUT, state: 'requested' } as const
  const next = { ...parkedInput({ ...INPUT, input: '8', at: 2 }), state: 'requested' } as const
  const fails = { ...parkedInput({ ...INPUT, input: '9', at: 3 }), state: 'requested' } as const
  const last = { ...parkedInput({ ...INPUT, input: '10', at: 4 }), state: 'requested' } as const
  for (const input of [read, next, fails, last]) await inputs.save(input)
  const asked: string[] = []
  const stop = await begin(async ({ id, input }) => {
    asked.push(input)
    if (input === '10') return [{ ...SAID, text: 'the last' }]
    await inputs.remove(id)
    if (input === '9') throw new TransientError('the platform is away')
    await inputs.remove(next.id)
    return [SAID]
  })
  await until(() => receiver.texts.length > 0, 'the last message')
  await expect.poll(() => inputs.list()).toEqual([])
  await stop()
  expect(asked).toEqual(['7', '9', '10'])
  expect(receiver.texts).toEqual(['the last'])
})
