import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { systemClock } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import { createModelClient } from './client.ts'

const MEGABYTE = 1024 * 1024

let server: Server
let play: (response: ServerResponse) => void
let closed: Promise<void>
let warnings: object[]

beforeEach(async () => {
  warnings = []
  const over = Promise.withResolvers<void>()
  closed = over.promise
  server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.on('close', over.resolve)
    play(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function ask(onText: (text: string) => void = () => {}) {
  const quiet = { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} }
  const model = createModelClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    door: new StaticDoor(credentialOf('sk-ant-api03-TEST', 'api-key')),
    health: quiet,
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model: 'claude-sonnet-5-5',
    log: { warn: (...words: unknown[]) => void warnings.push(words) },
  })
  return model.answer(
    {
      model: 'claude-sonnet-5-5',
      maxTokens: 100,
      system: null,
      messages: [{ role: 'user', text: 'hi', attachments: [] }],
    },
    { signal: new AbortController().signal, onText },
  )
}

const event = (
  data: object | string | null,
  name = (data as { type?: string } | null)?.type ?? 'message_delta',
) => `event: ${name}\ndata: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`
const hello = event({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'hello' } })
const stop = event({ type: 'message_stop' })
const failureOf = (answer: Promise<unknown>) =>
  answer.then(
    () => null,
    (error: unknown) => error,
  )

describe('is a failure of the provider, which passes:', () => {
  test.each([
    ['no JSON', event('{"type":', 'message_delta')],
    ['an event null', event(null)],
    ['a number', event('7')],
    ['an event without a type', event({}, 'message_delta')],
    [
      'a text that is none',
      event({ type: 'content_block_delta', delta: { type: 'text_delta', text: null } }),
    ],
    ['an end before the end', hello],
    ['nothing at all', ''],
  ])('%s', async (_, stream) => {
    play = (response) => response.end(stream)
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(TransientError)
    expect(['provider', 'network']).toContain((error as TransientError).reason)
  })

  test('a line without an end, of which only so much is received', async () => {
    const piece = 'x'.repeat(64 * 1024)
    let sent = 0
    play = (response) => {
      response.write('event: message_start\ndata: ')
      const more = () => {
        while (!response.destroyed && response.write(piece)) sent += piece.length
        sent += piece.length
      }
      response.on('drain', more)
      more()
    }
    expect(await failureOf(ask())).toMatchObject({ name: 'TransientError', reason: 'provider' })
    await closed
    expect(sent).toBeLessThan(32 * MEGABYTE)
  })
})

test('a text without an end is cut, and the request ended', async () => {
  const piece = event({
    type: 'content_block_delta',
    delta: { type: 'text_delta', text: 'x'.repeat(10_000) },
  })
  play = (response) => {
    const more = () => {
      while (!response.destroyed && response.write(piece));
    }
    response.on('drain', more)
    more()
  }
  const answer = await ask()
  expect(answer.stopReason).toBe('max_tokens')
  expect(answer.text.length).toBeLessThanOrEqual(MEGABYTE)
  await closed
})

test('a pause without an end is cut after some continuations, and leaves no open call behind', async () => {
  let requests = 0
  const block = (content: object) => event({ type: 'content_block_start', content_block: content })
  play = (response) => {
    const id = `srvtoolu_${++requests}`
    const result = { type: 'web_search_tool_result', tool_use_id: `srvtoolu_${requests - 1}`, content: [] }
    response.end(
      (requests === 1 ? hello : block(result)) +
        block({ type: 'server_tool_use', id, name: 'web_search', input: {} }) +
        event({ type: 'message_delta', delta: { stop_reason: 'pause_turn' } }) +
        stop,
    )
  }
  const answer = await ask()
  expect([requests, answer.text, answer.stopReason]).toEqual([6, 'hello', 'paused'])
  const blocks = JSON.parse(answer.content) as ReadonlyArray<Record<string, unknown>>
  expect(blocks).toHaveLength(11)
  expect(blocks.at(-1)).toMatchObject({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_5' })
})

test('a call of a tool of the provider’s that was cut is left out, with the thinking before it', async () => {
  const block = (content: object) => event({ type: 'content_block_start', content_block: content })
  play = (response) =>
    response.end(
      hello +
        block({ type: 'thinking', thinking: '', signature: 's' }) +
        block({ type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }) +
        event({ type: 'message_delta', delta: { stop_reason: 'max_tokens' } }) +
        stop,
    )
  expect(await ask()).toMatchObject({
    stopReason: 'max_tokens',
    content: '[{"type":"text","text":"hello"}]',
  })
})

test('a reason that is not known is an end, and is said once', async () => {
  const odd = event({ type: 'message_delta', delta: { stop_reason: 'tired' } })
  play = (response) => response.end(hello + odd + stop)
  expect(await ask()).toMatchObject({ text: 'hello', stopReason: 'end_turn' })
  expect(warnings).toEqual([[{ reason: '"tired"' }, expect.stringContaining('not known')]])
})

test.each([
  ['breaks', (response: ServerResponse) => setTimeout(() => response.destroy(), 20)],
  ['stays open', () => undefined],
])('an answer that has come to its end is whole, even where its connection %s', async (_, then) => {
  play = (response) => {
    response.write(hello + stop)
    then(response)
  }
  expect((await ask()).text).toBe('hello')
  await closed
})

test('an error in showing the text is ours, not the provider’s', async () => {
  play = (response) => response.end(hello + stop)
  const bug = new TypeError('a bug of ours')
  const error = await failureOf(
    ask(() => {
      throw bug
    }),
  )
  expect(error).toBe(bug)
})
