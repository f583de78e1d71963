import { expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { MemoryChannel, MessageFixture } from '../../../test/support/message-fixture.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import type { Inbox } from '../inbox.ts'
import type { Usage } from '../lease.ts'

const PARKED = 'Something went wrong with this message. The operator has been notified and can retry it.'

/** Values that no table of ours takes as the number of tokens. */
const IMPOSSIBLE: ReadonlyArray<readonly [string, unknown]> = [
  ['null', null],
  ['NaN', Number.NaN],
  ['a text', 'many'],
  ['half a token', 0.5],
  ['nothing', undefined],
]

/** What was paid for "odd" has a figure that cannot be stored, also where the message is parked for it. */
const withOddFigures =
  (value: unknown) =>
  (inbox: Inbox): Inbox => ({
    ...inbox,
    finish: (lease, outcome, now) => {
      const usage = { inputTokens: value, outputTokens: value, cacheReadTokens: 0, cacheWriteTokens: 0 }
      const isOdd = lease.messages.some(({ text }) => text === 'odd')
      const spent = (outcome.spent ?? []).map((one) => ({ ...one, usage: usage as Usage }))
      return inbox.finish(lease, isOdd ? { ...outcome, spent } : outcome, now)
    },
  })

test.each(IMPOSSIBLE)(
  'an answer that the store refuses for good (%s) is parked: nobody waits behind it, and it is paid once',
  async (_, value) => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({ clock, wrapInbox: withOddFigures(value) })
    await fixture.say('a', 'odd')
    await fixture.rest()
    await fixture.say('a', 'next')
    await fixture.say('b', 'another')
    await fixture.pass(MINUTE, SECOND)
    expect(fixture.messaging.store.ok).toBe(true)
    expect(fixture.sendChannel.texts('a')).toEqual([PARKED, 'answer to next'])
    expect(fixture.sendChannel.texts('b')).toEqual(['answer to another'])
    expect(fixture.model.asked.toSorted()).toEqual(['another', 'next', 'odd'])
    expect((await fixture.rows('a')).find(({ text }) => text === 'odd')).toMatchObject({ state: 'parked' })
    // The next process does not begin it again.
    await fixture.messaging.dispatcher.start()
    await fixture.pass(MINUTE, SECOND)
    expect(fixture.model.asked).toHaveLength(3)
  },
)

test('the id of a sent message that cannot be stored is not waited for, and nothing is sent twice', async () => {
  const clock = new FakeClock()
  class OddChannel extends MemoryChannel {
    override async send(...message: Parameters<MemoryChannel['send']>): Promise<string> {
      const id = await super.send(...message)
      return message[1].includes('odd') ? (undefined as unknown as string) : id
    }
  }
  await using fixture = await MessageFixture.start({ clock, sendChannels: [new OddChannel()] })
  await fixture.say('a', 'odd')
  await fixture.rest()
  await fixture.say('a', 'next')
  await fixture.pass(MINUTE, SECOND)
  expect(fixture.messaging.store.ok).toBe(true)
  expect(fixture.sendChannel.texts('a')).toEqual(['answer to odd', 'answer to next'])
})
