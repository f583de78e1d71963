import { describe, expect, test } from 'vitest'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import type { ModelAnswer, ModelMessage, ModelRequest } from '../conversation/model.ts'
import type { TurnCost, Usage } from '../inbox/lease.ts'
import type { Sandbox, SandboxOptions } from '../sandbox/sandbox.ts'
import { systemClock } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'
import { usdOf } from '../usage/cost-in-words.ts'
import { costOf } from '../usage/cost.ts'
import { PriceTable } from '../usage/price-table.ts'
import { createModelClient } from './client.ts'

const TOOLS = [
  {
    name: 'read_file',
    description: 'Reads a file.',
    inputSchema: '{"type":"object","properties":{"path":{"type":"string"}},"required":["path"]}',
  },
  { name: 'list_files', description: 'Lists files.', inputSchema: '{"type":"object"}' },
]
const SEARCH = '{"type":"web_search_20260318","name":"web_search"}'
const CODE = '{"type":"code_execution_20260521","name":"code_execution"}'
const LONG = 'You are patient. '.repeat(400)

/** A conversation that keeps what the model says as it came, as a turn with steps does. */
class Talk {
  readonly sandbox: Sandbox
  readonly messages: ModelMessage[] = []
  readonly health: string[] = []
  readonly warnings: unknown[] = []
  /** What a reader sees of the newest answer. */
  shown = ''
  restarts = 0
  readonly lost: TurnCost[] = []
  /** Called with each piece of text. */
  onText = () => {}
  readonly #terms: Partial<ModelRequest>
  readonly #model: ReturnType<typeof createModelClient>

  constructor(sandbox: Sandbox, terms: Partial<ModelRequest> = {}, door = new StaticDoor(keyOf(sandbox))) {
    this.sandbox = sandbox
    this.#terms = terms
    this.#model = createModelClient({
      baseUrl: sandbox.url,
      door,
      health: {
        succeeded: () => void this.health.push('succeeded'),
        usageLimited: () => void this.health.push('usage-limited'),
        unavailable: (_, reason) => void this.health.push(`unavailable ${reason}`),
        misconfigured: () => void this.health.push('misconfigured'),
      },
      clock: systemClock,
      userAgent: 'hermes-gateway/test',
      headers: {},
      model: 'claude-sonnet-5-5',
      log: { warn: (...words: unknown[]) => void this.warnings.push(words) },
    })
  }

  async ask(more: Partial<ModelRequest> = {}, restarts = true): Promise<ModelAnswer> {
    this.shown = ''
    const answer = await this.#model.answer(
      {
        model: 'claude-sonnet-5-5',
        maxTokens: 2_000,
        system: 'Be kind.',
        thinking: 'auto',
        cache: { ttl: '5m', scope: 'conversation' },
        messages: this.messages,
        ...this.#terms,
        ...more,
      },
      {
        signal: new AbortController().signal,
        onText: (text) => {
          this.shown += text
          this.onText()
        },
        onLost: (cost) => this.lost.push(cost),
        ...(restarts
          ? {
              onRestart: () => {
                this.restarts++
                this.shown = ''
              },
            }
          : {}),
      },
    )
    this.messages.push({ role: 'assistant', text: answer.text, attachments: [], blocks: answer.content })
    return answer
  }

  /** A person writes. */
  say(text: string, more: Partial<ModelRequest> = {}): Promise<ModelAnswer> {
    this.messages.push({ role: 'user', text, attachments: [] })
    return this.ask(more)
  }

  /** Every call of the last answer is answered. */
  answerCalls({ calls }: ModelAnswer, more: Partial<ModelRequest> = {}): Promise<ModelAnswer> {
    const blocks = calls.map(({ id, name }) => ({
      type: 'tool_result',
      tool_use_id: id,
      content: `${name}!`,
    }))
    this.messages.push({ role: 'user', text: '', attachments: [], blocks: JSON.stringify(blocks) })
    return this.ask(more)
  }
}

function keyOf(sandbox: Sandbox) {
  return credentialOf(sandbox.apiKey(), 'api-key')
}

async function talk(terms: Partial<ModelRequest> = {}, options: SandboxOptions = {}): Promise<Talk> {
  return new Talk(await useSandbox(options), terms)
}

const kinds = ({ content }: ModelAnswer) =>
  (JSON.parse(content) as ReadonlyArray<{ readonly type: string }>).map(({ type }) => type)

describe('a turn with steps', () => {
  test('has calls and their results, with thinking that comes back as it was', async () => {
    const conversation = await talk({ tools: TOOLS }, { answer: { thinks: true } })
    const called = await conversation.say('!tool read_file {"10": 1, "2": 1, "path": "a b/ü.txt"}')
    expect(called).toMatchObject({
      stopReason: 'tool_use',
      text: '',
      calls: [{ name: 'read_file', id: expect.stringMatching(/^toolu_/) }],
    })
    expect(JSON.parse(called.calls[0]!.input)).toEqual({ 10: 1, 2: 1, path: 'a b/ü.txt' })
    expect(kinds(called)).toEqual(['thinking', 'tool_use'])
    expect(called.content).toContain('I only pretend to think.')
    const more = await conversation.answerCalls(called)
    expect(more).toMatchObject({
      stopReason: 'end_turn',
      text: expect.stringContaining('returned: read_file!'),
    })
    const parallel = await conversation.say('!tools 3')
    expect(parallel.calls.map(({ name }) => name)).toEqual(['read_file', 'list_files', 'read_file'])
    await conversation.answerCalls(parallel)
    expect((await conversation.say('thanks')).text).toContain('message 3 of')
    expect(conversation.sandbox.requests.at(-1)!.tools).toHaveLength(2)
  })

  test('reads in each step what the step before it has written to the cache, tools included', async () => {
    const conversation = await talk({ tools: TOOLS, system: LONG })
    const total = ({ usage }: ModelAnswer) => usage.cacheReadTokens + usage.cacheWriteTokens
    let before = await conversation.say('!tools 2')
    expect(before.usage.cacheWriteTokens).toBeGreaterThan(1_000)
    for (const next of [
      () => conversation.answerCalls(before),
      () => conversation.say('!tools 1'),
      () => conversation.answerCalls(before),
    ]) {
      const answer = await next()
      expect(answer.usage.cacheReadTokens).toBe(total(before))
      before = answer
    }
    // Another chat shares the system prompt, and what is before it.
    const other = new Talk(conversation.sandbox, { tools: TOOLS, system: LONG })
    expect((await other.say('hello')).usage.cacheReadTokens).toBeGreaterThan(1_000)
    const without = new Talk(conversation.sandbox, { system: LONG })
    expect((await without.say('hello')).usage.cacheReadTokens).toBe(0)
  })

  test('ends without a further call where none is allowed', async () => {
    const conversation = await talk({ tools: TOOLS })
    const called = await conversation.say('!tool list_files')
    const answer = await conversation.answerCalls(called, { toolChoice: 'none' })
    expect(answer.calls).toEqual([])
    expect((await conversation.say('!tools 2', { toolChoice: 'none' })).text).toContain(
      '`tool_choice` is `none`',
    )
  })

  test('has a call that was cut, and is not run', async () => {
    const conversation = await talk({ tools: TOOLS })
    const cut = await conversation.say('!cut read_file')
    expect(cut).toMatchObject({ stopReason: 'max_tokens', text: 'One moment.' })
    expect(() => JSON.parse(cut.calls[0]!.input) as unknown).toThrow(SyntaxError)
    // Its block can be sent back all the same.
    expect((await conversation.answerCalls(cut)).text).toContain('returned: read_file!')
  })

  test.each(['claude-haiku-4-5', 'claude-opus-5-5'])('works on %s as its abilities say', async (model) => {
    const conversation = await talk({ tools: TOOLS, model }, { answer: { thinks: true } })
    const called = await conversation.say('!tool list_files')
    const thinks = model === 'claude-opus-5-5'
    expect(kinds(called)).toEqual([...(thinks ? ['thinking'] : []), 'tool_use'])
    expect((await conversation.answerCalls(called)).text).toContain('returned: list_files!')
  })
})

describe('a turn that the provider pauses', () => {
  test('continues to its end, and its parts are one message', async () => {
    const conversation = await talk({ serverTools: [SEARCH] }, { answer: { thinks: true } })
    const answer = await conversation.say('!pause')
    expect(conversation.sandbox.requests).toHaveLength(2)
    expect(kinds(answer)).toEqual(['thinking', 'text', 'server_tool_use', 'web_search_tool_result', 'text'])
    expect(answer.stopReason).toBe('end_turn')
    expect(answer.text).toBe('Let me look that up.\n\n`web_search` has answered: The sandbox found this.')
    expect(conversation.shown).toBe(answer.text)
    expect(answer.content).toContain('encrypted_index')
    const bill = conversation.sandbox.state().bill[0]!
    expect(answer.usage.outputTokens).toBe(bill.output)
    expect((await conversation.say('thanks')).stopReason).toBe('end_turn')
    expect(conversation.health).toEqual(['succeeded', 'succeeded'])
  })

  test('for its own tools and ours continues with our results alone', async () => {
    const conversation = await talk({ tools: TOOLS, serverTools: [SEARCH] }, { answer: { thinks: true } })
    const called = await conversation.say('!pause list_files')
    expect(kinds(called)).toEqual(['thinking', 'text', 'server_tool_use', 'tool_use'])
    expect(called.stopReason).toBe('tool_use')
    const answer = await conversation.answerCalls(called)
    expect(kinds(answer)[0]).toBe('web_search_tool_result')
    expect(answer.text).toContain('returned: list_files!')
    expect((await conversation.say('thanks')).stopReason).toBe('end_turn')
  })

  test('names where its code has run', async () => {
    const conversation = await talk({ serverTools: [CODE] })
    const answer = await conversation.say('!pause')
    expect(answer.container).toBe('container_sandbox')
    expect((await conversation.say('and now', { container: answer.container! })).container).toBeNull()
    const before = conversation.sandbox.requests.length
    expect((await conversation.say('and then', { container: 'container_old' })).stopReason).toBe('end_turn')
    expect(conversation.sandbox.requests.length - before).toBe(1)
  })

  test('keeps its first part where the second one breaks off', async () => {
    const conversation = await talk({ serverTools: [SEARCH] })
    // The first part has begun: the next request gets it.
    conversation.onText = () => {
      conversation.onText = () => {}
      conversation.sandbox.control.fault({
        target: 'messages',
        fault: 'truncated-stream',
        afterDeltas: 3,
        times: 1,
      })
    }
    const answer = await conversation.say('!pause')
    expect([conversation.sandbox.requests.length, conversation.restarts]).toEqual([3, 1])
    expect(answer.text).toBe('Let me look that up.\n\n`web_search` has answered: The sandbox found this.')
    expect(conversation.shown).toBe(answer.text)
    expect(kinds(answer)).toEqual(['text', 'server_tool_use', 'web_search_tool_result', 'text'])
  })
})

test('what answers say that they have used is what the account is billed for, whatever the cache keeps', async () => {
  const conversation = await talk({ system: 'word '.repeat(2_000) })
  const usages: Usage[] = []
  for (const ttl of ['5m', '1h', '5m', '1h'] as const) {
    const text = `${ttl} ${'more words '.repeat(800)}`
    const answer = await conversation.say(text, { cache: { ttl, scope: 'conversation' } })
    usages.push(answer.usage)
  }
  const prices = new PriceTable().pricesOf('claude-sonnet-5-5')
  const cost = usages.reduce((sum, usage) => sum + costOf(usage, prices)!, 0)
  const [bill, ...others] = conversation.sandbox.state().bill
  expect([bill!.model, bill!.requests, others]).toEqual(['claude-sonnet-5-5', 4, []])
  expect(usdOf(cost).toFixed(9)).toBe(bill!.costUsd!.toFixed(9))
  // Both kinds were written, and something was read.
  expect([bill!.cacheWrite5m > 0, bill!.cacheWrite1h > 0, bill!.cacheRead > 0]).toEqual([true, true, true])
})

describe('an answer that breaks off', () => {
  const breaks = (conversation: Talk, times: number, afterDeltas = 2) =>
    conversation.sandbox.control.fault({ target: 'messages', fault: 'truncated-stream', afterDeltas, times })

  test('is asked for again in the place of what was shown, and what it cost is counted', async () => {
    const conversation = await talk({}, { answer: { style: 'echo' } })
    breaks(conversation, 2)
    const answer = await conversation.say('one two three four five six seven eight nine ten')
    expect(answer.text).toBe('Echo: one two three four five six seven eight nine ten')
    expect(conversation.shown).toBe(answer.text)
    expect(conversation.restarts).toBe(2)
    const sent = ({ usage }: TurnCost) => usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
    expect(conversation.lost.map(sent)).toEqual([sent(answer), sent(answer)])
    // What was shown of it before it broke off was written, and is paid.
    expect(conversation.lost.every(({ usage }) => usage.outputTokens > 1)).toBe(true)
    expect(conversation.health).toEqual(['succeeded'])
    expect(conversation.warnings).toMatchObject([
      [{ trials: 1 }, expect.any(String)],
      [{ trials: 2 }, expect.any(String)],
    ])
  })

  test('three times in a row is the trouble of the provider', async () => {
    const conversation = await talk({}, { answer: { style: 'echo' } })
    const fault = breaks(conversation, 9)
    await expect(conversation.say('one two three four')).rejects.toBeInstanceOf(TransientError)
    expect([fault.struck, conversation.health]).toEqual([3, ['unavailable network']])
    // Nothing came of them, and each is paid.
    expect(conversation.lost).toHaveLength(3)
  })

  test('is left to its caller where what was shown cannot be replaced, and no text was shown', async () => {
    const conversation = await talk({}, { answer: { style: 'echo' } })
    const fault = breaks(conversation, 1)
    conversation.messages.push({ role: 'user', text: 'one two three four', attachments: [] })
    await expect(conversation.ask({}, false)).rejects.toBeInstanceOf(TransientError)
    expect(fault.struck).toBe(1)
    const silent = breaks(conversation, 2, 0)
    expect((await conversation.ask({}, false)).text).toBe('Echo: one two three four')
    expect([silent.struck, conversation.restarts]).toEqual([2, 0])
  })

  test('before it began is no answer, and is not asked for again', async () => {
    const conversation = await talk()
    const fault = conversation.sandbox.control.fault({ target: 'messages', fault: '500', times: 2 })
    await expect(conversation.say('one')).rejects.toBeInstanceOf(TransientError)
    expect(fault.struck).toBe(1)
  })
})

describe('thinking of another beginning', () => {
  test.each(['api-key', 'oauth'] as const)(
    'is left out and counted instead of refused, for %s',
    async (kind) => {
      const sandbox = await useSandbox({ answer: { thinks: true } })
      const credential = kind === 'api-key' ? keyOf(sandbox) : credentialOf(sandbox.signIn().accessToken)
      const conversation = new Talk(sandbox, {}, new StaticDoor(credential))
      expect((await conversation.say('hello')).droppedThinking).toBeUndefined()
      expect((await conversation.say('and on')).droppedThinking).toBeUndefined()
      const answer = await conversation.say('and then', { system: 'Be rude.' })
      expect(answer.droppedThinking).toBe(2)
      expect(conversation.warnings).toMatchObject([[{ droppedThinking: 2 }, expect.any(String)]])
    },
  )
})
