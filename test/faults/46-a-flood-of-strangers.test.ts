import { expect, test } from 'vitest'
import type { Unread } from '../../src/conversation/receiver.ts'
import { SECOND } from '../../src/support/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryChannel, MessageFixture } from '../support/message-fixture.ts'

const CHANNELS = ['telegram', 'slack', 'discord', 'matrix']
const FLOOD = 10_000
/** As many as Telegram gives at once. */
const BATCH = 100
/** What is checked of a flood on one channel, and of one person: some minutes' worth at once. */
const LOOKS = 1_000
const LOOKS_OF_ONE = 40

const rules = {
  allowAll: false,
  allowedUsers: new Set(['7']),
  allowedGroups: new Set<string>(),
  allowedChats: new Set<string>(),
  requireMention: true,
  trusted: false,
}

interface Counts {
  looks: number
  questions: number
}

async function guarded(counts: Counts) {
  const channels = CHANNELS.map((name) => new MemoryChannel(name))
  const clock = new FakeClock()
  const fixture = await MessageFixture.start({
    clock,
    sendChannels: channels,
    messaging: {
      access: {
        operators: new Set<string>(),
        channels: new Map(CHANNELS.map((name) => [name, rules])),
      },
    },
    wrapStorage: (storage) => ({
      ...storage,
      pairings: new Proxy(storage.pairings, {
        get(target, name) {
          const member: unknown = Reflect.get(target, name)
          if (typeof member !== 'function') return member
          return (...args: unknown[]) => {
            if (name === 'isApproved' || name === 'approved') counts.questions++
            return Reflect.apply(member, target, args) as unknown
          }
        },
      }),
    }),
  })
  return { fixture, channels, clock }
}

/** A message whose words count how often they are read, and may never be mapped for a stranger. */
function written(id: number, person: string, kind: 'private' | 'group', counts: Counts): Unread {
  return {
    kind: 'unread',
    address: person,
    platformMessageId: String(id),
    person: { id: person, name: null },
    chat: { id: person, kind },
    isEdit: false,
    raw: () => {
      counts.looks++
      return 'a'.repeat(4_096)
    },
    read: () => {
      throw new Error('what a stranger has written was mapped')
    },
  }
}

/** Ada asks for access on Slack, and gets it. */
async function approveAda(
  { fixture, channels, clock }: Awaited<ReturnType<typeof guarded>>,
  counts: Counts,
): Promise<void> {
  await fixture.messaging.receiver.receive('slack', [written(1, 'ada', 'private', counts)], [])
  await fixture.rest()
  const code = /([A-HJ-NP-Z2-9]{8})$/.exec(channels[1]!.texts('ada')[0] ?? '')?.[1]
  expect(await fixture.storage.pairings.approve('slack', code!, clock.now())).not.toBeNull()
}

/** Ada says hello, and may be read. */
async function hearAda(fixture: MessageFixture, counts: Counts): Promise<void> {
  const chat = { id: 'ada', kind: 'private', addressed: true } as const
  const read = () => fixture.message('hello', { address: 'ada', person: { id: 'ada', name: null }, chat })
  await fixture.messaging.receiver.receive('slack', [{ ...written(2, 'ada', 'private', counts), read }], [])
  await fixture.rest()
}

test.each(CHANNELS)(
  'ten thousand strangers a second on %s leave the others answered',
  { timeout: 60_000 },
  async (name) => {
    const counts: Counts = { looks: 0, questions: 0 }
    const { fixture, channels } = await guarded(counts)
    await using open = fixture
    const { receiver } = open.messaging
    for (let at = 0; at < FLOOD; at += BATCH) {
      const kind = at % (2 * BATCH) === 0 ? 'private' : 'group'
      const items = Array.from({ length: BATCH }, (_, more) =>
        written(at + more, `stranger ${at + more}`, kind, counts),
      )
      await receiver.receive(name, items, [{ name: 'offset', value: String(at) }])
    }
    const chat = { id: '7', kind: 'private', addressed: true } as const
    const honest = open.message('hello', { address: '7', person: { id: '7', name: null }, chat })
    await receiver.receive(name, [honest], [])
    await open.rest()
    const channel = channels.find((one) => one.channel === name)!
    expect(channel.texts('7')).toEqual(['answer to hello'])
    // Of each minute's allowance, and three of them at once.
    expect(counts.looks).toBeLessThan(LOOKS)
    expect(counts.questions).toBeLessThan(LOOKS)
  },
)

test('what one stranger writes is checked now and then, and never mapped', async () => {
  const counts: Counts = { looks: 0, questions: 0 }
  const { fixture, channels } = await guarded(counts)
  await using open = fixture
  const items = Array.from({ length: FLOOD }, (_, id) => written(id, '99', 'private', counts))
  await open.messaging.receiver.receive('telegram', items, [])
  await open.rest()
  expect(counts.looks).toBeGreaterThan(0)
  expect(counts.looks).toBeLessThan(LOOKS_OF_ONE)
  expect(channels[0]!.texts('99')).toHaveLength(1)
})

test('who was approved is heard in the middle of a flood', async () => {
  const counts: Counts = { looks: 0, questions: 0 }
  const guard = await guarded(counts)
  const { channels, clock } = guard
  await using open = guard.fixture
  await approveAda(guard, counts)
  await clock.advance(SECOND)
  const flood = Array.from({ length: FLOOD / 10 }, (_, id) => written(id, `s${id}`, 'private', counts))
  await open.messaging.receiver.receive('slack', flood, [])
  await hearAda(open, counts)
  expect(channels[1]!.texts('ada').at(-1)).toBe('answer to hello')
})

test('the store is asked once whether somebody was approved', async () => {
  const counts: Counts = { looks: 0, questions: 0 }
  const guard = await guarded(counts)
  await using open = guard.fixture
  await approveAda(guard, counts)
  counts.questions = 0
  await hearAda(open, counts)
  expect(guard.channels[1]!.texts('ada')).toContain('answer to hello')
  expect(counts.questions).toBe(1)
})
