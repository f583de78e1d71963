import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import {
  MemoryChannel,
  MessageFixture,
  UNMERGED,
  type FakeModel,
} from '../../../test/support/message-fixture.ts'
import type { InboundEvent } from '../../conversation/receiver.ts'
import { SECOND } from '../../support/clock.ts'
import type { Inbox } from '../inbox.ts'

/** Long enough to be shown at once. */
const LONG = 'word '.repeat(60)
const COST = {
  model: 'claude-test',
  usage: { inputTokens: 70, outputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0 },
  modelMs: 5,
}

/** Its readers follow the event streams. */
class StreamedChannel extends MemoryChannel {
  override readonly push = false
}

/** The first request gets no answer until `finish`; all others are answered at once. */
function slowFirst(model: FakeModel, write = '') {
  const answered = Promise.withResolvers<string>()
  const aborted: unknown[] = []
  model.reply = (request, { signal, onText, onLost }) => {
    const words = request.messages.at(-1)!.text
    if (model.requests.length > 1) return `re ${words}`
    if (write !== '') onText(write)
    const ended = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        aborted.push(signal.reason)
        onLost?.(COST)
        reject(signal.reason)
      })
    })
    return Promise.race([answered.promise, ended])
  }
  return { aborted, finish: () => answered.resolve(' end') }
}

const pieceOf = (fixture: MessageFixture, text: string, of: string | null): InboundEvent =>
  fixture.message(text, { piece: { of } })

const deliver = (fixture: MessageFixture, ...items: InboundEvent[]) =>
  fixture.messaging.receiver.receive('chat', items, [])

describe('a second message before anything of the answer is out', () => {
  test('ends the request, whose cost is kept, and both get one answer', async () => {
    await using fixture = await MessageFixture.start()
    const { aborted } = slowFirst(fixture.model)
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.say('a', 'two')
    await fixture.rest()
    expect(fixture.model.asked).toEqual(['one', 'one\n\ntwo'])
    expect(aborted).toMatchObject([{ kind: 'joined' }])
    expect(fixture.sendChannel.texts('a')).toEqual(['re one\n\ntwo'])
    const rows = await fixture.rows('a')
    expect(rows.map(({ role, state }) => `${role} ${state}`)).toEqual([
      'user answered',
      'user answered',
      'assistant answered',
    ])
    expect(new Set(rows.slice(0, 2).map(({ answeredBy }) => answeredBy))).toEqual(new Set([rows[2]!.id]))
    const { total } = (await fixture.storage.conversations.usage('chat:a'))!
    expect(total.inputTokens).toBe(80)
  })

  test('and a third one begin it again each time', async () => {
    await using fixture = await MessageFixture.start()
    fixture.model.reply = (request, { signal }) =>
      fixture.model.requests.length === 3
        ? `re ${request.messages.at(-1)!.text}`
        : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    for (const text of ['one', 'two', 'three']) {
      await fixture.say('a', text)
      await fixture.rest()
    }
    expect(fixture.sendChannel.texts('a')).toEqual(['re one\n\ntwo\n\nthree'])
  })

  test('waits where merging is off', async () => {
    await using fixture = await MessageFixture.start({ messaging: UNMERGED })
    const { aborted, finish } = slowFirst(fixture.model)
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.say('a', 'two')
    finish()
    await fixture.rest()
    expect(aborted).toEqual([])
    expect(fixture.sendChannel.texts('a')).toEqual(['end', 're two'])
  })

  test.each<{ name: string; more: Partial<Extract<InboundEvent, { kind: 'message' }>> }>([
    { name: 'of another person', more: { person: { id: 'other', name: null } } },
    { name: 'that is a word of the sandbox', more: { text: '!revoke' } },
    { name: 'of a program', more: { alone: true } },
    { name: 'that came by a webhook', more: { vouched: true } },
    { name: 'that is a command', more: { text: '/status' } },
  ])('$name ends nothing', async ({ more }) => {
    await using fixture = await MessageFixture.start()
    const { aborted, finish } = slowFirst(fixture.model)
    await fixture.say('a', 'one')
    await fixture.rest()
    await deliver(fixture, fixture.message('two', more))
    await fixture.rest()
    expect(aborted).toEqual([])
    finish()
    await fixture.rest()
    expect(fixture.model.asked[0]).toBe('one')
    expect(fixture.sendChannel.texts('a')).toHaveLength(2)
  })

  test.each(['lease', 'begin'] as const)('joins it also while the %s is under way', async (how) => {
    const held = Promise.withResolvers<void>()
    let holds = true
    await using fixture = await MessageFixture.start({
      wrapInbox: (inbox) => {
        const hold = async <T>(result: Promise<T>): Promise<T> => {
          const found = await result
          if (holds) await held.promise
          holds = false
          return found
        }
        const wrapped: Inbox = { ...inbox, lease: (request) => hold(inbox.lease(request)) }
        const begin = how === 'begin' ? inbox.acceptAndBegin : undefined
        if (begin) wrapped.acceptAndBegin = (...given) => hold(begin(...given))
        else delete wrapped.acceptAndBegin
        return wrapped
      },
    })
    const first = fixture.say('a', 'one')
    await fixture.rest()
    const second = fixture.say('a', 'two')
    await fixture.rest()
    held.resolve()
    await Promise.all([first, second])
    await fixture.rest()
    expect(fixture.sendChannel.texts('a').join('|')).toBe('answer to one\n\ntwo')
  })

  test('is answered with it by the next process, where this one ends at once', async () => {
    const fixture = await MessageFixture.start()
    fixture.model.reply = () => new Promise(() => {})
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.say('a', 'two')
    await fixture.crash()
    await using next = await MessageFixture.start({ path: fixture.path, sendChannels: [fixture.sendChannel] })
    await next.rest()
    expect(next.model.asked).toEqual(['one\n\ntwo'])
    expect(fixture.sendChannel.texts('a')).toEqual(['answer to one\n\ntwo'])
  })
})

describe('once something of the answer is out', () => {
  test('what comes is answered together next, and the draft becomes the answer', async () => {
    const sendChannel = new MemoryChannel('chat', 20)
    await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
    const { aborted, finish } = slowFirst(fixture.model, LONG)
    await fixture.say('a', 'one')
    await fixture.rest()
    expect(sendChannel.texts('a')).toEqual([LONG])
    await fixture.say('a', 'two')
    await fixture.say('a', 'three')
    await fixture.rest()
    expect(aborted).toEqual([])
    finish()
    await fixture.rest()
    expect(fixture.model.asked).toEqual(['one', 'two\n\nthree'])
    expect(sendChannel.texts('a')).toEqual([expect.stringMatching(/end$/), 're two\n\nthree'])
  })

  test('that counts from the moment at which it is being sent', async () => {
    const sendChannel = new MemoryChannel('chat', 20)
    const sending = Promise.withResolvers<void>()
    let holds = true
    sendChannel.onSend = () => {
      return holds ? sending.promise : undefined
    }
    await using fixture = await MessageFixture.start({ sendChannels: [sendChannel] })
    const { aborted, finish } = slowFirst(fixture.model, LONG)
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.say('a', 'two')
    await fixture.rest()
    holds = false
    sending.resolve()
    finish()
    await fixture.rest()
    expect(aborted).toEqual([])
    expect(sendChannel.texts('a')).toEqual([expect.stringMatching(/end$/), 're two'])
  })

  test('that counts for the first words on a channel that is read in the streams', async () => {
    await using fixture = await MessageFixture.start({ sendChannels: [new StreamedChannel('web')] })
    const { aborted, finish } = slowFirst(fixture.model, 'word')
    await fixture.say('a', 'one')
    await fixture.rest()
    await fixture.say('a', 'two')
    finish()
    await fixture.rest()
    expect(aborted).toEqual([])
    expect(fixture.model.asked).toEqual(['one', 'two'])
  })
})

describe('pieces', () => {
  test('are answered once, a second after the last one', async () => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({ clock, messaging: { mergeWindow: SECOND } })
    await deliver(fixture, pieceOf(fixture, 'one', 'album'), pieceOf(fixture, 'two', 'album'))
    await fixture.pass(900, 100)
    await deliver(fixture, pieceOf(fixture, 'three', 'album'))
    await fixture.pass(900, 100)
    expect(fixture.model.asked).toEqual([])
    await fixture.pass(100)
    expect(fixture.model.asked).toEqual(['one\n\ntwo\n\nthree'])
  })

  test('are waited for three seconds at most, and hold up nothing else', async () => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({ clock, messaging: { mergeWindow: SECOND } })
    for (let number = 1; number <= 6; number++) {
      await deliver(fixture, pieceOf(fixture, `${number}`, null))
      if (number === 1) await fixture.say('b', 'hello')
      await fixture.rest()
      expect(fixture.model.asked).toEqual(['hello'])
      await fixture.pass(500, 100)
    }
    expect(fixture.model.asked).toEqual(['hello', '1\n\n2\n\n3\n\n4\n\n5\n\n6'])
  })

  test('are one text, the short end with them, over a crash', async () => {
    const clock = new FakeClock()
    const messaging = { mergeWindow: SECOND }
    const fixture = await MessageFixture.start({ clock, messaging })
    await deliver(fixture, pieceOf(fixture, 'first', null))
    await fixture.rest()
    await fixture.crash()
    const { path, sendChannel } = fixture
    await using next = await MessageFixture.start({ clock, messaging, path, sendChannels: [sendChannel] })
    await deliver(next, pieceOf(next, 'second', null))
    await next.pass(500)
    await deliver(next, next.message('third'))
    await next.pass(2 * SECOND, 100)
    expect(next.model.asked).toEqual(['first\n\nsecond\n\nthird'])
    expect(sendChannel.texts('a')).toHaveLength(1)
  })

  test('that are withdrawn while they are waited for are not answered', async () => {
    const clock = new FakeClock()
    await using fixture = await MessageFixture.start({ clock, messaging: { mergeWindow: SECOND } })
    await deliver(fixture, pieceOf(fixture, 'one', 'album'), fixture.message('/stop'))
    await fixture.pass(4 * SECOND, SECOND)
    expect(fixture.model.asked).toEqual([])
    expect(fixture.messaging.dispatcher.waiting).toBe(0)
    await fixture.say('a', 'two')
    await fixture.rest()
    expect(fixture.model.asked).toEqual(['two'])
  })
})
