import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import { silent } from '../../../../test/support/message-fixture.ts'
import type { ReactionChange, ReactionOutcome, Reactions } from '../../../inbox/delivery/send-channel.ts'
import { MINUTE, SECOND } from '../../../support/clock.ts'
import { type ReactedMessage, ReactionQueue } from './reaction-queue.ts'

/** A platform that answers as the test wants, and the queue before it. */
function open(answer: (address: string, change: ReactionChange) => ReactionOutcome = () => 'done') {
  const clock = new FakeClock()
  const asked: string[] = []
  /** Requests are answered one by one while this is set. */
  const gate: { wait: Promise<void> | null } = { wait: null }
  const reactions: Reactions = {
    single: false,
    async set({ address, platformId }, change) {
      const outcome = answer(address, change)
      if (outcome !== 'no-room')
        asked.push(`${address}/${platformId}${change.shown ? '+' : '-'}${change.reaction}`)
      await gate.wait
      return outcome
    },
  }
  const queue = new ReactionQueue({ channel: 'chat', reactions, clock, log: silent })
  return { clock, asked, gate, queue }
}

const message = (platformId: string, address = 'a'): ReactedMessage => ({
  address,
  platformId,
  shown: new Set(),
  wanted: null,
  tries: 0,
})

/** Everything that does not wait for the clock has happened. */
const rest = () => new Promise((resolve) => setImmediate(resolve))

test('what is not wanted any more before it was asked for is never asked for, and removals go first', async () => {
  const { queue, asked, gate } = open()
  const busy = Promise.withResolvers<void>()
  gate.wait = busy.promise
  const [first, second, third] = [message('1'), message('2'), message('3')]
  queue.want(first, 'taken')
  queue.want(second, 'taken')
  queue.want(third, 'taken')
  queue.want(second, null)
  queue.want(first, null)
  gate.wait = null
  busy.resolve()
  await rest()
  expect(asked).toEqual(['a/1+taken', 'a/1-taken', 'a/3+taken'])
})

test('a platform that asks to wait is asked once more after that, and nothing in between', async () => {
  let isLimited = true
  const { queue, asked, clock } = open(() => (isLimited ? { retryAfterMs: 10 * SECOND } : 'done'))
  queue.want(message('1'), 'taken')
  await rest()
  isLimited = false
  queue.want(message('2'), 'taken')
  await clock.advance(9 * SECOND)
  expect(asked).toEqual(['a/1+taken'])
  await clock.advance(SECOND)
  expect(asked).toEqual(['a/1+taken', 'a/1+taken', 'a/2+taken'])
})

test('a reaction that is limited twice is given up', async () => {
  const { queue, asked, clock } = open(() => ({ retryAfterMs: SECOND }))
  queue.want(message('1'), 'taken')
  for (let second = 0; second < 60; second++) {
    await clock.advance(SECOND)
    await rest()
  }
  expect(asked).toEqual(['a/1+taken', 'a/1+taken'])
})

test('a chat without room is tried again later, while others are served', async () => {
  let hasRoom = false
  const { queue, asked, clock } = open((address) => (address === 'full' && !hasRoom ? 'no-room' : 'done'))
  queue.want(message('1', 'full'), 'taken')
  queue.want(message('2'), 'taken')
  await clock.advance(2 * SECOND)
  await rest()
  expect(asked).toEqual(['a/2+taken'])
  hasRoom = true
  await clock.advance(2 * SECOND)
  await rest()
  expect(asked).toEqual(['a/2+taken', 'full/1+taken'])
})

test('what cannot be removed yet keeps nothing else from being shown', async () => {
  const { queue, asked, clock } = open((address, { shown }) =>
    address === 'full' && !shown ? 'no-room' : 'done',
  )
  const full = message('1', 'full')
  queue.want(full, 'taken')
  await rest()
  queue.want(full, null)
  queue.want(message('2'), 'taken')
  await clock.advance(SECOND)
  expect(asked).toEqual(['full/1+taken', 'a/2+taken'])
})

test('a change that is wanted again is not asked for more often for that', async () => {
  const { queue, asked, clock } = open(() => ({ retryAfterMs: SECOND }))
  const one = message('1')
  for (let second = 0; second < 10; second++) {
    queue.want(one, 'taken')
    await clock.advance(SECOND)
  }
  expect(asked).toEqual(['a/1+taken', 'a/1+taken'])
})

test('a part of a platform that throws ends nothing', async () => {
  const { queue, asked } = open((address) => {
    if (address === 'broken') throw new Error('a bug')
    return 'done'
  })
  queue.want(message('1', 'broken'), 'taken')
  queue.want(message('2'), 'taken')
  await rest()
  expect(asked).toEqual(['a/2+taken'])
})

test('where the bot may not react it tries once', async () => {
  const { queue, asked } = open((address) => (address === 'closed' ? 'closed-chat' : 'done'))
  for (const id of ['1', '2', '3']) queue.want(message(id, 'closed'), 'taken')
  await rest()
  queue.want(message('4', 'closed'), 'held')
  queue.want(message('5'), 'held')
  await rest()
  expect(asked).toEqual(['closed/1+taken', 'a/5+held'])
})

test('a bot that may react nowhere tries once', async () => {
  const { queue, asked } = open(() => 'closed')
  for (const address of ['a', 'b', 'c']) queue.want(message('1', address), 'taken')
  await rest()
  queue.want(message('2', 'd'), 'taken')
  await rest()
  expect(asked).toEqual(['a/1+taken'])
})

test('a stop removes what is shown, and waits no longer than it may', async () => {
  const { queue, asked, gate, clock } = open()
  const shown = message('1')
  queue.want(shown, 'taken')
  await rest()
  const busy = Promise.withResolvers<void>()
  gate.wait = busy.promise
  queue.want(shown, null)
  queue.want(message('2'), 'taken')
  const stopping = queue.stop(MINUTE)
  gate.wait = null
  busy.resolve()
  await stopping
  expect(asked).toEqual(['a/1+taken', 'a/1-taken'])
  expect(clock.now()).toBeLessThan(new FakeClock().now() + MINUTE)

  const hanging = open()
  hanging.gate.wait = new Promise(() => {})
  hanging.queue.want(message('1'), 'taken')
  const stopped = hanging.queue.stop(SECOND)
  await hanging.clock.advance(SECOND)
  await stopped
})

test('of very many that wait to be shown the newest are', async () => {
  let hasRoom = false
  const { queue, asked, clock } = open(() => (hasRoom ? 'done' : 'no-room'))
  for (let index = 0; index < 2_000; index++) queue.want(message(String(index)), 'taken')
  hasRoom = true
  await clock.advance(2 * SECOND)
  for (let round = 0; round < 50; round++) await rest()
  expect(asked.length).toBeLessThanOrEqual(501)
  expect(asked).toContain('a/1999+taken')
})
