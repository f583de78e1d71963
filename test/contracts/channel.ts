import { describe, expect, test } from 'vitest'
import type { Channel, ChannelStatus } from '../../src/channels/channel.ts'
import { Undeliverable } from '../../src/inbox/delivery/send-channel.ts'
import { StoreError, TransientError } from '../../src/support/errors.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { pause, until } from '../support/until.ts'
import type { ChannelCapabilities } from './capabilities.ts'
import { channelAboutContract, type Fact } from './channel-about.ts'
import { quoteContract } from './channel-quotes.ts'
import { reactionContract, type ReactionSide } from './channel-reactions.ts'
import { oddInputContract, type OddSide } from './odd-channel-input.ts'

/** The answer that has to be split is longer than two messages of this many characters. */
const USUAL_PART_LENGTH = 4_500

/** The platform's side, played by a simulator. */
interface PlatformSide {
  /** The conversation of this fixture. */
  readonly address: string
  /** A person writes. @returns the platform's id of the message */
  say(text: string): Promise<string>
  /** The platform delivers a message a second time. */
  redeliver(platformMessageId: string): Promise<void>
  /** Has everything that was said been acknowledged? */
  acknowledged(): boolean
  /** What the reader sees of the bot's messages, in order. */
  sent(): ReadonlyArray<{ readonly id: string; readonly text: string }>
  /** How many times something was asked to be sent or edited, successful or not. */
  attempts(): number
  /** The next send or edit is told to wait. */
  limitRate(seconds: number): void
  block(): void
  /** Left out where the platform has no reactions. */
  readonly reactions?: ReactionSide
  /** What a message of the bot quotes; null = nothing. Left out where it cannot. */
  quoted?(id: string): string | null
  down(): void
  up(): void
}

export interface ChannelFixture extends AsyncDisposable {
  readonly platform: PlatformSide
  /** Left out where nothing of a platform is parsed by us. */
  readonly odd?: OddSide
  /** A person sends a message of which the platform says this; for each of the harness's `facts`. */
  readonly says?: { readonly [fact in Fact]?: () => unknown }
  /** A channel as a new process would make it, knowing the cursors of `receiver`. */
  create(receiver: RecordingReceiver): Channel
  /** All that was logged so far. */
  logged(): string
  /** What must never be seen. */
  readonly secrets: readonly string[]
}

export interface ChannelHarness {
  /** Does the platform send frames or answers that could be odd? Then the fixture has that side. */
  readonly fed?: boolean
  /** What the platform may say of a message besides its words; left out: nothing. */
  readonly facts?: readonly Fact[]
  /** What it declares; a test that needs what it cannot is left out. */
  readonly capabilities: ChannelCapabilities
  open(): Promise<ChannelFixture>
}

/** What every channel promises, whatever its platform. */
export function channelContract(name: string, harness: ChannelHarness): void {
  const can = harness.capabilities
  const signal = new AbortController().signal

  /** Opens, runs, and always stops again. */
  async function using(
    play: (fixture: ChannelFixture, receiver: RecordingReceiver, channel: Channel) => Promise<void>,
  ): Promise<void> {
    await using fixture = await harness.open()
    const receiver = new RecordingReceiver()
    const channel = fixture.create(receiver)
    try {
      await play(fixture, receiver, channel)
    } finally {
      await channel.stop()
    }
  }

  /** A test only where the platform can do that; elsewhere there is none, rather than one that is skipped. */
  const provided = (able: boolean) => (able ? test : () => {})

  const send = (channel: Channel, address: string, part: string, key: string) =>
    channel.send(address, part, { replyTo: null, key, signal })

  describe(`the channel ${name}`, () => {
    test('hands over what a person writes, word for word and in order', () =>
      using(async ({ platform }, receiver, channel) => {
        await channel.start(receiver)
        const said = ['  first * _line_ `x`\n\nand & <another>  ', 'second', '😀 third']
        const ids: string[] = []
        for (const text of said) ids.push(await platform.say(text))
        await until(() => receiver.messages.length === said.length, 'the hand-over')
        expect(receiver.texts).toEqual(said)
        expect(receiver.messages.map((message) => message.platformMessageId)).toEqual(ids)
        expect(new Set(receiver.messages.map((message) => message.address))).toEqual(
          new Set([platform.address]),
        )
        expect(receiver.messages[0]!.chat).toMatchObject({ kind: 'private', addressed: true })
      }))

    channelAboutContract(harness.facts ?? [], using)

    provided(can.redelivers)('acknowledges only what has been committed', () =>
      using(async ({ platform }, receiver, channel) => {
        const commit = Promise.withResolvers<void>()
        let asked = false
        receiver.before = async (items) => {
          if (items.length === 0) return
          asked = true
          await commit.promise
        }
        await channel.start(receiver)
        await platform.say('hold on')
        await until(() => asked, 'the hand-over')
        // It is not acknowledged for as long as it is not stored.
        await pause(100)
        expect(platform.acknowledged()).toBe(false)
        commit.resolve()
        await until(() => platform.acknowledged(), 'the acknowledgement')
        expect(receiver.texts).toEqual(['hold on'])
      }),
    )

    provided(can.redelivers)('delivers again what the store rejected', () =>
      using(async ({ platform }, receiver, channel) => {
        let refusals = 0
        receiver.before = (items) => {
          if (items.length === 0 || refusals === 2) return
          refusals += 1
          throw new StoreError('the disk is full')
        }
        await channel.start(receiver)
        await platform.say('keep me')
        await until(() => refusals === 1, 'the first try')
        expect(platform.acknowledged()).toBe(false)
        await until(() => receiver.texts.length === 1, 'the third try', 10_000)
        expect(receiver.texts).toEqual(['keep me'])
        await until(() => platform.acknowledged(), 'the acknowledgement')
      }),
    )

    provided(can.redelivers)('gets after a crash what was not acknowledged before it', () =>
      using(async (fixture, receiver, channel) => {
        const { platform } = fixture
        let handed = 0
        const crashed = new RecordingReceiver()
        crashed.before = (items) => {
          handed += items.length
          throw new StoreError('killed before the commit')
        }
        await channel.start(crashed)
        await platform.say('before the crash')
        await until(() => handed > 0, 'the hand-over')
        await channel.stop()
        await platform.say('while it was away')
        const restarted = fixture.create(receiver)
        await restarted.start(receiver)
        await until(() => receiver.texts.length === 2, 'both messages')
        await restarted.stop()
        expect(receiver.texts).toEqual(['before the crash', 'while it was away'])
      }),
    )

    test('names a message that is delivered twice the same both times', () =>
      using(async ({ platform }, receiver, channel) => {
        await channel.start(receiver)
        const id = await platform.say('once')
        await until(() => receiver.messages.length === 1, 'the first delivery')
        await platform.redeliver(id)
        await platform.say('after it')
        await until(() => receiver.texts.includes('after it'), 'the message after it')
        expect(receiver.texts.filter((text) => text === 'once').length).toBeLessThanOrEqual(2)
        expect(receiver.distinct).toBe(2)
      }))

    test('hands over nothing and acknowledges nothing after it was stopped', () =>
      using(async ({ platform }, receiver, channel) => {
        await channel.start(receiver)
        await platform.say('in time')
        await until(() => receiver.texts.length === 1, 'the first message')
        await channel.stop()
        expect(channel.status().state).toBe('stopped')
        if (!can.redelivers) return
        await platform.say('too late')
        // Nobody listens any more.
        await pause(150)
        expect(receiver.texts).toEqual(['in time'])
        expect(platform.acknowledged()).toBe(false)
      }))

    test('starts once, however often it is asked, and again after a stop', () =>
      using(async ({ platform }, receiver, channel) => {
        await channel.start(receiver)
        await channel.start(receiver)
        await platform.say('before')
        await until(() => receiver.texts.includes('before'), 'the first message')
        await channel.stop()
        await channel.stop()
        expect(channel.status().state).toBe('stopped')
        await channel.start(receiver)
        await platform.say('after')
        await until(() => receiver.texts.includes('after'), 'the message after the second start', 10_000)
        expect(receiver.distinct).toBe(2)
        await until(() => channel.status().state === 'connected', 'the connection')
        expect(channel.status().problem).toBeNull()
      }))

    test('splits an answer purely and loses nothing of it', () =>
      using(async (_fixture, _receiver, channel) => {
        const answer = Array.from(
          { length: 900 },
          (_, index) => `Sentence number ${index} of a long answer.`,
        ).join(' ')
        const parts = channel.split(answer)
        expect(channel.split(answer)).toEqual(parts)
        expect(bare(parts.join(' '))).toBe(bare(answer))
      }))

    provided(can.pushes)('sends in the order in which it is asked, and answers with different ids', () =>
      using(async ({ platform }, _receiver, channel) => {
        const ids: string[] = []
        for (const text of ['one', 'two', 'three'])
          ids.push(await send(channel, platform.address, text, text))
        expect(platform.sent().map((message) => message.text)).toEqual(['one', 'two', 'three'])
        expect(platform.sent().map((message) => message.id)).toEqual(ids)
        expect(new Set(ids).size).toBe(3)
      }),
    )

    provided(can.pushes)('completes a long answer after a crash without repeating a part', () =>
      using(async (fixture, receiver, channel) => {
        const { platform } = fixture
        const paragraph = (index: number) => `Paragraph ${index} says a few words.`
        const length = Math.ceil(((can.partLength ?? USUAL_PART_LENGTH) * 3) / paragraph(0).length)
        const answer = Array.from({ length }, (_, index) => paragraph(index)).join('\n\n')
        const parts = channel.split(answer)
        expect(parts.length).toBeGreaterThan(2)
        const receipts = [await send(channel, platform.address, parts[0]!, 'k0')]
        const restarted = fixture.create(receiver)
        const again = restarted.split(answer)
        for (let part = receipts.length; part < again.length; part++)
          receipts.push(await send(restarted, platform.address, again[part]!, `k${part}`))
        expect(
          bare(
            platform
              .sent()
              .map((message) => message.text)
              .join(' '),
          ),
        ).toBe(bare(answer))
        expect(platform.sent().length).toBe(parts.length)
      }),
    )

    provided(can.pushes && can.edits)('completes a draft in place', () =>
      using(async ({ platform }, _receiver, channel) => {
        const id = await send(channel, platform.address, 'The answer', 'draft')
        await channel.edit(platform.address, id, 'The answer is', { final: false, signal })
        await channel.edit(platform.address, id, 'The answer is 42.', { final: true, signal })
        // What an edit before a crash did may be asked for again.
        await channel.edit(platform.address, id, 'The answer is 42.', { final: true, signal })
        expect(platform.sent()).toEqual([{ id, text: 'The answer is 42.' }])
        await expect(
          channel.edit(platform.address, '999999', 'lost', { final: true, signal }),
        ).rejects.toBeInstanceOf(Undeliverable)
      }),
    )

    provided(can.pushes && can.edits)('asks for no edit to what a message shows already', () =>
      using(async ({ platform }, _receiver, channel) => {
        const id = await send(channel, platform.address, 'One', 'draft')
        await channel.edit(platform.address, id, 'One, two', { final: false, signal })
        const before = platform.attempts()
        await channel.edit(platform.address, id, 'One, two', { final: false, signal })
        await channel.edit(platform.address, id, 'One, two', { final: true, signal })
        expect(platform.attempts()).toBe(before)
        expect(platform.sent()).toEqual([{ id, text: 'One, two' }])
      }),
    )

    provided(can.pushes && can.edits)(
      'stops waiting for a draft at once, and then shows the finished text',
      () =>
        using(async ({ platform }, _receiver, channel) => {
          const id = await send(channel, platform.address, 'One', 'draft')
          const stopped = new AbortController()
          const draft = channel.edit(platform.address, id, 'One, two', {
            final: false,
            signal: stopped.signal,
          })
          stopped.abort(new Error('the answer is finished'))
          await expect(draft).rejects.toThrow('the answer is finished')
          await channel.edit(platform.address, id, 'One, two, three', { final: true, signal })
          expect(platform.sent()).toEqual([{ id, text: 'One, two, three' }])
        }),
    )

    provided(can.pushes && can.blocks)('says of a chat that shut it out that it is undeliverable', () =>
      using(async ({ platform }, _receiver, channel) => {
        platform.block()
        await expect(send(channel, platform.address, 'hello?', 'k')).rejects.toBeInstanceOf(Undeliverable)
      }),
    )

    provided(can.pushes && can.limitsRate)('waits as long as the platform asks, then sends', () =>
      using(async ({ platform }, _receiver, channel) => {
        platform.limitRate(7)
        const limited = await send(channel, platform.address, 'wait', 'k').catch((error) => error)
        expect(limited).toBeInstanceOf(TransientError)
        expect(limited).toMatchObject({ reason: 'rate-limited', retryAfterMs: 7_000 })
        const before = platform.attempts()
        const early = await send(channel, platform.address, 'wait', 'k').catch((error) => error)
        expect(early).toBeInstanceOf(TransientError)
        expect(early.retryAfterMs).toBeGreaterThan(5_000)
        expect(platform.attempts()).toBe(before)
      }),
    )

    provided(can.remote)('starts while the platform is down, says so, and recovers alone', () =>
      using(async ({ platform }, receiver, channel) => {
        platform.down()
        await channel.start(receiver)
        const down: ChannelStatus = await until(
          () => (channel.status().state === 'retrying' ? channel.status() : null),
          'the trouble in the status',
        )
        expect(down.problem).toMatch(/\w/)
        await platform.say('are you there?')
        platform.up()
        await until(() => receiver.texts.length === 1, 'the recovery', 15_000)
        await until(() => channel.status().state === 'connected', 'the status after it')
        expect(channel.status().problem).toBeNull()
      }),
    )

    provided(can.remote && can.pushes)('says of a platform that is down that it will be tried again', () =>
      using(async ({ platform }, _receiver, channel) => {
        platform.down()
        await expect(send(channel, platform.address, 'x', 'k')).rejects.toBeInstanceOf(TransientError)
        platform.up()
        await send(channel, platform.address, 'x', 'k')
        expect(platform.sent().map((message) => message.text)).toEqual(['x'])
      }),
    )

    if (harness.fed) oddInputContract(using)
    if (can.reactions) reactionContract(using, can.reactions)
    if (can.quotes === 'where it helps') quoteContract(using)

    provided(can.remote)('shows its secrets in no log, status or error', () =>
      using(async (fixture, receiver, channel) => {
        const { platform } = fixture
        const seen: string[] = []
        platform.down()
        await channel.start(receiver)
        await until(() => channel.status().state === 'retrying', 'the trouble in the status')
        seen.push(JSON.stringify(channel.status()))
        if (can.pushes) {
          const error = await send(channel, platform.address, 'x', 'k').catch((thrown: unknown) => thrown)
          seen.push(everythingOf(error))
        }
        seen.push(fixture.logged())
        for (const secret of fixture.secrets) expect(seen.join('\n')).not.toContain(secret)
      }),
    )
  })
}

/** Text without white space, which splitting may change. */
function bare(text: string): string {
  return text.replace(/\s+/g, '')
}

function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = JSON.stringify(
    Object.fromEntries(Object.getOwnPropertyNames(error).map((key) => [key, Reflect.get(error, key)])),
  )
  return `${error.stack} ${own} ${everythingOf(error.cause)}`
}
