import { expect, test } from 'vitest'
import { until } from '../../../../test/support/until.ts'
import type { ConversationId } from '../../../inbox/message.ts'
import { systemClock } from '../../../support/clock.ts'
import { FleetWork } from './fleet-work.ts'

const ID = 'telegram:7'
const none = async () => {}

/** One conversation that is being answered when the outage begins; nothing is stored before `ended` resolves. */
async function answering() {
  const ended = Promise.withResolvers<void>()
  const woken: ConversationId[] = []
  const jobs = [{ id: 'job', retryCount: 0, conversationId: ID }]
  const work = new FleetWork({
    id: 'me',
    queue: { fetch: async () => jobs.splice(0), touch: none, remove: none },
    wakeUps: {
      finishTurns: () => ended.promise.then(() => 0),
      wake: async (ids) => (woken.push(...ids), []),
      wakeAll: async () => 0,
      giveBack: none,
    },
    clock: systemClock,
    answers: true,
    notify() {},
    onProblem() {},
  })
  await work.start(
    () => {},
    () => ({ historyLimit: 0, merge: false }),
  )
  await until(() => work.next(Date.now(), 1)?.id === ID, 'the conversation')
  return { work, ended, woken }
}

test.each([
  { name: 'before that is stored', reopens: true, expected: [ID] },
  { name: 'later', reopens: false, expected: [] },
])('a turn ends in an outage, which ends $name', async ({ reopens, expected }) => {
  const { work, ended, woken } = await answering()
  work.pause()
  work.done(ID, 0, null)
  // The end is being stored: nothing is to be answered, as far as it knows.
  await Promise.resolve()
  if (reopens) await work.reload()
  ended.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  expect(woken).toEqual(expected)
  await work.stop()
})

test('what a turn left held is woken when the outage has ended before the end of the turn is known', async () => {
  const { work, woken, ended } = await answering()
  ended.resolve()
  work.settled([{ conversationId: ID, job: null, more: false, isHeld: true }])
  expect(woken).toEqual([ID])
  work.pause()
  work.settled([{ conversationId: ID, job: null, more: false, isHeld: true }])
  expect(woken).toEqual([ID])
  await work.stop()
})
