import { describe, expect, test, vi } from 'vitest'
import { BodyTooLarge, limitBody } from './limit-body.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')

/** A body without an end, and how much of it was asked for. */
function endless(chunk: string) {
  const state = { sent: 0, cancelled: false }
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      state.sent += chunk.length
      controller.enqueue(new TextEncoder().encode(chunk))
    },
    cancel() {
      state.cancelled = true
    },
  })
  return { state, body }
}

test('an answer within its limits is the same answer', async () => {
  const headers = { 'content-type': 'text/plain', 'x-more': '1' }
  const limited = limitBody(new Response('a\nbc\n', { status: 429, headers }), {
    maxBytes: 5,
    maxLineBytes: 2,
  })
  expect(limited.status).toBe(429)
  expect(limited.headers.get('x-more')).toBe('1')
  expect(await limited.text()).toBe('a\nbc\n')
  for (const status of [204, 304]) {
    expect(limitBody(new Response(null, { status }), { maxBytes: 1 }).status).toBe(status)
  }
})

describe.each(['text/plain', 'text/event-stream'])('of %s', (type) => {
  const headers = { 'content-type': type }

  test.each([
    ['in all', 'some words\n', { maxBytes: 10_000 }],
    ['in one line', 'some words', { maxBytes: 1e9, maxLineBytes: 10_000 }],
  ])('an answer without an end is left %s, and no more of it is fetched', async (_, chunk, limits) => {
    const ways: ReadonlyArray<(response: Response) => Promise<unknown>> = [
      (response) => response.text(),
      (response) => response.json(),
      (response) => Array.fromAsync(response.body!),
    ]
    for (const read of ways) {
      const { state, body } = endless(chunk)
      await expect(read(limitBody(new Response(body, { headers }), limits))).rejects.toBeInstanceOf(
        BodyTooLarge,
      )
      expect(state.cancelled).toBe(true)
      expect(state.sent).toBeLessThan(11_000)
    }
  })

  test('an answer within its limits is read whole', async () => {
    const limits = { maxBytes: 9, maxLineBytes: 9 }
    const answer = () =>
      limitBody(
        new Response(ReadableStream.from([Buffer.from('{"a":'), Buffer.from('"b"}')]), { headers }),
        limits,
      )
    expect(await answer().text()).toBe('{"a":"b"}')
    expect(await answer().json()).toEqual({ a: 'b' })
    expect(Buffer.concat(await Array.fromAsync(answer().body!)).toString()).toBe('{"a":"b"}')
  })
})

test.each(['text/plain', 'text/event-stream'])(
  'of %s, a letter may begin in another piece than it ends in',
  async (type) => {
    const [first, ...others] = [...Buffer.from('漢')]
    const pieces = [Buffer.from([0xef, 0xbb, 0xbf, 0x22, first!]), Buffer.from([...others, 0x22])]
    const headers = { 'content-type': type }
    const limited = () => limitBody(new Response(ReadableStream.from(pieces), { headers }), { maxBytes: 9 })
    expect(await limited().text()).toBe('"漢"')
    expect(await limited().json()).toBe('漢')
  },
)

test.each(['text/plain', 'text/event-stream'])(
  'of %s, less is kept whole than is read piece by piece',
  async (type) => {
    const limited = () =>
      limitBody(new Response(ReadableStream.from([PIECE, PIECE]), { headers: { 'content-type': type } }), {
        maxBytes: 2 * PIECE.length,
        maxWholeBytes: PIECE.length,
      })
    await expect(limited().text()).rejects.toBeInstanceOf(BodyTooLarge)
    await expect(limited().json()).rejects.toBeInstanceOf(BodyTooLarge)
    expect(await Array.fromAsync(limited().body!)).toHaveLength(2)
  },
)

test('a whole answer takes no more memory once it was read', async () => {
  const [count, text] = [64, PIECE.toString()]
  const before = process.memoryUsage()
  const limited = limitBody(new Response(ReadableStream.from(Array(count).fill(PIECE))), { maxBytes: 1e8 })
  expect((await limited.text()).length).toBe(count * text.length)
  expect(process.memoryUsage().arrayBuffers - before.arrayBuffers).toBeLessThan(PIECE.length * (count / 2))
})

test('an answer is read also where the methods of Response are read-only, as the HTTP server makes them', async () => {
  class ReadOnlyResponse extends Response {}
  for (const name of ['text', 'json'] as const)
    Object.defineProperty(ReadOnlyResponse.prototype, name, { value: Response.prototype[name] })
  const answer = new Response(ReadableStream.from([PIECE]))
  vi.stubGlobal('Response', ReadOnlyResponse)
  try {
    expect(await limitBody(answer, { maxBytes: PIECE.length }).text()).toBe(PIECE.toString())
  } finally {
    vi.unstubAllGlobals()
  }
})

test('an announced length is believed, unless the body is packed', async () => {
  const of = (headers: Record<string, string>) => new Response('12345', { headers })
  const announced = of({ 'content-length': '5' })
  expect(limitBody(announced, { maxBytes: 5 })).toBe(announced)
  await expect(limitBody(of({ 'content-length': '5' }), { maxBytes: 4 }).text()).rejects.toThrow(BodyTooLarge)
  const whole = limitBody(of({ 'content-length': '5' }), { maxBytes: 5, maxWholeBytes: 4 })
  await expect(whole.text()).rejects.toThrow(BodyTooLarge)
  const packed = of({ 'content-length': '1', 'content-encoding': 'gzip' })
  await expect(limitBody(packed, { maxBytes: 4 }).text()).rejects.toThrow(BodyTooLarge)
})

test('a line may end in another piece than it began in', async () => {
  const pieces = ['aaaa', 'aaaa\nbb', 'bbbbbb', '\n', 'c']
  const body = ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)))
  const limited = limitBody(new Response(body), { maxBytes: 100, maxLineBytes: 8 })
  expect(await limited.text()).toBe(pieces.join(''))
})
