import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { afterThisTest } from '../../test/support/provider/signed-in.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { ModelRefusal, type ModelRequest } from '../conversation/model.ts'
import { systemClock } from '../support/clock.ts'
import { ConfigurationError, TransientError } from '../support/errors.ts'
import { createModelClient } from './client.ts'

const SYSTEM = 'You are patient. '.repeat(400)

/** A client behind an endpoint that refuses what `refuses` says (as 400 or with its own status), and passes on the rest. */
async function clientBehind(refuses: (body: string) => boolean | number) {
  const sandbox = await useSandbox()
  const bodies: string[] = []
  const server = createServer(async (req, res) => {
    const body = await textOf(req)
    bodies.push(body)
    const refusal = refuses(body)
    if (refusal) {
      const error = { type: 'invalid_request_error', message: 'Extra inputs are not permitted' }
      res.writeHead(refusal === true ? 400 : refusal, { 'content-type': 'application/json' })
      return void res.end(JSON.stringify({ type: 'error', error }))
    }
    if (body.includes('unlucky') && !body.includes('cache_control')) return void res.writeHead(500).end()
    const headers = {
      'x-api-key': String(req.headers['x-api-key']),
      'anthropic-version': '2023-06-01',
      'anthropic-beta': String(req.headers['anthropic-beta'] ?? ''),
    }
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
  const has = (field: string) => bodies.splice(0).map((body) => body.includes(field))
  return { ask, has, marked: () => has('cache_control'), warnings }
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

test('a request whose repetition meets an outage is not refused', async () => {
  const { ask, marked } = await clientBehind((body) => body.includes('cache_control'))
  await expect(ask('unlucky')).rejects.toBeInstanceOf(TransientError)
  expect(marked()).toEqual([true, false])
})

test('an endpoint that refuses the binding of thinking gets the thinking without, and from then on no other', async () => {
  const { ask, has, warnings } = await clientBehind((body) => body.includes('block_binding'))
  const first = await ask('!think', { thinking: 'auto' })
  // Nothing was sent that could be bound to something else.
  expect(has('block_binding')).toEqual([false])
  const messages: ModelRequest['messages'] = [
    { role: 'user', text: '!think', attachments: [] },
    { role: 'assistant', text: first.text, attachments: [], blocks: first.content },
    { role: 'user', text: 'and now?', attachments: [] },
  ]
  await ask('', { thinking: 'auto', messages })
  // With and without marks, before it is found out what was refused.
  expect(has('block_binding')).toEqual([true, true, false])
  await ask('', { thinking: 'auto', messages })
  expect(has('block_binding')).toEqual([false])
  expect(warnings).toEqual([{ model: 'claude-sonnet-5-5' }])
})

test.each([
  ['diagnostics', [true, false], [false]],
  // Nothing says whether it would have been accepted: it is sent again.
  ['cache_control', [true, false, false], [true]],
  ['"thinking":{', [true, false, false, false], [true]],
])(
  'an endpoint that refuses %s gets the same request without, step by step',
  async (field, diagnostics, then) => {
    const { ask, has, warnings } = await clientBehind((body) => body.includes(field))
    const asked = { thinking: 'auto', previousResponse: 'msg_1' } as const
    expect((await ask('one', asked)).text).not.toBe('')
    expect(has('diagnostics')).toEqual(diagnostics)
    await ask('two', asked)
    expect(has('diagnostics')).toEqual(then)
    expect(warnings).toEqual([{ model: 'claude-sonnet-5-5' }])
  },
)

test('an endpoint that refuses two fields is asked without both in the end', async () => {
  const refused = /diagnostics|cache_control/
  const { ask, has, warnings } = await clientBehind((body) => refused.test(body))
  const asked = { previousResponse: null } as const
  await ask('one', asked)
  await ask('two', asked)
  has('')
  await ask('three', asked)
  expect([has('diagnostics'), warnings.length]).toEqual([[false], 2])
})

test.each([400, 404])('a container that is gone (%i) is left out', async (status) => {
  const { ask, has } = await clientBehind((body) => (body.includes('container_gone') ? status : 0))
  expect((await ask('one', { container: 'container_gone', cache: null })).text).not.toBe('')
  expect(has('container')).toEqual([true, false])
  const refusal = status === 400 ? ModelRefusal : ConfigurationError
  await expect(ask('container_gone', { container: 'c', cache: null })).rejects.toBeInstanceOf(refusal)
  expect(has('"container"')).toEqual([true, false])
})
