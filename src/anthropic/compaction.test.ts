import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { afterThisTest } from '../../test/support/provider/signed-in.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { ModelRefusal, type ModelMessage, type ModelRequest } from '../conversation/model.ts'
import { systemClock } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import { createModelClient } from './client.ts'

const LONG = 'words and more words '.repeat(400)

function user(text: string): ModelMessage {
  return { role: 'user', text, attachments: [] }
}

function assistant(text: string): ModelMessage {
  return { role: 'assistant', text, attachments: [] }
}

const TALK = [user(LONG), assistant('First.'), user('Second?'), assistant('Second.')]

/** A client of the endpoint at `url`. */
function clientOf(url: string, key: Parameters<typeof credentialOf>[0]) {
  const warnings: unknown[] = []
  const health: string[] = []
  const model = createModelClient({
    baseUrl: url,
    door: new StaticDoor(credentialOf(key, 'api-key')),
    health: {
      succeeded: () => void health.push('succeeded'),
      usageLimited: () => void health.push('usage-limited'),
      unavailable: () => void health.push('unavailable'),
      misconfigured: () => void health.push('misconfigured'),
    },
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model: 'claude-sonnet-5-5',
    log: { warn: (...words: unknown[]) => void warnings.push(words.at(-1)) },
  })
  const requestOf = (messages: readonly ModelMessage[], more: Partial<ModelRequest> = {}): ModelRequest => ({
    model: 'claude-sonnet-5-5',
    maxTokens: 500,
    system: 'Be kind.',
    messages,
    cache: { ttl: '5m', scope: 'conversation' },
    ...more,
  })
  const { signal } = new AbortController()
  return {
    warnings,
    health,
    ask: (messages: readonly ModelMessage[], more: Partial<ModelRequest> = {}) =>
      model.answer(requestOf(messages, more), { signal, onText: () => {} }),
    compact: (messages: readonly ModelMessage[], more: Partial<ModelRequest> = {}) =>
      model.compact!(requestOf(messages, more), { signal }),
  }
}

async function client() {
  const sandbox = await useSandbox()
  return { sandbox, ...clientOf(sandbox.url, sandbox.apiKey()) }
}

/** What is sent of a compacted conversation. */
const begin = (block: string): ModelMessage => ({ ...assistant(''), blocks: `[${block}]` })

describe('a conversation that is compacted', () => {
  test('is read from the cache, and costs what the provider says in addition to its other figures', async () => {
    const { sandbox, ask, compact } = await client()
    const last = user('Third?')
    await ask([...TALK, last])
    const before = sandbox.state().bill[0]!
    const made = (await compact(TALK))!
    const after = sandbox.state().bill[0]!
    expect(made).toMatchObject({
      text: expect.stringContaining('A summary of 4 messages.') as string,
      model: 'claude-sonnet-5-5',
      usage: {
        inputTokens: after.input - before.input,
        outputTokens: after.output - before.output,
        cacheReadTokens: after.cacheRead - before.cacheRead,
        cacheWriteTokens: 0,
      },
    })
    expect(made.usage.cacheReadTokens).toBeGreaterThan(2_000)
    expect(made.usage.inputTokens).toBeLessThan(50)
    expect(made.usage.outputTokens).toBeGreaterThan(0)
  })

  test('continues with its block first, and can be compacted again', async () => {
    const { ask, compact } = await client()
    const first = (await compact(TALK))!
    const talk = [begin(first.block!), user('Third?')]
    const answer = await ask(talk)
    expect(answer.text).not.toBe('')
    const second = (await compact([...talk, assistant(answer.text)]))!
    expect(second.block).not.toBe(first.block)
    await ask([begin(second.block!), user('Fourth?')])
  })

  test.for<[string, (block: string) => readonly ModelMessage[], Partial<ModelRequest>]>([
    ['for another text', (block) => [begin(block.replace('messages', 'massages')), user('x')], {}],
    [
      'with another signature',
      (block) => [begin(block.replace('"signature":"', '"signature":"a')), user('x')],
      {},
    ],
    [
      'with changed tools',
      (block) => [begin(block.replace('"tool_changes":[]', '"tool_changes":null')), user('x')],
      {},
    ],
    ['twice', (block) => [begin(`${block},${block}`), user('x')], {}],
    ['for another model', (block) => [begin(block), user('x')], { model: 'claude-opus-5-5' }],
    ['for another system prompt', (block) => [begin(block), user('x')], { system: 'Be rude.' }],
  ])('is refused as such with its block %s', async ([, messages, more]) => {
    const { ask, compact, health } = await client()
    const { block } = (await compact(TALK))!
    const refused = ask(messages(block!), more)
    await expect(refused).rejects.toMatchObject({ reason: 'compaction' })
    await expect(refused).rejects.toBeInstanceOf(ModelRefusal)
    expect(health).toEqual(['succeeded'])
  })

  test('in the middle of a turn, with nothing in it, or with its block in another place is refused, and not taken for a refusal of the field', async () => {
    const { compact, warnings } = await client()
    const { block } = (await compact(TALK))!
    const call = { ...assistant(''), blocks: '[{"type":"tool_use","id":"1","name":"look","input":{}}]' }
    const tools = [{ name: 'look', description: 'Looks.', inputSchema: '{"type":"object"}' }]
    await expect(compact([user('x'), call], { tools })).rejects.toMatchObject({ reason: 'compaction' })
    await expect(compact([begin(block!)])).rejects.toMatchObject({ reason: 'compaction' })
    await expect(compact([user('x'), begin(block!)])).rejects.toMatchObject({ reason: 'compaction' })
    expect(await compact(TALK)).toMatchObject({ block })
    expect(warnings).toEqual([])
  })

  test('on a model that cannot do it is not asked for again, and nobody else is held for it', async () => {
    const { sandbox, compact, warnings, health } = await client()
    const model = { model: 'claude-haiku-4-5' }
    expect(await compact(TALK, model)).toBeNull()
    const { messageRequests } = sandbox.counts
    expect(await compact(TALK, model)).toBeNull()
    expect(sandbox.counts.messageRequests).toBe(messageRequests)
    expect(warnings).toEqual([
      'the endpoint refuses compaction, so long conversations are summarised by the gateway',
    ])
    expect(health).toEqual([])
    expect(await compact(TALK)).not.toBeNull()
  })
})

test.each([
  [503, 'api_error', TransientError],
  [429, 'rate_limit_error', TransientError],
  [400, 'invalid_request_error', ModelRefusal],
])('one that the provider cannot make now (%i) is a failure of its own', async (status, type, kind) => {
  const sandbox = await useSandbox()
  const server = createServer((_, res) => {
    const details = { error_code: 'compaction_unavailable' }
    res.writeHead(status, { 'content-type': 'application/json' })
    res.end(JSON.stringify({ type: 'error', error: { type, message: 'Not now.', details } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  afterThisTest(() => server.close())
  const { port } = server.address() as AddressInfo
  const { compact, health, warnings } = clientOf(`http://127.0.0.1:${port}`, sandbox.apiKey())
  await expect(compact(TALK)).rejects.toBeInstanceOf(kind)
  expect([health, warnings]).toEqual([[], []])
})
