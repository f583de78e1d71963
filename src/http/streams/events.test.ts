import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { pause } from '../../../test/support/until.ts'
import { startTestGateway, TEST_TOKEN, type TestGateway } from '../../../test/support/web/http-gateway.ts'
import { openSse, type ReceivedEvent } from '../../../test/support/web/sse-client.ts'
import { SECOND } from '../../support/clock.ts'

const headers = { authorization: `Bearer ${TEST_TOKEN}` }
const watch = (gateway: TestGateway, extra: Record<string, string> = {}, query = '') =>
  openSse(`${gateway.url}/api/conversations/a/events${query}`, { ...headers, ...extra })

const texts = (events: readonly ReceivedEvent[], kind = 'message') =>
  events.filter((event) => event.event === kind).map((event) => event.data['text'])

/** A reader's copy of the current answer, assembled as the page does it. */
function draft(events: readonly ReceivedEvent[]): string {
  let text = ''
  for (const { event, data } of events)
    if (event === 'delta') text = text.slice(0, data['offset'] as number) + (data['text'] as string)
  return text
}

describe('a conversation’s events', () => {
  test('tell what was said before, then what happens, each with its revision as id', async () => {
    await using gateway = await startTestGateway()
    const { chat } = gateway
    chat.add('web:a', { role: 'user', text: 'before' })
    using stream = await watch(gateway)
    await stream.until((events) => events.length === 1)
    const { id } = chat.add('web:a', { role: 'user', text: 'now', state: 'received' })
    await stream.until((events) => events.length === 2)
    chat.change('web:a', id, { state: 'held' })
    await stream.until((events) => events.length === 3)
    chat.add('web:a', { role: 'notice', text: 'saved' })
    chat.change('web:a', id, { state: 'answered' })
    chat.add('web:a', { text: 'answer' })
    await stream.until((events) => texts(events).includes('answer'))
    expect(stream.events.map(({ event, id, data }) => [event, id, data['text'], data['state']])).toEqual([
      ['message', '1', 'before', 'answered'],
      ['message', '2', 'now', 'received'],
      ['state', '3', 'now', 'held'],
      ['notice', '4', 'saved', 'answered'],
      ['state', '5', 'now', 'answered'],
      ['message', '6', 'answer', 'answered'],
    ])
  })

  test('an edit of a message that waits is told with its new text', async () => {
    await using gateway = await startTestGateway()
    const { id } = gateway.chat.add('web:a', { role: 'user', text: 'teh', state: 'held' })
    using stream = await watch(gateway)
    await stream.until((events) => events.length === 1)
    gateway.chat.change('web:a', id, { text: 'the' })
    await stream.until((events) => events.length === 2)
    expect(stream.events[1]).toMatchObject({ event: 'message', data: { id, text: 'the' } })
  })

  test('a reader that comes back gets what it missed, nothing else and nothing twice', async () => {
    await using gateway = await startTestGateway()
    const seen: ReceivedEvent[] = []
    let last = '0'
    for (let round = 0; round < 12; round++) {
      using stream = await watch(gateway, last === '0' ? {} : { 'last-event-id': last })
      for (let n = 0; n < 7; n++) {
        gateway.chat.add('web:a', { text: `${round}.${n}` })
        if (n === round % 5) await pause(round % 3)
      }
      // Cut off in the middle, wherever that happens to be.
      await stream.until((events) => events.length > 0)
      seen.push(...stream.events)
      last = stream.events.at(-1)!.id!
    }
    using end = await watch(gateway, { 'last-event-id': last })
    await end.until((events) => seen.length + events.length >= 84)
    seen.push(...end.events)
    const expected = Array.from({ length: 84 }, (_, n) => `${Math.floor(n / 7)}.${n % 7}`)
    expect(texts(seen)).toEqual(expected)
  })

  test('may be asked for from a revision on; the last id of a returning reader wins; a foreign id says nothing', async () => {
    await using gateway = await startTestGateway()
    for (const text of ['1', '2', '3']) gateway.chat.add('web:a', { text })
    const first = async (extra: Record<string, string>, query: string) => {
      using stream = await watch(gateway, extra, query)
      return texts(await stream.until((events) => texts(events).includes('3')))
    }
    expect(await first({}, '?after=1')).toEqual(['2', '3'])
    expect(await first({ 'last-event-id': '2' }, '?after=1')).toEqual(['3'])
    expect(await first({ 'last-event-id': 'abc' }, '')).toEqual(['1', '2', '3'])
  })

  test('the current answer arrives in pieces, complete for late readers, from the start when it restarts, and ends', async () => {
    await using gateway = await startTestGateway()
    const { events } = gateway.chat
    using early = await watch(gateway)
    await early.until(() => early.raw.length > 0)
    events.begin('web:a', 'turn-1')
    for (const word of ['one ', 'two ', 'three ']) {
      events.delta('web:a', word)
      // Longer than pieces are gathered.
      await pause(40)
    }
    using late = await watch(gateway)
    await late.until((seen) => draft(seen) === 'one two three ')
    expect(draft(early.events)).toBe('one two three ')
    expect(early.events.length).toBeGreaterThan(2)
    events.begin('web:a', 'turn-1')
    events.delta('web:a', 'a longer text than the one before it')
    await early.until((seen) => draft(seen) === 'a longer text than the one before it')
    await late.until((seen) => draft(seen) === 'a longer text than the one before it')
    events.end('web:a')
    gateway.chat.add('web:a', { text: 'a longer text than the one before it' })
    await early.until((seen) => seen.at(-1)?.data['done'] === true)
    // The answer itself stands before the end of its draft.
    expect(early.events.at(-2)).toMatchObject({ event: 'message' })
    expect(early.events.filter((event) => event.event === 'delta').every((event) => event.id === null)).toBe(
      true,
    )
  })

  test('a draft stays until the stored answer takes its place', async () => {
    await using gateway = await startTestGateway()
    using stream = await openSse(`${gateway.url}/api/events?watch=a@0`, headers)
    await stream.until((events) => events.some((event) => event.data['done'] === true))
    gateway.chat.events.begin('web:a', 't')
    gateway.chat.events.delta('web:a', 'text')
    await stream.until((events) => draft(events) === 'text')
    const before = stream.events.length
    gateway.chat.events.delta('web:a', ' and more')
    gateway.chat.events.end('web:a')
    // The answer is being stored: longer than pieces are gathered.
    await pause(100)
    expect(stream.events.slice(before).some((event) => event.data['done'] === true)).toBe(false)
    gateway.chat.add('web:a', { text: 'text and more' })
    await stream.until((events) => events.at(-1)?.data['done'] === true)
    expect(stream.events.at(-2)).toMatchObject({ event: 'message', data: { text: 'text and more' } })
  })

  test('a storm of pieces is gathered', async () => {
    await using gateway = await startTestGateway()
    using stream = await watch(gateway)
    await stream.until(() => stream.raw.length > 0)
    gateway.chat.events.begin('web:a', 't')
    for (let n = 0; n < 2_000; n++) gateway.chat.events.delta('web:a', 'x')
    await stream.until((events) => draft(events).length === 2_000)
    expect(stream.events.length).toBeLessThan(20)
  })

  test('twenty readers share the reads of the store', async () => {
    await using gateway = await startTestGateway()
    let reads = 0
    const read = gateway.chat.changes.bind(gateway.chat)
    gateway.chat.changes = (...args) => {
      reads++
      return read(...args)
    }
    const streams = await Promise.all(Array.from({ length: 20 }, () => watch(gateway)))
    await Promise.all(streams.map((stream) => stream.until(() => stream.raw.length > 0)))
    // What the beginning of twenty streams reads is over.
    await pause(50)
    reads = 0
    gateway.chat.add('web:a', { text: 'to all' })
    await Promise.all(streams.map((stream) => stream.until((events) => texts(events).includes('to all'))))
    expect(reads).toBeLessThanOrEqual(2)
    for (const stream of streams) stream[Symbol.dispose]()
    await expect.poll(() => gateway.server.readers).toBe(0)
  })

  test('a reader that does not read holds nobody up, and finds everything when it reads again', async () => {
    await using gateway = await startTestGateway()
    const { port } = new URL(gateway.url)
    const slow = connect(Number(port), '127.0.0.1')
    slow.write(
      `GET /api/conversations/a/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${TEST_TOKEN}\r\n\r\n`,
    )
    await new Promise((resolve) => slow.once('data', resolve))
    slow.pause()
    using fast = await watch(gateway)
    const text = 'x'.repeat(50_000)
    for (let n = 0; n < 200; n++) gateway.chat.add('web:a', { text: `${n} ${text}` })
    await fast.until((events) => texts(events).length === 200)
    let received = ''
    slow.on('data', (chunk) => (received += chunk))
    slow.resume()
    await expect.poll(() => received.includes('"199 x'), { timeout: 10_000 }).toBe(true)
    expect(received.match(/event: message/g)).toHaveLength(200)
    slow.destroy()
  })

  test('a store that fails ends the stream, so that the reader comes back', async () => {
    await using gateway = await startTestGateway()
    gateway.chat.changes = () => Promise.reject(new Error('no store'))
    using stream = await watch(gateway)
    await stream.ended
    expect(stream.events).toEqual([])
  })

  test('are not to be had by HEAD', async () => {
    await using gateway = await startTestGateway()
    expect((await gateway.call('/api/conversations/a/events', { method: 'HEAD' })).status).toBe(405)
  })
})

describe('the global stream', () => {
  test('tells the status at once, when it changes, and carries several conversations', async () => {
    await using gateway = await startTestGateway({ sandbox: true })
    gateway.chat.add('web:a', { text: 'old' })
    gateway.chat.add('web:b', { text: 'in b' })
    using stream = await openSse(`${gateway.url}/api/events?watch=a@1,b@0`, headers)
    await stream.until((events) => texts(events).includes('in b'))
    gateway.setReadiness({ ready: false, status: 'needs-login', reason: 'expired' })
    await stream.until((events) => events.some((event) => event.data['ready'] === false), 1_000)
    gateway.chat.add('web:a', { text: 'in a' })
    await stream.until((events) => texts(events).includes('in a'))
    expect(stream.events.find((event) => event.event === 'status')?.data).toMatchObject({
      ready: true,
      sandbox: true,
    })
    expect(texts(stream.events)).toEqual(['in b', 'in a'])
    expect(stream.events.at(-1)).toMatchObject({ id: null, data: { conversation: 'web:a', revision: 3 } })
  })

  test.each(['a', 'a@', 'a@x', '@1', 'a b@1', `${'a@1,'.repeat(100)}a@1`])(
    'refuses watch=%s',
    async (query) => {
      await using gateway = await startTestGateway()
      expect((await gateway.call(`/api/events?watch=${query}`)).status).toBe(400)
    },
  )
})

test('what holds messages is sent within a second of its first failure, with the gateway’s time', async () => {
  const clock = new FakeClock()
  await using gateway = await startTestGateway({
    clock,
    services_: { waiting: async () => ({ received: 2, answering: 0, held: 1, parked: 0 }) },
  })
  using stream = await openSse(`${gateway.url}/api/events`, headers)
  const lines = () => stream.events.filter(({ event }) => event === 'status').map(({ data }) => data)
  await stream.until(() => lines().length === 1)
  expect(lines()[0]).toMatchObject({ ready: true, nextTryAt: null })
  gateway.setHolding({
    status: 'provider-unavailable',
    reason: 'overloaded',
    since: clock.now(),
    nextTryAt: clock.now() + 12 * SECOND,
    trying: false,
  })
  await clock.advance(SECOND)
  await stream.until(() => lines().length === 2)
  const { now, nextTryAt, ...line } = lines()[1]!
  expect(line).toMatchObject({ ready: false, sentence: 'Claude is overloaded; 3 messages wait.', waiting: 3 })
  expect(Date.parse(String(nextTryAt)) - Date.parse(String(now))).toBeGreaterThan(11 * SECOND - 1)
})
