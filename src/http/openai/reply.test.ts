import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { SECOND } from '../../support/clock.ts'
import { Streams } from '../streams/sse.ts'
import { contradiction, StreamedReply, WholeReply } from './reply.ts'

const HEAD = { id: 'chatcmpl-1', created: 1, model: 'm' }
const closers: Array<() => void> = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

/** A real connection: the server's side of it, and what the client reads. */
async function connection(): Promise<{ outgoing: ServerResponse; response: Promise<Response> }> {
  let take!: (outgoing: ServerResponse) => void
  const outgoing = new Promise<ServerResponse>((resolve) => (take = resolve))
  const server = createServer((_incoming, answer) => take(answer))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  )
  const response = fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return { outgoing: await outgoing, response }
}

async function streamed() {
  const { outgoing, response } = await connection()
  const clock = new FakeClock()
  const contradictions: string[] = []
  const reply = new StreamedReply({
    streams: new Streams(clock),
    reader: { client: 'test', isAllowed: () => true },
    outgoing,
    head: HEAD,
    includeUsage: false,
    clock,
    onContradiction: () => contradictions.push('found'),
  })
  const textOf = async () => {
    const frames = (await (await response).text())
      .split('\n\n')
      .filter((frame) => frame.startsWith('data: {'))
    return frames.map(
      (frame) => JSON.parse(frame.slice(6)) as { choices?: [{ delta: { content?: string } }] },
    )
  }
  return { reply, clock, contradictions, response, textOf }
}

const answer = (text: string) => ({ text, cut: false, usage: null })

test('an answer that restarts with the same words continues where it was', async () => {
  const { reply, contradictions, textOf } = await streamed()
  for (const text of ['', 'one ', 'one two ', '', 'one ', 'one two three ']) reply.onText(text)
  reply.finish(answer('one two three four'))
  const texts = (await textOf()).map((chunk) => chunk.choices?.[0].delta.content)
  expect(texts.join('')).toBe('one two three four')
  expect(contradictions).toEqual([])
})

test('an answer that restarts with other words contradicts what was shown', async () => {
  const { reply, contradictions, response } = await streamed()
  for (const text of ['one two', '', 'on', 'on second thoughts']) reply.onText(text)
  expect(contradictions).toEqual(['found'])
  reply.fail(contradiction())
  const body = await (await response).text()
  expect(body).toContain('"code":"broken_off"')
  expect(body).not.toContain('[DONE]')
  expect(body).not.toContain('second thoughts')
})

test('a stream with nothing to show begins after a while, and not before', async () => {
  const { reply, clock, response } = await streamed()
  await clock.advance(9 * SECOND)
  expect(reply.begun).toBe(false)
  await clock.advance(2 * SECOND)
  expect(reply.begun).toBe(true)
  reply.finish(answer('late'))
  expect(await (await response).text()).toContain('late')
})

test('an answer that waits keeps its connection alive with white space before the JSON', async () => {
  const { outgoing, response } = await connection()
  const clock = new FakeClock()
  const reply = new WholeReply(outgoing, HEAD, clock)
  reply.onHeld()
  for (let count = 0; count < 3; count++) await clock.advance(16 * SECOND)
  expect(reply.finish(answer('at last'))).toBeNull()
  const body = await (await response).text()
  expect(body).toMatch(/^ {3,}\{/)
  expect(JSON.parse(body)).toMatchObject({ choices: [{ message: { content: 'at last' } }] })
})
