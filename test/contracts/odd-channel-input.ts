import { expect, test } from 'vitest'
import type { Channel } from '../../src/channels/channel.ts'
import { RowRefused } from '../../src/support/errors.ts'
import { NO_FRAMES, oddVersions } from '../support/platforms/odd-frames.ts'
import type { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { until } from '../support/until.ts'

/** What a platform may send that is not what it should send. */
export interface OddSide {
  /** A frame as it comes with a message. */
  frame(): unknown
  /** These come in the places of frames. Resolves when they are on their way. */
  deliver(frames: readonly unknown[]): Promise<void>
  /** What the adapter asks for next, to receive at all, is answered with status 200 and this body. */
  answer(body: string): void
}

/** Large, and not too large to be read. */
const LARGE = 10 * 1024 * 1024
/** Beyond what any adapter reads. */
const TOO_LARGE = 80 * 1024 * 1024

/** Bodies, made when they are needed: the last one is large. */
const ODD_ANSWERS: ReadonlyArray<readonly [string, () => string]> = [
  ['null', () => 'null'],
  ['a number', () => '7'],
  ['a text', () => '"x"'],
  ['an empty list', () => '[]'],
  ['an empty object', () => '{}'],
  ['a success without anything in it', () => '{"ok":true}'],
  ['a success of null', () => '{"ok":true,"result":null,"url":null}'],
  ['a list of no events', () => '{"ok":true,"result":[null,7,"x",[],{}],"url":7,"next_batch":7,"rooms":[]}'],
  ['a failure without a reason', () => '{"ok":false}'],
  ['no JSON', () => '{"ok":'],
  ['a page', () => '<html>Welcome</html>'],
  ['nothing', () => ''],
  ['larger than can be', () => `{"ok":true,"result":"${'x'.repeat(TOO_LARGE)}"}`],
]

interface Fixture {
  readonly platform: { say(text: string): Promise<string> }
  readonly odd?: OddSide
}

/** Opens, runs, and always stops again. */
type Using = (
  play: (fixture: Fixture, receiver: RecordingReceiver, channel: Channel) => Promise<void>,
) => Promise<void>

/** Whatever a platform sends, the channel lives, and at most that one item is passed over. */
export function oddInputContract(using: Using): void {
  test('passes over what is no event, at whatever level, and continues', () =>
    using(async ({ platform, odd }, receiver, channel) => {
      await channel.start(receiver)
      await platform.say('before')
      await until(() => receiver.texts.includes('before'), 'the message before')
      await odd!.deliver([...oddVersions(odd!.frame()), ...NO_FRAMES, 'x'.repeat(LARGE)])
      await platform.say('after')
      await until(() => receiver.texts.includes('after'), 'the message after them', 20_000)
      await until(() => channel.status().state === 'connected', 'the connection')
      expect(channel.status().problem).toBeNull()
      expect(receiver.mistyped).toEqual([])
    }))

  test('hands over what somebody without access has written before it is read', () =>
    using(async ({ platform }, receiver, channel) => {
      await channel.start(receiver)
      await platform.say('with access')
      await until(() => receiver.texts.includes('with access'), 'the message before')
      const { person } = receiver.messages[0]!
      receiver.strangers.add(person.id)
      await platform.say('without access')
      await until(() => receiver.unread.length > 0, 'the outline')
      expect(receiver.unread[0]).toMatchObject({ kind: 'unread', person: { id: person.id }, isEdit: false })
      expect(receiver.unread[0]!.raw()).toBe('without access')
      receiver.strangers.clear()
      await platform.say('with access again')
      await until(() => receiver.texts.includes('with access again'), 'the message after')
      expect(receiver.texts).not.toContain('without access')
    }))

  test.each([
    ['what the store refuses for good', new RowRefused('no'), 'the store refuses this message'],
    ['what cannot be handled', new TypeError('a bug'), 'this message could not be handled'],
  ])('parks %s, continues, and reads it again on request', (_what, error, reason) =>
    using(async ({ platform }, receiver, channel) => {
      receiver.before = (items) => {
        if (items.some((item) => 'text' in item && item.text === 'poison')) throw error
      }
      await channel.start(receiver)
      await platform.say('before')
      await until(() => receiver.texts.includes('before'), 'the message before')
      await platform.say('poison')
      await platform.say('after')
      await until(() => receiver.texts.includes('after'), 'the message after it', 20_000)
      expect(receiver.texts).not.toContain('poison')
      const [parked, ...others] = await receiver.inputs.list()
      expect(parked).toMatchObject({ channel: channel.channel, state: 'parked', reason })
      expect(others).toEqual([])
      // Nothing has changed: it is parked again, and nothing else is read.
      const told = receiver.items.length
      await receiver.inputs.retry(parked!.id)
      await expect.poll(async () => (await receiver.inputs.list())[0]!.state).toBe('parked')
      expect(receiver.items.slice(told)).toEqual([])
      receiver.before = null
      await receiver.inputs.retry(parked!.id)
      await until(() => receiver.texts.includes('poison'), 'what was parked')
      await expect.poll(() => receiver.inputs.list()).toEqual([])
      expect(receiver.texts.filter((text) => text === 'poison')).toHaveLength(1)
      expect(receiver.mistyped).toEqual([])
    }),
  )

  test.each(ODD_ANSWERS)('lives through an answer that is %s', (_what, body) =>
    using(async ({ platform, odd }, receiver, channel) => {
      await channel.start(receiver)
      await platform.say('before')
      await until(() => receiver.texts.includes('before'), 'the message before')
      odd!.answer(body())
      await platform.say('after')
      await until(() => receiver.texts.includes('after'), 'the message after it', 20_000)
      // The one before may have come with an answer that was already waited for.
      await platform.say('at last')
      await until(() => receiver.texts.includes('at last'), 'the last message', 20_000)
      await until(() => channel.status().state === 'connected', 'the connection')
      expect(channel.status().problem).toBeNull()
    }),
  )
}
