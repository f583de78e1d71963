import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { afterThisTest } from '../../test/support/provider/signed-in.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { ModelRefusal, type ModelRequest } from '../conversation/model.ts'
import { systemClock } from '../support/clock.ts'
import { createModelClient } from './client.ts'

const SYSTEM = 'You are patient. '.repeat(400)

/** A client behind an endpoint that refuses what `refuses` says, and passes on the rest. */
async function clientBehind(refuses: (body: string) => boolean) {
  const sandbox = await useSandbox()
  const bodies: string[] = []
  const server = createServer(async (req, res) => {
    const body = await textOf(req)
    bodies.push(body)
    if (refuses(body)) {
      const error = { type: 'invalid_request_error', message: 'Extra inputs are not permitted' }
      res.writeHead(400, { 'content-type': 'application/json' })
      return void res.end(JSON.stringify({ type: 'error', error }))
    }
    const headers = { 'x-api-key': String(req.headers['x-api-key']), 'anthropic-version': '2023-06-01' }
    const answer = await fetch(`${sandbox.url}${req.url}`, { method: 'POST', headers, body })
    res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
    res.end(await answer.text())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => server.close())
  const warnings: unknown[] = []
  const model = createModelClient({
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    door: new StaticDoor(credentialOf(sandbox.apiKey(), 'api-key')),
    health: { succeeded() {}, usageLimited() {}, unavailable() {}, misconfigured() {} },
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model: 'claude-sonnet-5-5',
    log: { warn: (given: unknown) => void warnings.push(given) },
  })
  const ask = (text: string, more: Partial<ModelRequest> = {}) =>
    model.answer(
      {
        model: 'claude-sonnet-5-5',
        maxTokens: 100,
        system: SYSTEM,
        messages: [{ role: 'user', text, attachments: [] }],
        cache: { ttl: '5m', scope: 'conversation' },
        ...more,
      },
      { signal: new AbortController().signal, onText: () => undefined },
    )
  const marked = () => bodies.splice(0).map((body) => body.includes('cache_control'))
  return { ask, marked, warnings }
}

test('what is marked is written to the cache, and read by the next request', async () => {
  const { ask, marked, warnings } = await clientBehind(() => false)
  const first = await ask('one')
  const second = await ask('two')
  expect(first.usage.cacheWriteTokens).toBeGreaterThan(1_000)
  expect(second.usage.cacheReadTokens).toBeGreaterThan(1_000)
  expect(second.usage.inputTokens + second.usage.cacheWriteTokens).toBeLessThan(20)
  expect([marked(), warnings]).toEqual([[true, true], []])
})

test('an endpoint that refuses marks gets the same request without, and from then on no other', async () => {
  const { ask, marked, warnings } = await clientBehind((body) => body.includes('cache_control'))
  expect((await ask('one')).text).not.toBe('')
  expect(marked()).toEqual([true, false])
  await ask('two')
  expect(marked()).toEqual([false])
  // Another model may be somewhere else.
  await ask('three', { model: 'claude-opus-5-5' })
  expect(marked()).toEqual([true, false])
  expect(warnings).toMatchObject([{ model: 'claude-sonnet-5-5' }, { model: 'claude-opus-5-5' }])
})

test('a request that fails without marks, too, is refused for its own fault, and the marks stay', async () => {
  const { ask, marked, warnings } = await clientBehind((body) => body.includes('poison'))
  await expect(ask('poison')).rejects.toBeInstanceOf(ModelRefusal)
  expect(marked()).toEqual([true, false])
  await ask('one')
  expect([marked(), warnings]).toEqual([[true], []])
})
