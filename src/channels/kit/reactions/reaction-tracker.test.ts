import { expect, test } from 'vitest'
import { FakeClock } from '../../../../test/support/fake-clock.ts'
import {
  MemoryChannel,
  MessageFixture,
  type MessageFixtureOptions,
  silent,
  UNMERGED,
} from '../../../../test/support/message-fixture.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import type { Reaction, ReactionOutcome, Reactions } from '../../../inbox/delivery/send-channel.ts'
import type { Inbox } from '../../../inbox/inbox.ts'
import type { OutboxItem } from '../../../inbox/outbox.ts'
import { HOUR, SECOND } from '../../../support/clock.ts'
import { StoreError } from '../../../support/errors.ts'
import { ReactionTracker } from './reaction-tracker.ts'

/** A platform in memory that keeps what its messages show. */
class ReactingChannel extends MemoryChannel {
  readonly requests: string[] = []
  readonly marks = new Map<string, Set<Reaction>>()
  outcome: ReactionOutcome = 'done'
  readonly reactions: Reactions = {
    single: false,
    set: async ({ platformId }, { reaction, shown }) => {
      if (this.outcome !== 'no-room') this.requests.push(`${shown ? '+' : '-'}${reaction} ${platformId}`)
      if (this.outcome !== 'done') return this.outcome
      const marks = this.marks.get(platformId) ?? new Set()
      if (shown) marks.add(reaction)
      else marks.delete(reaction)
      if (marks.size > 0) this.marks.set(platformId, marks)
      else this.marks.delete(platformId)
      return 'done'
    },
  }
}

interface OpenOptions extends MessageFixtureOptions {
  readonly channel?: ReactingChannel
  readonly clock?: FakeClock
  /** Runs before messages are answered. */
  readonly before?: (fixture: MessageFixture) => void
}

/** In groups everything is answered, so that what was not meant for the bot is stored, too. */
const EVERYTHING = {
  allowAll: true,
  allowedUsers: new Set<string>(),
  allowedGroups: new Set<string>(),
  allowedChats: new Set<string>(),
  requireMention: false,
  trusted: false,
}

/** One life of a gateway's messages with the tracker, as the gateway puts them together. */
async function open({
  channel = new ReactingChannel(),
  clock = new FakeClock(),
  before,
  ...options
}: OpenOptions = {}) {
  let looks = 0
  const store = { fails: false }
  const tracked: { tracker: ReactionTracker | null } = { tracker: null }
  const fixture = await MessageFixture.open({
    clock,
    sendChannels: [channel],
    ...options,
    messaging: {
      ...UNMERGED,
      ...options.messaging,
      onDelivered: (item: OutboxItem) => tracked.tracker!.delivered(item),
      access: { operators: new Set(), channels: new Map([['chat', EVERYTHING]]) },
    },
  })
  const { inbox, conversations } = fixture.storage
  const watched: Pick<Inbox, 'message' | 'queue'> = {
    message: (id) => {
      looks++
      return store.fails ? Promise.reject(new StoreError('away')) : inbox.message(id)
    },
    queue: (filter) => inbox.queue(filter),
  }
  const tracker = (tracked.tracker = new ReactionTracker({
    sendChannels: [channel],
    inbox: watched,
    conversations,
    clock,
    log: silent,
  }))
  fixture.messaging.events.onAnyChange = (id) => tracker.changed(id)
  await tracker.resumeAll()
  before?.(fixture)
  await fixture.messaging.start()
  const receiver = tracker.observe(fixture.messaging.receiver)
  return {
    fixture,
    channel,
    tracker,
    clock,
    looks: () => looks,
    store,
    /** A person writes. */
    async say(text: string, more: Partial<Extract<InboundEvent, { kind: 'message' }>> = {}) {
      await receiver.receive('chat', [fixture.message(text, more)], [])
      await fixture.rest()
    },
    [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
  }
}

/** The model answers only when the test lets it. */
function slow(fixture: MessageFixture): PromiseWithResolvers<string> {
  const answer = Promise.withResolvers<string>()
  fixture.model.reply = (_request, { signal }) => {
    signal.addEventListener('abort', () => answer.reject(signal.reason as Error))
    return answer.promise
  }
  return answer
}

const marksOf = (channel: ReactingChannel) =>
  Object.fromEntries([...channel.marks].map(([id, marks]) => [id, [...marks].join()]))

test('a quick answer costs no request and no look into the store', async () => {
  await using life = await open()
  await life.say('one', { platformMessageId: 'm1' })
  await life.fixture.pass(10 * SECOND, SECOND)
  expect(life.channel.texts('a')).toEqual(['answer to one'])
  expect(life.channel.requests).toEqual([])
  expect(life.looks()).toBe(0)
})

test('a message whose answer takes longer shows that it was taken, and loses the mark with its answer', async () => {
  await using life = await open()
  const answer = slow(life.fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await life.fixture.pass(900, 100)
  expect(life.channel.requests).toEqual([])
  await life.fixture.pass(200, 100)
  expect(marksOf(life.channel)).toEqual({ m1: 'taken' })
  answer.resolve('at last')
  await life.fixture.pass(100)
  expect(life.channel.texts('a')).toEqual(['at last'])
  expect(life.channel.requests).toEqual(['+taken m1', '-taken m1'])
  expect(life.looks()).toBe(1)
})

test('messages behind it are marked as well; in a group only what was meant for the bot', async () => {
  await using life = await open()
  const answer = slow(life.fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await life.say('two', { platformMessageId: 'm2' })
  const group = { address: 'g', chat: { id: 'g', kind: 'group', addressed: false } as const }
  await life.say('talk', { platformMessageId: 'm3', ...group })
  await life.fixture.pass(2 * SECOND, SECOND)
  expect(marksOf(life.channel)).toEqual({ m1: 'taken', m2: 'taken' })
  life.fixture.model.reply = () => 'to the second'
  answer.resolve('to the first')
  await life.fixture.pass(3 * SECOND, SECOND)
  expect(marksOf(life.channel)).toEqual({})
  expect(life.channel.requests.filter((request) => request.includes('m3'))).toEqual([])
})

test('what another person wrote between the pieces of a message keeps its mark until it is answered', async () => {
  await using life = await open({ messaging: { mergeWindow: SECOND } })
  const { fixture, channel } = life
  const toAda = slow(fixture)
  const group = { address: 'g', chat: { id: 'g', kind: 'group', addressed: true } as const }
  const album = { ...group, person: { id: 'ada', name: 'Ada' }, piece: { of: 'album' } }
  await life.say('one', { ...album, platformMessageId: 'm1' })
  await life.say('between', { ...group, person: { id: 'ben', name: 'Ben' }, platformMessageId: 'm2' })
  await life.say('two', { ...album, platformMessageId: 'm3' })
  await fixture.pass(4 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({ m1: 'taken', m2: 'taken', m3: 'taken' })
  const toBen = slow(fixture)
  toAda.resolve('to the album')
  await fixture.pass(4 * SECOND, SECOND)
  expect(channel.texts('g')).toEqual(['to the album'])
  expect(marksOf(channel)).toEqual({ m2: 'taken' })
  toBen.resolve('to the one between')
  await fixture.pass(4 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({})
})

test('a held message shows that, also one that was being answered, until its answer is there', async () => {
  await using life = await open()
  const { fixture, channel, clock } = life
  const answer = slow(fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await fixture.pass(2 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({ m1: 'taken' })
  fixture.model.reply = () => 'late'
  fixture.gate.usageLimited(clock.now() + HOUR)
  await life.say('two', { platformMessageId: 'm2', address: 'b', chat: privately('b') })
  answer.resolve('in time')
  await fixture.pass(2 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({ m2: 'held' })
  await fixture.pass(HOUR + 10 * SECOND, 10 * SECOND)
  expect(channel.texts('b').at(-1)).toContain('late')
  expect(marksOf(channel)).toEqual({})
})

test('a message behind an answer is held in an outage, while that answer is still made', async () => {
  await using life = await open()
  slow(life.fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await life.say('two', { platformMessageId: 'm2' })
  await life.fixture.pass(2 * SECOND, SECOND)
  life.fixture.gate.usageLimited(life.clock.now() + HOUR)
  await life.fixture.pass(12 * SECOND, SECOND)
  expect(marksOf(life.channel)).toEqual({ m1: 'taken', m2: 'held' })
})

test('a store that fails is asked again later, and what is written in the meantime does not wait for that', async () => {
  await using life = await open()
  slow(life.fixture)
  life.store.fails = true
  await life.say('one', { platformMessageId: 'm1' })
  await life.fixture.pass(2 * SECOND, SECOND)
  expect(marksOf(life.channel)).toEqual({})
  life.store.fails = false
  await life.say('two', { platformMessageId: 'm2' })
  await life.fixture.pass(2 * SECOND, SECOND)
  expect(marksOf(life.channel)).toEqual({ m1: 'taken', m2: 'taken' })
})

test('what is stopped, withdrawn or refused keeps no mark', async () => {
  await using life = await open()
  const { fixture, channel, clock } = life
  slow(fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await fixture.pass(2 * SECOND, SECOND)
  await life.say('/stop')
  await fixture.pass(3 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({})
  fixture.gate.usageLimited(clock.now() + HOUR)
  await life.say('two', { platformMessageId: 'm2' })
  await life.say('three', { platformMessageId: 'm3' })
  await fixture.rest()
  expect(marksOf(channel)).toEqual({ m2: 'held', m3: 'held' })
  await life.say('/new')
  await fixture.pass(3 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({})
})

test('after a crash a held message loses its mark with its answer, and one that is withdrawn as well', async () => {
  const channel = new ReactingChannel()
  const clock = new FakeClock()
  const first = await open({ channel, clock })
  first.fixture.gate.usageLimited(clock.now() + HOUR)
  await first.say('one', { platformMessageId: 'm1' })
  await first.say('two', { platformMessageId: 'm2' })
  await first.say('three', { platformMessageId: 'm3', address: 'b', chat: privately('b') })
  expect(marksOf(channel)).toEqual({ m1: 'held', m2: 'held', m3: 'held' })
  await first.fixture.crash()

  const second = await open({
    channel,
    clock,
    path: first.fixture.path,
    before: ({ gate }) => gate.usageLimited(clock.now() + HOUR),
  })
  await second.say('/new', { address: 'b', chat: privately('b') })
  await second.fixture.pass(3 * SECOND, SECOND)
  expect(marksOf(channel)).toEqual({ m1: 'held', m2: 'held' })
  // Nothing was asked for that is shown already.
  expect(channel.requests.filter((request) => request === '+held m1')).toHaveLength(1)
  await second.fixture.pass(HOUR + 10 * SECOND, 10 * SECOND)
  expect(channel.texts('a').join()).toContain('answer to')
  expect(marksOf(channel)).toEqual({})
  await second[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
})

test('an answer that was made while nobody spoke for the channel clears every message that it answers', async () => {
  const channel = new ReactingChannel()
  const clock = new FakeClock()
  await using life = await open({ channel, clock })
  const { fixture, tracker } = life
  fixture.gate.usageLimited(clock.now() + HOUR)
  await life.say('one', { platformMessageId: 'm1' })
  await life.say('two', { platformMessageId: 'm2' })
  expect(marksOf(channel)).toEqual({ m1: 'held', m2: 'held' })
  // Everything is answered, and nothing is sent yet.
  let refuse = true
  channel.onSend = () => {
    if (refuse) throw new Error('away')
  }
  await fixture.pass(HOUR + 10 * SECOND, 10 * SECOND)
  // Another process has it now: of what is answered it follows nothing.
  await tracker.resume('chat')
  refuse = false
  channel.marks.set('m1', new Set(['held'])).set('m2', new Set(['held']))
  await fixture.pass(HOUR, 60 * SECOND)
  expect(channel.texts('a').join()).toContain('answer to')
  expect(marksOf(channel)).toEqual({})
})

test('reactions that hang, fail or are not allowed hold up no answer', async () => {
  const outcomes: ReactionOutcome[] = ['no-room', 'closed', 'closed-chat', { retryAfterMs: HOUR }]
  for (const outcome of outcomes) {
    const channel = new ReactingChannel()
    channel.outcome = outcome
    await using life = await open({ channel })
    const answer = slow(life.fixture)
    await life.say('one', { platformMessageId: 'm1' })
    await life.fixture.pass(2 * SECOND, SECOND)
    answer.resolve('here')
    await life.fixture.rest()
    expect(channel.texts('a')).toEqual(['here'])
    expect(channel.requests.length).toBeLessThanOrEqual(1)
  }
  const channel = new ReactingChannel()
  Object.assign(channel.reactions, { set: () => new Promise(() => {}) })
  await using life = await open({ channel })
  const answer = slow(life.fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await life.fixture.pass(2 * SECOND, SECOND)
  answer.resolve('here')
  await life.fixture.rest()
  expect(channel.texts('a')).toEqual(['here'])
})

test('a stop removes the marks of what was answered, and leaves those of what still waits', async () => {
  await using life = await open()
  const answer = slow(life.fixture)
  await life.say('one', { platformMessageId: 'm1' })
  await life.say('two', { platformMessageId: 'm2', address: 'b', chat: privately('b') })
  await life.fixture.pass(2 * SECOND, SECOND)
  expect(marksOf(life.channel)).toEqual({ m1: 'taken', m2: 'taken' })
  life.channel.outcome = 'no-room'
  const seen = life.fixture.model.requests.length
  answer.resolve('both')
  await life.fixture.rest()
  expect(seen).toBe(2)
  life.channel.outcome = 'done'
  const stopping = life.tracker.stop(5 * SECOND)
  await life.fixture.pass(2 * SECOND, SECOND)
  await stopping
  expect(marksOf(life.channel)).toEqual({})
})

function privately(id: string) {
  return { id, kind: 'private', addressed: true } as const
}
