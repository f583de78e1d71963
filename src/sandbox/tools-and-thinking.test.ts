import Anthropic, { BadRequestError, type ClientOptions } from '@anthropic-ai/sdk'
import { describe, expect, it } from 'vitest'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import type { Sandbox } from './sandbox.ts'

type Params = Omit<Anthropic.MessageStreamParams, 'model' | 'max_tokens'> & {
  model?: string
  max_tokens?: number
}

const TOOLS: Anthropic.Tool[] = [
  {
    name: 'read_file',
    input_schema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  },
  { name: 'list_files', input_schema: { type: 'object' } },
]
const SEARCH: Anthropic.ToolUnion = { type: 'web_search_20260318', name: 'web_search' }
const BINDING = 'thinking-binding-controls-2026-08-01'

function conversation(
  sandbox: Sandbox,
  defaults: Partial<Params> = {},
  account: Partial<ClientOptions> = {},
) {
  const client = new Anthropic({
    apiKey: sandbox.apiKey(),
    authToken: null,
    baseURL: sandbox.url,
    maxRetries: 0,
    ...account,
  })
  const messages: Anthropic.MessageParam[] = []
  const ask = async (more: Partial<Params> = {}) => {
    const params = { model: 'claude-sonnet-5-5', max_tokens: 2_000, messages, ...defaults, ...more }
    const answer = await client.messages.stream(params).finalMessage()
    messages.push({ role: 'assistant', content: answer.content as Anthropic.ContentBlockParam[] })
    return answer
  }
  return {
    client,
    messages,
    ask,
    /** A person writes; the answer is taken into the conversation. */
    say: (text: string, more?: Partial<Params>) => {
      messages.push({ role: 'user', content: text })
      return ask(more)
    },
    /** Every call of the last answer is answered. */
    answerCalls: (results: (call: Anthropic.ToolUseBlock) => string) => {
      const last = messages.at(-1)!.content as Anthropic.ContentBlock[]
      const calls = last.filter((block): block is Anthropic.ToolUseBlock => block.type === 'tool_use')
      const content = calls.map((call) => ({
        type: 'tool_result' as const,
        tool_use_id: call.id,
        content: results(call),
      }))
      messages.push({ role: 'user', content })
      return ask()
    },
  }
}

async function refusalOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(() => null).catch((reason: unknown) => reason)
  if (!(error instanceof BadRequestError)) throw new Error(`no refusal but ${String(error)}`)
  return error.apiMessage ?? ''
}

const kinds = (message: Anthropic.Message) => message.content.map(({ type }) => type)

describe('a loop of tools, asked by the official SDK', () => {
  it('calls a tool with what it is told, and names the result', async () => {
    const { say, answerCalls } = conversation(await useSandbox(), { tools: TOOLS })
    const called = await say('!tool read_file {"path": "a b/ü.txt", "deep": {"list": [1, null]}}')
    expect(called.stop_reason).toBe('tool_use')
    expect(called.content).toMatchObject([
      {
        type: 'tool_use',
        id: expect.stringMatching(/^toolu_/),
        name: 'read_file',
        caller: { type: 'direct' },
      },
    ])
    expect(called.content[0]).toHaveProperty('input', { path: 'a b/ü.txt', deep: { list: [1, null] } })
    const answer = await answerCalls(() => 'forty-two')
    expect(answer.stop_reason).toBe('end_turn')
    expect(answer.content).toMatchObject([
      { text: 'I have the results:\n\n- `read_file` returned: forty-two' },
    ])
    expect((await say('thanks')).content).toMatchObject([{ text: expect.stringContaining('message 2 of') }])
  })

  it('calls several at once, and fills in what their schemas need', async () => {
    const { say, answerCalls } = conversation(await useSandbox(), { tools: TOOLS })
    const called = await say('!tools 3')
    expect(called.content).toMatchObject([
      { name: 'read_file', input: { path: 'sandbox' } },
      { name: 'list_files', input: {} },
      { name: 'read_file' },
    ])
    expect((await answerCalls(({ name }) => name.length.toString())).content).toMatchObject([
      { text: expect.stringMatching(/`read_file` returned: 9\n- `list_files` returned: 10\n/) },
    ])
  })

  it('calls one where only one is allowed', async () => {
    const choice = { type: 'auto' as const, disable_parallel_tool_use: true }
    const { say } = conversation(await useSandbox(), { tools: TOOLS, tool_choice: choice })
    expect(kinds(await say('!tools 3'))).toEqual(['tool_use'])
  })

  it.each<readonly [string, Partial<Params>, RegExp]>([
    ['!tool read_file', {}, /offers no tool that the client runs/],
    ['!tool other', { tools: TOOLS }, /no tool `other`\. It offers: `read_file`, `list_files`/],
    ['!tool read_file {"path"', { tools: TOOLS }, /is not a JSON object/],
    ['!tools', { tools: [SEARCH] }, /offers no tool that the client runs/],
    ['!tool read_file', { tools: TOOLS, tool_choice: { type: 'none' } }, /`tool_choice` is `none`/],
    ['!pause', { tools: TOOLS }, /no tool that the service runs itself/],
    ['!think', { thinking: { type: 'between_tools' } }, /does not let me think/],
  ])('explains %s with %j', async (command, params, text) => {
    const { say } = conversation(await useSandbox(), params)
    expect((await say(command)).content).toMatchObject([{ type: 'text', text: expect.stringMatching(text) }])
  })

  it('obeys a command in the last block of a message, behind what was said about it', async () => {
    const { messages, ask } = conversation(await useSandbox(), { tools: TOOLS })
    const blocks = ['It is Monday.', '!tool list_files'].map((text) => ({ type: 'text' as const, text }))
    messages.push({ role: 'user', content: blocks })
    expect(kinds(await ask())).toEqual(['tool_use'])
  })

  it('is forced only on models that can be', async () => {
    const forced = { tools: TOOLS, tool_choice: { type: 'tool' as const, name: 'list_files' } }
    const { say } = conversation(await useSandbox(), forced)
    expect(await refusalOf(say('hi'))).toMatch(/tool_choice forces tool use/)
    const old = conversation(await useSandbox(), { ...forced, model: 'claude-haiku-4-5' })
    expect((await old.say('hi')).content).toMatchObject([{ type: 'tool_use', name: 'list_files' }])
  })

  it('is refused without its results', async () => {
    const { messages, say } = conversation(await useSandbox(), { tools: TOOLS })
    await say('!tool list_files')
    expect(await refusalOf(say('never mind'))).toMatch(/without `tool_result` blocks immediately after/)
    expect(messages).toHaveLength(3)
  })

  it('ends at the limit of tokens in the middle of a call', async () => {
    const { client, messages } = conversation(await useSandbox())
    let json = ''
    messages.push({ role: 'user', content: '!cut read_file' })
    const params = { model: 'claude-sonnet-5-5', max_tokens: 100, tools: TOOLS, messages }
    const streaming = client.messages.stream(params).on('inputJson', (piece) => (json += piece))
    expect(await streaming.finalMessage()).toMatchObject({ stop_reason: 'max_tokens' })
    expect(json).not.toBe('')
    expect(() => JSON.parse(json)).toThrow(SyntaxError)
    const whole = await client.messages.create(params)
    expect(whole.stop_reason).toBe('max_tokens')
    expect(whole.content).toMatchObject([{ type: 'text' }, { type: 'tool_use', input: {} }])
    const plain = conversation(await useSandbox())
    expect(await plain.say('!cut')).toMatchObject({ stop_reason: 'max_tokens', content: [{ type: 'text' }] })
  })

  it('is scripted by a test', async () => {
    const sandbox = await useSandbox()
    sandbox.control.answer({
      reply: ({ results }) =>
        results.length > 0
          ? `${results[0]!.tool}: ${results[0]!.text}`
          : { thinking: 'hm', text: 'Let me see.', calls: [{ name: 'list_files', input: {} }] },
    })
    const { say, answerCalls } = conversation(sandbox, { tools: TOOLS })
    expect(kinds(await say('go'))).toEqual(['thinking', 'text', 'tool_use'])
    expect((await answerCalls(() => 'none')).content).toMatchObject([{ text: 'list_files: none' }])
  })
})

describe('a server tool', () => {
  it('pauses the turn and continues when the answer comes back', async () => {
    const { say, ask } = conversation(await useSandbox(), { tools: [SEARCH] })
    const paused = await say('!pause')
    expect(paused.stop_reason).toBe('pause_turn')
    expect(kinds(paused)).toEqual(['text', 'server_tool_use'])
    const answer = await ask()
    expect(answer.stop_reason).toBe('end_turn')
    expect(answer.content).toMatchObject([
      { type: 'web_search_tool_result', content: [{ type: 'web_search_result' }] },
      { type: 'text', citations: [{ type: 'web_search_result_location' }] },
    ])
    expect(answer.usage.server_tool_use).toEqual({ web_search_requests: 1, web_fetch_requests: 0 })
    expect((await say('thanks')).stop_reason).toBe('end_turn')
  })

  it('runs in a container that the answer names', async () => {
    const code: Anthropic.ToolUnion = { type: 'code_execution_20260521', name: 'code_execution' }
    const { say, ask } = conversation(await useSandbox(), { tools: [code] })
    await say('!pause')
    const answer = await ask()
    expect(answer.content[0]).toMatchObject({
      type: 'bash_code_execution_tool_result',
      content: { return_code: 0 },
    })
    expect(answer.container?.id).toBe('container_sandbox')
  })

  it('is called together with a tool of the client, and its result comes first', async () => {
    const { say, answerCalls } = conversation(await useSandbox(), { tools: [SEARCH, ...TOOLS] })
    const called = await say('!pause list_files')
    expect(called.stop_reason).toBe('tool_use')
    expect(kinds(called)).toEqual(['text', 'server_tool_use', 'tool_use'])
    const answer = await answerCalls(() => 'none')
    expect(kinds(answer)).toEqual(['web_search_tool_result', 'text', 'text'])
    expect((await say('thanks')).stop_reason).toBe('end_turn')
  })

  it('is refused when a person writes instead', async () => {
    const { say } = conversation(await useSandbox(), { tools: [SEARCH] })
    await say('!pause')
    expect(await refusalOf(say('never mind'))).toMatch(
      /was found without a corresponding `web_search_tool_result`/,
    )
  })
})

describe('a refusal', () => {
  it('comes at once or late, with its category', async () => {
    const { say, messages } = conversation(await useSandbox())
    const refused = await say('!refuse bio')
    expect(refused).toMatchObject({ stop_reason: 'refusal', content: [], usage: { output_tokens: 0 } })
    expect(refused.stop_details).toMatchObject({ type: 'refusal', category: 'bio' })
    messages.length = 0
    const late = await say('!refuse late')
    expect(late).toMatchObject({ stop_reason: 'refusal', content: [{ type: 'text' }] })
  })
})

describe('thinking', () => {
  const SHOWN = { thinking: { type: 'adaptive' as const, display: 'summarized' as const } }

  it('comes with its text or without, and is paid for', async () => {
    const shown = await conversation(await useSandbox(), SHOWN).say('!think one two three four')
    expect(shown.content).toMatchObject([
      { type: 'thinking', thinking: 'one two three four', signature: expect.stringMatching(/.{40}/) },
      { type: 'text' },
    ])
    const { say } = conversation(await useSandbox())
    const omitted = await say('!think one two three four')
    expect(omitted.content[0]).toMatchObject({
      type: 'thinking',
      thinking: '',
      signature: expect.stringMatching(/.{40}/),
    })
    for (const { usage } of [shown, omitted]) expect(usage.output_tokens_details?.thinking_tokens).toBe(5)
    expect(kinds(await say('!think redacted'))).toEqual(['redacted_thinking', 'text'])
    expect((await say('and on')).stop_reason).toBe('end_turn')
  })

  it('begins every answer where the plan says so, and with a budget', async () => {
    const sandbox = await useSandbox({ answer: { thinks: true } })
    const { say, answerCalls } = conversation(sandbox, { ...SHOWN, tools: TOOLS })
    expect(kinds(await say('!tool list_files'))).toEqual(['thinking', 'tool_use'])
    expect(kinds(await answerCalls(() => 'none'))).toEqual(['thinking', 'text'])
    const budget = { thinking: { type: 'enabled' as const, budget_tokens: 1_024 }, model: 'claude-haiku-4-5' }
    expect(kinds(await conversation(await useSandbox(), budget).say('hi'))).toEqual(['thinking', 'text'])
    const noted = conversation(sandbox, { thinking: { type: 'between_tools' }, tools: TOOLS })
    expect(kinds(await noted.say('!tool list_files'))).toEqual(['thinking', 'tool_use'])
    expect(kinds(await noted.answerCalls(() => 'none'))).toEqual(['text'])
  })

  it('is refused behind a prefix that has changed, and lives on in the sandbox that comes after', async () => {
    const { say, messages } = conversation(await useSandbox(), { system: 'Be kind.' })
    await say('!think')
    const refusal = await refusalOf(say('hello', { system: 'Be rude.' }))
    expect(refusal).toMatch(
      /^messages\.1\.content\.0: Invalid `signature` in `thinking` block\. .* The `system` prompt differs/,
    )
    messages.pop()
    // Another run of the sandbox, with another key of the same workspace.
    const later = conversation(await useSandbox(), { system: 'Be kind.' })
    later.messages.push(...messages, { role: 'user', content: 'hello' })
    const bound = { betas: [BINDING], model: 'claude-sonnet-5-5', max_tokens: 100, system: 'Be kind.' }
    const kept = await later.client.beta.messages.create({ ...bound, messages: later.messages } as never)
    expect(kept).toMatchObject({ input_transformations: [] })
  })

  it('must come back with the calls of its turn', async () => {
    const { say, messages, answerCalls } = conversation(await useSandbox({ answer: { thinks: true } }), {
      tools: TOOLS,
    })
    await say('!tool list_files')
    const last = messages.at(-1)!
    const bare = (last.content as Anthropic.ContentBlockParam[]).filter(({ type }) => type === 'tool_use')
    messages[messages.length - 1] = { role: 'assistant', content: bare }
    expect(await refusalOf(answerCalls(() => 'none'))).toMatch(/cannot be modified/)
  })

  it('is dropped and reported where the request says so', async () => {
    const { client, say, messages } = conversation(await useSandbox(), { system: 'Be kind.' })
    await say('!think')
    const params = {
      model: 'claude-sonnet-5-5',
      max_tokens: 100,
      system: 'Be rude.',
      messages: [
        ...messages,
        { role: 'user' as const, content: 'hello' },
      ] as Anthropic.Beta.BetaMessageParam[],
    }
    const thinking = {
      type: 'adaptive' as const,
      block_binding: { prefix_mismatch_behavior: 'drop_block' as const },
    }
    const dropped = await client.beta.messages.create({ ...params, thinking, betas: [BINDING] })
    expect(dropped.input_transformations).toEqual([
      { type: 'thinking_dropped', path: 'messages.1.content.0', reason: 'prefix_binding_mismatch' },
    ])
    const kept = await client.beta.messages.create({ ...params, system: 'Be kind.', betas: [BINDING] })
    expect(kept.input_transformations).toEqual([])
    expect(await refusalOf(client.beta.messages.create({ ...params, thinking }))).toMatch(
      /block_binding: Extra inputs/,
    )
    const quiet = await client.messages.create({
      ...params,
      system: 'Be kind.',
    } as Anthropic.MessageCreateParamsNonStreaming)
    expect(quiet).not.toHaveProperty('input_transformations')
  })
})

describe('the usage of a request', () => {
  const SYSTEM = [
    { type: 'text' as const, text: 'word '.repeat(1_000), cache_control: { type: 'ephemeral' as const } },
  ]

  it('is the same in sum, from the cache or not', async () => {
    const { say, messages } = conversation(await useSandbox(), { system: SYSTEM })
    const sum = ({ usage }: Anthropic.Message) =>
      usage.input_tokens + (usage.cache_creation_input_tokens ?? 0) + (usage.cache_read_input_tokens ?? 0)
    const first = await say('hi')
    expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(1_024)
    expect(first.usage.cache_creation).toEqual({
      ephemeral_5m_input_tokens: first.usage.cache_creation_input_tokens,
      ephemeral_1h_input_tokens: 0,
    })
    messages.length = 0
    const second = await say('hi')
    expect(second.usage.cache_read_input_tokens).toBe(first.usage.cache_creation_input_tokens)
    messages.length = 0
    const plain = await say('hi', { system: SYSTEM[0]!.text })
    expect(plain.usage).toMatchObject({ cache_creation_input_tokens: 0, cache_read_input_tokens: 0 })
    expect(new Set([first, second, plain].map(sum)).size).toBe(1)
  })

  it('says why the cache was missed', async () => {
    const { say } = conversation(await useSandbox(), { system: SYSTEM })
    const first = await say('hi', { diagnostics: { previous_message_id: null } })
    expect(first.diagnostics).toBeNull()
    const changed = [{ ...SYSTEM[0]!, text: `${SYSTEM[0]!.text}!` }]
    const second = await say('hi', { system: changed, diagnostics: { previous_message_id: first.id } })
    expect(second.diagnostics?.cache_miss_reason).toEqual({
      type: 'system_changed',
      cache_missed_input_tokens: first.usage.cache_creation_input_tokens,
    })
  })

  it('fills the cache with a request for no token', async () => {
    const { say, messages } = conversation(await useSandbox(), { system: SYSTEM })
    const warmed = await say('hi', { max_tokens: 0 })
    expect(warmed).toMatchObject({ stop_reason: 'max_tokens', content: [], usage: { output_tokens: 0 } })
    messages.length = 0
    expect((await say('hi')).usage.cache_read_input_tokens).toBeGreaterThan(0)
  })

  it('is kept apart by account', async () => {
    const sandbox = await useSandbox()
    const read = async (account: Partial<ClientOptions>) =>
      (await conversation(sandbox, { system: SYSTEM }, account).say('hi')).usage.cache_read_input_tokens
    const signedIn = (accountId: string) => {
      const { accessToken: token } = sandbox.signIn({ accountId })
      return { credentials: async () => ({ token, expiresAt: null }), apiKey: null }
    }
    expect(await read({})).toBe(0)
    expect(await read({})).toBeGreaterThan(0)
    expect(await read(signedIn('one'))).toBe(0)
    expect(await read(signedIn('one'))).toBeGreaterThan(0)
    expect(await read(signedIn('two'))).toBe(0)
  })

  it('is no more than the model reads', async () => {
    const { say } = conversation(await useSandbox(), { model: 'claude-haiku-4-5' })
    expect(await refusalOf(say('word '.repeat(170_000)))).toMatch(
      /^prompt is too long: \d+ tokens > 200000 maximum$/,
    )
  })
})
