import { expect, test } from 'vitest'
import type { Channel } from '../../src/channels/channel.ts'
import type { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { until } from '../support/until.ts'

interface Fixture {
  readonly platform: {
    readonly address: string
    say(text: string): Promise<string>
    sent(): ReadonlyArray<{ readonly id: string }>
    quoted?(id: string): string | null
  }
  create(receiver: RecordingReceiver): Channel
}

/** Opens, runs, and always stops again. */
type Using = (
  play: (fixture: Fixture, receiver: RecordingReceiver, channel: Channel) => Promise<void>,
) => Promise<void>

const signal = new AbortController().signal

/** What an answer quotes on a chat platform: the question, unless it is plain in a private chat what is answered. */
export function quoteContract(using: Using): void {
  /** A question has arrived; what an answer to it quotes. */
  const asked = async (fixture: Fixture, receiver: RecordingReceiver, text: string) => {
    const { platform } = fixture
    const question = await platform.say(text)
    await until(() => receiver.texts.includes(text), text)
    const answer = async (channel: Channel, part: string) => {
      await channel.send(platform.address, part, { replyTo: question, key: part, signal })
      return platform.quoted!(platform.sent().at(-1)!.id)
    }
    return { question, answer }
  }

  test('in a private chat an answer quotes its question only where something came in between', () =>
    using(async (fixture, receiver, channel) => {
      await channel.start(receiver)
      const first = await asked(fixture, receiver, 'first')
      expect(await first.answer(channel, 'to the first')).toBeNull()
      // The bot's own answer is in between now.
      expect(await first.answer(channel, 'more to it')).toBe(first.question)
      const second = await asked(fixture, receiver, 'second')
      const third = await asked(fixture, receiver, 'third')
      expect(await second.answer(channel, 'to the second')).toBe(second.question)
      expect(await third.answer(channel, 'to the third')).toBe(third.question)
    }))

  test('an answer quotes a question that was held, and one of before a restart', () =>
    using(async (fixture, receiver, channel) => {
      receiver.state = 'held'
      await channel.start(receiver)
      const held = await asked(fixture, receiver, 'held')
      expect(await held.answer(channel, 'to what was held')).toBe(held.question)
      receiver.state = 'received'
      const early = await asked(fixture, receiver, 'before the restart')
      await channel.stop()
      const restarted = fixture.create(receiver)
      await restarted.start(receiver)
      expect(await early.answer(restarted, 'after it')).toBe(early.question)
      await restarted.stop()
    }))
}
