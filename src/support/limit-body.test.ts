import { expect, test } from 'vitest'
import { BodyTooLarge, limitBody } from './limit-body.ts'

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

test.each([
  ['in all', 'some words\n', { maxBytes: 10_000 }],
  ['in one line', 'some words', { maxBytes: 1e9, maxLineBytes: 10_000 }],
])('an answer without an end is left %s, and no more of it is fetched', async (_, chunk, limits) => {
  const { state, body } = endless(chunk)
  await expect(limitBody(new Response(body), limits).text()).rejects.toBeInstanceOf(BodyTooLarge)
  expect(state.cancelled).toBe(true)
  expect(state.sent).toBeLessThan(11_000)
})

test('a line may end in another piece than it began in', async () => {
  const pieces = ['aaaa', 'aaaa\nbb', 'bbbbbb', '\n', 'c']
  const body = ReadableStream.from(pieces.map((piece) => new TextEncoder().encode(piece)))
  const limited = limitBody(new Response(body), { maxBytes: 100, maxLineBytes: 8 })
  expect(await limited.text()).toBe(pieces.join(''))
})
