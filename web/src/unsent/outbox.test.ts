import { beforeEach, describe, expect, test } from 'vitest'
import { ApiError } from '../api.ts'
import { Outbox, type OutboxParts } from './outbox.ts'
import type { UnsentFile, UnsentMessage } from './unsent-message.ts'

/** What two tabs of a browser share. */
class SharedStore {
  readonly messages = new Map<string, UnsentMessage>()
  failure: Error | null = null

  async read(principal: string) {
    const all = [...this.messages.values()]
    const messages = all.filter((message) => message.principal === principal)
    return { messages, drafts: new Map<string, string>(), others: all.length - messages.length }
  }

  async add(message: UnsentMessage) {
    if (this.failure) throw this.failure
    this.messages.set(message.messageId, message)
  }

  async replace(message: UnsentMessage) {
    if (this.messages.has(message.messageId)) this.messages.set(message.messageId, message)
  }

  async remove(messageId: string) {
    this.messages.delete(messageId)
  }

  async removeOthers(principal: string) {
    for (const [id, message] of this.messages) if (message.principal !== principal) this.messages.delete(id)
  }
}

const unreachable = () => new TypeError('Failed to fetch')
const refused = (status: number, code: string) => new ApiError(status, code, `refused: ${code}`)

let store: SharedStore
/** What reached the gateway, each time. */
let posted: UnsentMessage[]
let uploads: string[]
/** Thrown by the gateway, per text; default: it stores. */
let failures: Map<string, Error>
let timers: Array<{ callback: () => void; ms: number }>
let signedOut: number
let locks: Map<string, Promise<void>>

beforeEach(() => {
  store = new SharedStore()
  posted = []
  uploads = []
  failures = new Map()
  timers = []
  signedOut = 0
  locks = new Map()
})

function open(given: Partial<OutboxParts> = {}): Outbox {
  return new Outbox({
    principal: 'ada',
    store,
    upload: async (_message, { name, content }) => {
      uploads.push(name)
      return { id: `up-${uploads.length}`, name, mediaType: 'image/png', size: content.size }
    },
    async post(message) {
      posted.push(message)
      await new Promise((resolve) => setImmediate(resolve))
      const failure = failures.get(message.text)
      if (failure) throw failure
    },
    async lock(name, work) {
      const before = locks.get(name) ?? Promise.resolve()
      const mine = before.then(work)
      locks.set(name, mine)
      await mine
    },
    announce: () => {},
    onSignedOut: () => signedOut++,
    setTimer: (callback, ms) => timers.push({ callback, ms }),
    clearTimer: (timer) => void timers.splice(timer - 1, 1),
    now: () => 1_000,
    ...given,
  })
}

const texts = (messages: readonly UnsentMessage[]) => messages.map(({ text }) => text)

describe('what is written', () => {
  test('is stored before it is sent, and forgotten when the gateway has it', async () => {
    const outbox = open({
      async post(message) {
        expect(store.messages.get(message.messageId)?.text).toBe('hello')
        posted.push(message)
      },
    })
    await outbox.add('c', 'hello', [])
    expect(texts(posted)).toEqual(['hello'])
    expect(outbox.entries.value).toEqual([])
    expect(store.messages.size).toBe(0)
  })

  test('is sent in its order, each conversation separately, after the gateway was away', async () => {
    const outbox = open()
    for (const text of ['1', '2', 'x']) failures.set(text, unreachable())
    await Promise.all([outbox.add('a', '1', []), outbox.add('a', '2', []), outbox.add('b', 'x', [])])
    expect(texts(outbox.entries.value)).toEqual(['1', '2', 'x'])
    expect(outbox.entries.value.every(({ sending, notKept }) => !sending && notKept === null)).toBe(true)
    failures.clear()
    posted = []
    await outbox.resume()
    expect(texts(posted).filter((text) => text !== 'x')).toEqual(['1', '2'])
    expect(texts(posted)).toContain('x')
    expect(outbox.entries.value).toEqual([])
  })

  test('does not overtake an earlier message that takes the browser longer to store', async () => {
    const stored = Promise.withResolvers<void>()
    const add = store.add.bind(store)
    store.add = async (message) => {
      if (message.text === 'with a large file') await stored.promise
      await add(message)
    }
    const outbox = open()
    const both = [outbox.add('c', 'with a large file', []), outbox.add('c', 'short', [])]
    await new Promise((resolve) => setImmediate(resolve))
    expect(posted).toEqual([])
    stored.resolve()
    await Promise.all(both)
    expect(texts(posted)).toEqual(['with a large file', 'short'])
  })

  test('keeps its id over a reload, and over an answer that got lost', async () => {
    failures.set('hello', unreachable())
    await open().add('c', 'hello', [])
    failures.clear()
    await open().resume()
    expect(posted).toHaveLength(2)
    expect(posted[0]!.messageId).toBe(posted[1]!.messageId)
  })

  test('is tried again with growing pauses while the gateway cannot store it', async () => {
    failures.set('hello', refused(503, 'store'))
    const outbox = open()
    await outbox.add('c', 'hello', [])
    const pauses: number[] = []
    for (let attempt = 0; attempt < 7; attempt++) {
      pauses.push(timers.at(-1)!.ms)
      timers.splice(0).at(-1)!.callback()
      await expect.poll(() => timers.length).toBe(1)
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  })

  test('is sent once by two tabs', async () => {
    failures.set('hello', unreachable())
    const [one, two] = [open(), open()]
    await one.add('c', 'hello', [])
    failures.clear()
    posted = []
    await Promise.all([one.resume(), two.resume()])
    expect(texts(posted)).toEqual(['hello'])
    await two.resume()
    expect([...one.entries.value, ...two.entries.value]).toEqual([])
  })

  test('is not sent when another tab has cancelled it', async () => {
    failures.set('hello', unreachable())
    const [one, two] = [open(), open()]
    await one.add('c', 'hello', [])
    await two.resume()
    await two.forget([two.entries.value[0]!.messageId])
    posted = []
    failures.clear()
    await one.resume()
    expect(posted).toEqual([])
  })

  test('of a pasted sign-in code is written nowhere', async () => {
    const paste = 'TESTcodeTESTcode1234567890#TESTstateTESTstate1234567890'
    failures.set(paste, unreachable())
    const outbox = open()
    await outbox.add('c', paste, [])
    expect(store.messages.size).toBe(0)
    expect(outbox.entries.value).toMatchObject([{ text: paste, notKept: 'secret' }])
  })
})

describe('a gateway that refuses', () => {
  test('for good is believed: the reason is shown, nothing is retried, and later messages are sent', async () => {
    failures.set('too long', refused(413, 'too-large'))
    const outbox = open()
    await Promise.all([outbox.add('c', 'too long', []), outbox.add('c', 'next', [])])
    await outbox.resume()
    expect(texts(posted)).toEqual(['too long', 'next'])
    expect(outbox.entries.value).toMatchObject([{ text: 'too long', refusal: 'refused: too-large' }])
    expect(timers).toEqual([])
  })

  test('is asked again on request, with a new id', async () => {
    failures.set('hello', refused(429, 'hold-full'))
    const outbox = open()
    await outbox.add('c', 'hello', [])
    failures.clear()
    await outbox.retry(outbox.entries.value[0]!)
    expect(new Set(posted.map(({ messageId }) => messageId)).size).toBe(2)
    expect(outbox.entries.value).toEqual([])
    expect(store.messages.size).toBe(0)
  })

  test.each([
    ['signed out', refused(401, 'unauthorized')],
    ['somebody else is signed in', refused(409, 'other-principal')],
  ])('because the reader is %s keeps it for the next sign-in', async (_why, failure) => {
    failures.set('hello', failure)
    const outbox = open()
    await outbox.add('c', 'hello', [])
    expect(signedOut).toBe(1)
    expect(timers).toEqual([])
    failures.clear()
    posted = []
    const other = open({ principal: 'ben' })
    await other.resume()
    expect([posted, other.entries.value, other.others.value]).toEqual([[], [], 1])
    await open().resume()
    expect(texts(posted)).toEqual(['hello'])
  })

  test.each([
    ['a proxy says 404', refused(404, 'unknown')],
    ['the body is not read in time', refused(408, 'timeout')],
    ['a rate limit is reached', refused(429, 'rate-limited')],
  ])('for a passing reason is asked again: %s', async (_why, failure) => {
    failures.set('hello', failure)
    const outbox = open()
    await outbox.add('c', 'hello', [])
    expect(outbox.entries.value).toMatchObject([{ refusal: null }])
    expect(timers).toHaveLength(1)
  })
})

describe('a browser that stores nothing', () => {
  test.each([
    ['full', new DOMException('no room', 'QuotaExceededError')],
    ['forbidden', new DOMException('a private window', 'InvalidStateError')],
  ])('is told from one that does (%s), and the tab sends automatically', async (why, failure) => {
    store.failure = failure
    failures.set('hello', unreachable())
    const outbox = open()
    await outbox.add('c', 'hello', [])
    expect(outbox.entries.value).toMatchObject([{ text: 'hello', notKept: why, sending: false }])
    failures.clear()
    await outbox.resume()
    expect(texts(posted)).toEqual(['hello', 'hello'])
    expect(outbox.entries.value).toEqual([])
  })
})

describe('files', () => {
  const file = (uploaded: UnsentFile['uploaded'] = null): UnsentFile => ({
    name: 'dot.png',
    content: new Blob(['dot']),
    uploaded,
  })
  const old = { id: 'gone', name: 'dot.png', mediaType: 'image/png', size: 3 }

  test('are uploaded with their message, once, although it is tried twice', async () => {
    failures.set('look', unreachable())
    const outbox = open()
    await outbox.add('c', 'look', [file()])
    failures.clear()
    await outbox.resume()
    expect(uploads).toEqual(['dot.png'])
    expect(posted.at(-1)!.files[0]!.uploaded!.id).toBe('up-1')
  })

  test('whose upload is gone after days are uploaded again', async () => {
    const ids: Array<readonly string[]> = []
    const outbox = open({
      async post(_message, attachments) {
        ids.push(attachments)
        if (attachments.includes('gone')) throw refused(400, 'refused')
      },
    })
    await outbox.add('c', 'look', [file(old)])
    expect(ids).toEqual([['gone'], ['up-1']])
    expect(outbox.entries.value).toEqual([])
  })
})
