import { beforeEach, describe, expect, test } from 'vitest'
import { LiveConnection, type LiveEvent, type Source } from './live-connection.ts'

class FakeSource implements Source {
  readonly address: string
  closed = false
  readonly #listeners = new Map<string, (event: { data?: string }) => void>()

  constructor(address: string) {
    this.address = decodeURIComponent(address)
  }

  addEventListener(type: string, listener: (event: { data?: string }) => void): void {
    this.#listeners.set(type, listener)
  }

  close(): void {
    this.closed = true
  }

  fire(type: string, data?: object): void {
    this.#listeners.get(type)?.(data ? { data: JSON.stringify(data) } : {})
  }
}

const NOW = Date.parse('2026-11-22T12:00:00.000Z')
let sources: FakeSource[]
let events: LiveEvent[]
let timers: Array<{ callback: () => void; ms: number; id: number }>
let signedIn: boolean
let live: LiveConnection

beforeEach(() => {
  sources = []
  events = []
  timers = []
  signedIn = true
  let nextId = 1
  live = new LiveConnection({
    open(address) {
      const source = new FakeSource(address)
      sources.push(source)
      return source
    },
    isSignedIn: async () => signedIn,
    emit: (event) => events.push(event),
    setTimer(callback, ms) {
      timers.push({ callback, ms, id: nextId })
      return nextId++
    },
    clearTimer: (id) => void (timers = timers.filter((timer) => timer.id !== id)),
    random: () => 0.5,
    now: () => NOW,
  })
})

/** Lets the one timer that waits go off; returns how long it would have been. */
function pass(): number {
  expect(timers).toHaveLength(1)
  const [timer] = timers.splice(0)
  timer!.callback()
  return timer!.ms
}

const row = (conversation: string, revision: number) => ({
  id: `r${revision}`,
  conversation: `web:${conversation}`,
  revision,
})

describe('the shared stream', () => {
  test('is opened once for tabs that come together, and tells each conversation apart', () => {
    live.watch(new Map([['a', 5]]))
    live.watch(
      new Map([
        ['a', 5],
        ['b', 0],
      ]),
    )
    pass()
    expect(sources.map((source) => source.address)).toEqual(['/api/events?watch=a@5,b@0'])
    sources[0]!.fire('open')
    sources[0]!.fire('message', row('b', 7))
    expect(events.at(-1)).toMatchObject({ kind: 'row', conversation: 'b', row: { id: 'r7' } })
  })

  test('tells the next try by the clock of the reader, who may be wrong about the time', () => {
    live.watch(new Map())
    pass()
    const told = { sentence: 'Claude is overloaded.', nextTryAt: '2026-11-22T08:00:12.000Z' }
    sources[0]!.fire('status', { ...told, now: '2026-11-22T08:00:00.000Z' })
    const status = { ...told, nextTryAt: '2026-11-22T12:00:12.000Z' }
    expect(events.at(-1)).toEqual({ kind: 'status', status })
    expect(live.present()).toContainEqual({ kind: 'status', status })
  })

  test('resumes each conversation, with growing delays while nobody answers', async () => {
    live.watch(
      new Map([
        ['a', 1],
        ['b', 2],
      ]),
    )
    pass()
    sources[0]!.fire('open')
    sources[0]!.fire('message', row('a', 9))
    sources[0]!.fire('error')
    expect(sources[0]!.closed).toBe(true)
    await Promise.resolve()
    const waits = []
    for (let failure = 0; failure < 6; failure++) {
      waits.push(pass())
      sources.at(-1)!.fire('error')
      await Promise.resolve()
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 8000])
    expect(sources.at(-1)!.address).toBe('/api/events?watch=a@9,b@2')
    expect(events.filter((event) => event.kind === 'connection').map((event) => event.state)).toEqual([
      'open',
      'lost',
    ])
  })

  test('reconnects only when a tab asks for more than is streamed already', () => {
    live.watch(new Map([['a', 1]]))
    pass()
    live.watch(new Map([['a', 4]]))
    expect(timers).toEqual([])
    live.watch(
      new Map([
        ['a', Infinity],
        ['b', 0],
      ]),
    )
    pass()
    expect(sources[1]!.address).toBe('/api/events?watch=a@1,b@0')
    expect(sources[0]!.closed).toBe(true)
  })

  test('ends for good when the session is over, and says so', async () => {
    live.watch(new Map())
    pass()
    signedIn = false
    sources[0]!.fire('error')
    await new Promise((resolve) => setImmediate(resolve))
    expect(events.at(-1)).toEqual({ kind: 'connection', state: 'signed-out' })
    expect(timers).toEqual([])
  })

  test('an old stream that breaks late disturbs nobody', () => {
    live.watch(new Map([['a', 1]]))
    pass()
    live.watch(
      new Map([
        ['a', 1],
        ['b', 1],
      ]),
    )
    pass()
    sources[0]!.fire('error')
    expect(sources[1]!.closed).toBe(false)
    expect(timers).toEqual([])
  })

  test('rests while nobody looks, and comes back at once', () => {
    live.watch(new Map([['a', 1]]))
    pass()
    live.pause()
    expect(sources[0]!.closed).toBe(true)
    live.wake()
    expect(pass()).toBe(0)
    expect(sources).toHaveLength(2)
  })
})
