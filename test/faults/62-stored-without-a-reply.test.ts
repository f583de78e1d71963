import { expect, test } from 'vitest'
import type { Inbox } from '../../src/inbox/inbox.ts'
import { SECOND } from '../../src/support/clock.ts'
import { StoreError } from '../../src/support/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryChannel, MessageFixture, UNMERGED } from '../support/message-fixture.ts'

/** What is asked of the store is done, and the first time the line breaks before it could say so. */
function unheard<Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) {
  let heard = false
  return async (...args: Args): Promise<Result> => {
    const result = await call(...args)
    if (heard) return result
    heard = true
    throw new StoreError('the connection was lost')
  }
}

test.each(['lease', 'finish'] as const)(
  'when the store does its %s and the reply is lost, each message is still answered once, in order',
  async (name) => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({
      messaging: UNMERGED,
      clock,
      wrapInbox: (inbox): Inbox => ({ ...inbox, [name]: unheard<never[], unknown>(inbox[name] as never) }),
    })
    await fixture.say('a', 'one', 'two')
    await fixture.pass(20 * SECOND, SECOND)
    expect(fixture.model.asked).toEqual(['one', 'two'])
    expect(fixture.sendChannel.texts('a')).toEqual(['answer to one', 'answer to two'])
  },
)

test('a draft whose id could not be stored becomes the answer all the same', async () => {
  const clock = new FakeClock()
  let down = true
  const whenUp = async <Result>(work: () => Promise<Result>) => {
    if (down) throw new StoreError('the disk is full')
    return work()
  }
  const sendChannel = new MemoryChannel('chat', SECOND)
  await using fixture = await MessageFixture.start({
    clock,
    sendChannels: [sendChannel],
    wrapInbox: (inbox) => ({
      ...inbox,
      saveDraft: (lease, draft) => whenUp(() => inbox.saveDraft(lease, draft)),
      finish: (lease, outcome, now) => whenUp(() => inbox.finish(lease, outcome, now)),
    }),
  })
  fixture.model.reply = async (_, { onText }) => {
    onText('as far as ')
    await clock.advance(2 * SECOND)
    return 'as far as it goes'
  }
  await fixture.say('a', 'how far?')
  await fixture.pass(5 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['as far as '])
  down = false
  await fixture.pass(20 * SECOND, SECOND)
  expect(sendChannel.texts('a')).toEqual(['as far as it goes'])
})
