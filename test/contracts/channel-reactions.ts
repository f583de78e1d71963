import { expect, test } from 'vitest'
import type { Channel } from '../../src/channels/channel.ts'
import type { ReactionChange, ReactionOutcome } from '../../src/inbox/delivery/send-channel.ts'
import type { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { until } from '../support/until.ts'
import type { ChannelCapabilities } from './capabilities.ts'

/** The platform's side of reactions, played by a simulator. */
export interface ReactionSide {
  /** What the bot reacts to a message with now. */
  of(platformMessageId: string): readonly string[]
  /** How many times it asked for a change. */
  attempts(): number
  /** The next one is told to wait. */
  limitRate(seconds: number): void
  /** The bot may not react in this chat, but write. */
  close(): void
}

interface Fixture {
  readonly platform: {
    readonly address: string
    say(text: string): Promise<string>
    sent(): ReadonlyArray<{ readonly text: string }>
    readonly reactions?: ReactionSide
    limitRate(seconds: number): void
    down(): void
  }
  create(receiver: RecordingReceiver): Channel
  logged(): string
}

/** Opens, runs, and always stops again. */
type Using = (
  play: (fixture: Fixture, receiver: RecordingReceiver, channel: Channel) => Promise<void>,
) => Promise<void>

const signal = new AbortController().signal

/** What every channel with reactions promises: they are shown, and are never in the way. */
export function reactionContract(using: Using, marks: NonNullable<ChannelCapabilities['reactions']>): void {
  const SHOW = { reaction: 'taken', shown: true } as const
  const REMOVE = { reaction: 'taken', shown: false } as const

  /** A message that has arrived, and changes of its reactions. */
  const arrived = async (fixture: Fixture, receiver: RecordingReceiver, channel: Channel) => {
    const { platform } = fixture
    await channel.start(receiver)
    const platformId = await platform.say('mark me')
    await until(() => receiver.texts.includes('mark me'), 'the message')
    const message = { address: platform.address, platformId }
    const set = (change: ReactionChange, by: Channel = channel): Promise<ReactionOutcome> =>
      by.reactions!.set(message, change, signal)
    return { set, shown: () => platform.reactions!.of(platformId), message }
  }

  const send = (channel: Channel, address: string, part: string) =>
    channel.send(address, part, { replyTo: null, key: part, signal })

  test('shows and removes reactions, and asking where there is nothing to change does no harm', () =>
    using(async (fixture, receiver, channel) => {
      const { set, shown } = await arrived(fixture, receiver, channel)
      expect(await set(SHOW)).toBe('done')
      expect(shown()).toEqual([marks.taken])
      expect(await set(SHOW)).toBe('done')
      expect(shown()).toEqual([marks.taken])
      expect(await set({ reaction: 'held', shown: true })).toBe('done')
      expect(shown()).toEqual(channel.reactions!.single ? [marks.held] : [marks.taken, marks.held])
      if (!channel.reactions!.single) await set(REMOVE)
      expect(shown()).toEqual([marks.held])
      expect(await set({ reaction: 'held', shown: false })).toBe('done')
      expect(shown()).toEqual([])
    }))

  test('removes what a former process has shown', () =>
    using(async (fixture, receiver, channel) => {
      const { set, shown } = await arrived(fixture, receiver, channel)
      await set(SHOW)
      expect(shown()).toEqual([marks.taken])
      await channel.stop()
      const restarted = fixture.create(receiver)
      await restarted.start(receiver)
      await until(() => restarted.status().account !== null, 'its name')
      for (let time = 0; time < 2; time++) {
        expect(await set(REMOVE, restarted)).toBe('done')
        expect(shown()).toEqual([])
      }
      await restarted.stop()
    }))

  test('a reaction that is told to wait holds up no message', () =>
    using(async (fixture, receiver, channel) => {
      const { set, shown } = await arrived(fixture, receiver, channel)
      fixture.platform.reactions!.limitRate(7)
      expect(await set(SHOW)).toEqual({ retryAfterMs: 7_000 })
      await send(channel, fixture.platform.address, 'an answer')
      expect(fixture.platform.sent().map(({ text }) => text)).toEqual(['an answer'])
      expect(shown()).toEqual([])
    }))

  test('a chat in which messages have to wait is asked for no reaction', () =>
    using(async (fixture, receiver, channel) => {
      const { set } = await arrived(fixture, receiver, channel)
      fixture.platform.limitRate(7)
      await expect(send(channel, fixture.platform.address, 'an answer')).rejects.toThrow(/./)
      expect(await set(SHOW)).toBe('no-room')
      expect(fixture.platform.reactions!.attempts()).toBe(0)
    }))

  test('says of a chat in which the bot may not react that it is closed, and writes there', () =>
    using(async (fixture, receiver, channel) => {
      const { set } = await arrived(fixture, receiver, channel)
      fixture.platform.reactions!.close()
      expect(await set(SHOW)).toBe('closed-chat')
      await send(channel, fixture.platform.address, 'an answer')
      expect(fixture.platform.sent()).toHaveLength(1)
    }))

  test('a reaction that fails is given up, and only mentioned', () =>
    using(async (fixture, receiver, channel) => {
      const { set, message } = await arrived(fixture, receiver, channel)
      const elsewhere = { ...message, platformId: 'no message of this platform' }
      expect(await channel.reactions!.set(elsewhere, SHOW, signal)).toBe('done')
      expect(await channel.reactions!.set({ ...message, address: 'nowhere' }, SHOW, signal)).toBe('done')
      await channel.stop()
      const before = fixture.logged().length
      fixture.platform.down()
      expect(await set(SHOW)).toBe('done')
      const lines = fixture.logged().slice(before).split('\n').filter(Boolean)
      expect(lines.map((line) => JSON.parse(line) as { level: string; msg: string })).toMatchObject([
        { level: 'debug', msg: expect.stringContaining('a reaction was not changed') },
      ])
    }))
}
