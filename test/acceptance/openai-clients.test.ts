import { request } from 'node:http'
import OpenAI, { APIError } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { BotFixture, PROCESS_TEST } from '../support/processes/bot-fixture.ts'
import { pause } from '../support/until.ts'

const MODEL = 'claude-sonnet-5-5'
const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

type Ask = OpenAI.ChatCompletionCreateParamsNonStreaming
const ask = (content: string, over: Partial<Ask> = {}): Ask => ({
  model: MODEL,
  messages: [{ role: 'user', content }],
  ...over,
})

/** OpenAI's own client. A test checks each answer, so the client must not retry silently. */
function clientOf(bot: BotFixture, apiKey = bot.gateway.token): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${bot.gateway.url}/v1`, maxRetries: 0 })
}

async function problemOf(promise: Promise<unknown>): Promise<APIError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(APIError)
  return error as APIError
}

describe('OpenAI’s own client', () => {
  let bot: BotFixture
  let client: OpenAI
  beforeAll(async () => {
    bot = await BotFixture.start()
    client = clientOf(bot)
  }, PROCESS_TEST.timeout)
  afterAll(() => bot[Symbol.asyncDispose]())

  test('lists the model that it may ask for', async () => {
    const { data } = await client.models.list()
    expect(data).toEqual([{ id: MODEL, object: 'model', created: expect.any(Number), owned_by: 'anthropic' }])
    expect(await client.models.retrieve(MODEL)).toEqual(data[0])
  })

  test('is answered, and what it sends reaches the model to the letter', async () => {
    const answer = await client.chat.completions.create({
      model: MODEL,
      messages: [
        { role: 'system', content: 'Speak like a pirate.' },
        { role: 'user', content: 'first' },
        { role: 'assistant', content: 'Aye.' },
        { role: 'user', content: [{ type: 'text', text: '/new  second, with ümläuts 🦊' }] },
      ],
      max_tokens: 17,
      stop: ['END'],
      temperature: 0.3,
    })
    expect(answer).toMatchObject({
      id: expect.stringMatching(/^chatcmpl-/),
      object: 'chat.completion',
      model: MODEL,
      choices: [
        {
          index: 0,
          finish_reason: 'stop',
          message: { role: 'assistant', content: 'Echo: /new  second, with ümläuts 🦊' },
        },
      ],
    })
    const { prompt_tokens: prompt, completion_tokens: written, total_tokens: total } = answer.usage!
    expect(prompt).toBeGreaterThan(0)
    expect(written).toBeGreaterThan(0)
    expect(total).toBe(prompt + written)
    const asked = bot.sandbox.requests.at(-1)!
    expect(asked.system).toBe('Speak like a pirate.')
    expect(asked.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user'])
    expect(asked.text).toBe('/new  second, with ümläuts 🦊')
    expect(JSON.stringify(asked.messages[1])).toContain('Aye.')
  })

  test('is streamed to, piece by piece, with what it cost at the end', async () => {
    bot.sandbox.control.answer({ deltaDelayMs: 5 })
    const text = Array.from({ length: 30 }, (_, index) => `word${index}`).join(' ')
    const stream = await client.chat.completions.create({
      ...ask(text),
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks: OpenAI.ChatCompletionChunk[] = []
    for await (const chunk of stream) chunks.push(chunk)
    bot.sandbox.control.answer({ deltaDelayMs: 0 })
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1)
    expect(chunks[0]!.choices[0]!.delta).toMatchObject({ role: 'assistant', content: '' })
    const deltas = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
    expect(deltas.join('')).toBe(`Echo: ${text}`)
    expect(deltas.length).toBeGreaterThan(3)
    expect(chunks.at(-2)!.choices[0]).toMatchObject({ delta: {}, finish_reason: 'stop' })
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } })
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  })

  test('reads a stream that ends as the protocol has it', async () => {
    const response = await bot.gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ ...ask('hello'), stream: true }),
    })
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const frames = (await response.text()).split('\n\n').filter(Boolean)
    expect(frames.every((frame) => frame.startsWith('data: '))).toBe(true)
    expect(frames.at(-1)).toBe('data: [DONE]')
    expect(JSON.parse(frames[0]!.slice(6))).not.toHaveProperty('usage')
  })

  test('shows pictures, of the last message and of earlier ones', async () => {
    const picture = {
      type: 'image_url',
      image_url: { url: `data:image/jpeg;base64,${PIXEL}` },
    } as const
    await client.chat.completions.create({
      model: MODEL,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'one' }, picture] },
        { role: 'assistant', content: 'seen' },
        { role: 'user', content: [{ type: 'text', text: 'two' }, picture] },
      ],
    })
    const asked = bot.sandbox.requests.at(-1)!
    expect(asked.attachments).toBe(1)
    const types = JSON.stringify(asked.messages).match(/image\/\w+/g)
    // What it is called is not what it is.
    expect(types).toEqual(['image/png', 'image/png'])
  })

  test('may begin with words of the assistant', async () => {
    await client.chat.completions.create({
      model: MODEL,
      messages: [
        { role: 'assistant', content: 'How can I help?' },
        { role: 'user', content: 'not at all' },
      ],
    })
    expect(bot.sandbox.requests.at(-1)!.messages.map(({ role }) => role)).toEqual([
      'user',
      'assistant',
      'user',
    ])
  })

  test.each<[string, Partial<Record<string, unknown>>, number, string | null]>([
    ['a model that is not there', { model: 'gpt-4o' }, 404, 'model'],
    ['several answers', { n: 2 }, 400, 'n'],
    ['tools', { tools: [{ type: 'function', function: { name: 'x' } }] }, 400, 'tools'],
    ['JSON mode', { response_format: { type: 'json_object' } }, 400, 'response_format'],
    ['no messages', { messages: [] }, 400, 'messages'],
    ['an empty message', { messages: [{ role: 'user', content: ' ' }] }, 400, 'messages'],
    ['the last word', { messages: [{ role: 'assistant', content: 'I' }] }, 400, 'messages'],
    ['a role of its own', { messages: [{ role: 'tool', content: 'x' }] }, 400, 'messages[0].role'],
    ['nonsense for a flag', { stream: 'yes' }, 400, 'stream'],
    ['a blank stop', { stop: [' '] }, 400, 'stop'],
    [
      'an address to be fetched',
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image_url', image_url: { url: 'http://169.254.169.254/latest' } }],
          },
        ],
      },
      400,
      'messages[0].content[0].image_url.url',
    ],
    [
      'something shaped like a token',
      {
        messages: [
          { role: 'system', content: 'the key is sk-ant-api03-TESTTESTTEST' },
          { role: 'user', content: 'keep it' },
        ],
      },
      400,
      null,
    ],
  ])('is told in its own words that %s cannot be had', async (_what, over, status, param) => {
    const before = bot.sandbox.requests.length
    const problem = await problemOf(client.chat.completions.create(ask('x', over as Partial<Ask>)))
    expect(problem).toMatchObject({ status, param, type: 'invalid_request_error' })
    expect(problem.code).toEqual(expect.any(String))
    expect(bot.sandbox.requests.length).toBe(before)
  })

  test('needs a token, and a narrow one is enough', async () => {
    const wrong = await problemOf(clientOf(bot, 'TEST-wrong').models.list())
    expect(wrong).toMatchObject({ status: 401, code: 'invalid_api_key' })
    const tokenOf = async (scope: string) => {
      const made = await bot.gateway.fetch('/api/tokens', {
        method: 'POST',
        body: JSON.stringify({ scope }),
      })
      return ((await made.json()) as { token: string }).token
    }
    const narrow = clientOf(bot, await tokenOf('chat'))
    const answer = await narrow.chat.completions.create(ask('narrow'))
    expect(answer.choices[0]!.message.content).toBe('Echo: narrow')
    const metrics = clientOf(bot, await tokenOf('metrics'))
    expect(await problemOf(metrics.chat.completions.create(ask('x')))).toMatchObject({ status: 403 })
  })

  test('is refused under a foreign name, and with too large a body', async () => {
    const { port, token } = bot.gateway
    const status = await new Promise((resolve, reject) => {
      const headers = { host: 'evil.example', authorization: `Bearer ${token}` }
      request({ host: '127.0.0.1', port, path: '/v1/models', headers }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(421)
    const large = await bot.gateway.fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-length': String(21 * 1024 * 1024) },
      body: 'x'.repeat(21 * 1024 * 1024),
    })
    expect(large.status).toBe(413)
    expect(await large.json()).toMatchObject({ error: { code: 'request_too_large' } })
  })

  test('gets the same answer under the same key, and an error for another request under it', async () => {
    const options = { headers: { 'Idempotency-Key': 'once' } }
    const [first, second] = await Promise.all([
      client.chat.completions.create(ask('only once'), options),
      clientOf(bot).chat.completions.create(ask('only once'), options),
    ])
    expect(second.id).toBe(first.id)
    expect(second.choices).toEqual(first.choices)
    expect(bot.asked('only once')).toHaveLength(1)
    const other = await problemOf(client.chat.completions.create(ask('something else'), options))
    expect(other).toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    const many = await Promise.all(
      ['a', 'b', 'c', 'd'].map((text) => client.chat.completions.create(ask(`at once ${text}`))),
    )
    expect(many.map(({ choices }) => choices[0]!.message.content)).toEqual(
      ['a', 'b', 'c', 'd'].map((text) => `Echo: at once ${text}`),
    )
  })

  test('that goes away in the middle ends the answer, and nothing is left waiting', async () => {
    bot.sandbox.control.answer({ deltaDelayMs: 40, wordsPerDelta: 1 })
    const stream = await client.chat.completions.create({ ...ask('w '.repeat(2_000)), stream: true })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    const stopped = async () => {
      const { queue } = await bot.gateway.json<{ queue: { received: number; answering: number } }>(
        '/api/status',
      )
      return queue.received + queue.answering === 0
    }
    await expect.poll(stopped, { timeout: 20_000 }).toBe(true)
    bot.sandbox.control.answer({ deltaDelayMs: 0, wordsPerDelta: 3 })
    const states = await bot.gateway.json<{ channels: Array<{ channel: string; state: string }> }>(
      '/api/status',
    )
    expect(states.channels).toContainEqual(expect.objectContaining({ channel: 'openai', state: 'connected' }))
    const metrics = await (await bot.gateway.fetch('/metrics')).text()
    expect(metrics).toMatch(/hermes_messages_total\{channel="openai",outcome="answered"\} \d/)
  })

  test('does not notice that the model’s answer broke off and was started again', async () => {
    const fault = bot.sandbox.control.fault({
      target: 'messages',
      fault: 'reset-mid-stream',
      afterDeltas: 3,
      times: 1,
    })
    const stream = await client.chat.completions.create({
      ...ask('one two three four five six seven eight nine ten eleven twelve'),
      stream: true,
    })
    let text = ''
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(fault.struck).toBe(1)
    expect(text).toBe('Echo: one two three four five six seven eight nine ten eleven twelve')
  })

  test('finds what a person’s data are, and that they can be taken away', async () => {
    const exported = await bot.gateway.run(['data', 'export', 'openai', 'owner'])
    expect(exported.stdout).toContain('only once')
    expect(exported.stdout).not.toContain('narrow')
    await bot.gateway.run(['data', 'delete', 'openai', 'owner', '--yes'])
    expect((await bot.gateway.run(['data', 'export', 'openai', 'owner'])).stdout).not.toContain('only once')
  })
})

describe('while the credential is away', () => {
  const OUTAGE = { apiKey: false, start: false } as const

  async function outage(): Promise<BotFixture> {
    const bot = await BotFixture.start(OUTAGE)
    await bot.signedIn({ tokenLifetimeSeconds: 28_800 })
    bot.sandbox.control.fault({ target: 'token-endpoint', fault: '500' })
    bot.sandbox.control.expire()
    await bot.gateway.start()
    // Somebody has to ask before anybody knows.
    const first = await problemOf(clientOf(bot).chat.completions.create(ask('first')))
    expect(first).toMatchObject({ status: 503, type: 'service_unavailable_error' })
    return bot
  }

  test(
    'a request is told when to come back and is not stored, or it waits and is answered afterwards',
    PROCESS_TEST,
    async () => {
      await using bot = await outage()
      const client = clientOf(bot)
      const refused = await problemOf(client.chat.completions.create(ask('not now')))
      expect(refused).toMatchObject({ status: 503, type: 'service_unavailable_error' })
      expect(Number(refused.headers?.get('retry-after'))).toBeGreaterThan(0)
      const hold = { headers: { 'X-Hermes-Hold': 'true' } }
      const whole = client.chat.completions.create(ask('whole'), hold)
      const streamed = client.chat.completions.create({ ...ask('streamed'), stream: true }, hold)
      const left = new AbortController()
      const gone = client.chat.completions.create(ask('gone'), { ...hold, signal: left.signal })
      const stays = { headers: { ...hold.headers, 'Idempotency-Key': 'stays' } }
      const leaving = new AbortController()
      const kept = client.chat.completions.create(ask('kept'), { ...stays, signal: leaving.signal })
      const waiting = async () => {
        const { queue } = await bot.status()
        return queue.held + queue.received
      }
      await expect.poll(waiting, { timeout: 30_000 }).toBe(4)
      left.abort()
      leaving.abort()
      await Promise.allSettled([gone, kept])
      await expect.poll(waiting, { timeout: 30_000 }).toBe(3)
      bot.sandbox.control.repair()
      expect((await whole).choices[0]!.message.content).toBe('Echo: whole')
      let text = ''
      for await (const chunk of await streamed) text += chunk.choices[0]?.delta.content ?? ''
      expect(text).toBe('Echo: streamed')
      const again = await client.chat.completions.create(ask('kept'), stays)
      expect(again.choices[0]!.message.content).toBe('Echo: kept')
      expect(bot.asked('kept')).toHaveLength(1)
      for (const unasked of ['not now', 'gone', 'first']) expect(bot.asked(unasked)).toEqual([])
      await bot.gateway.kill('SIGKILL')
      expect(bot.gateway.stored().map(({ text }) => text)).not.toContain('not now')
    },
  )

  test(
    'a request under a key survives that the gateway is killed with -9, and is answered once',
    PROCESS_TEST,
    async () => {
      await using bot = await outage()
      const options = { headers: { 'X-Hermes-Hold': 'true', 'Idempotency-Key': 'survivor' } }
      const first = clientOf(bot).chat.completions.create(ask('survives'), options)
      await expect.poll(async () => (await bot.status()).queue.held, { timeout: 60_000 }).toBe(1)
      await bot.gateway.kill('SIGKILL')
      await expect(first).rejects.toBeInstanceOf(Error)
      await bot.gateway.start()
      const second = clientOf(bot).chat.completions.create(ask('survives'), options)
      // It is held, and does not reach the model.
      await pause(200)
      expect(bot.asked('survives')).toEqual([])
      bot.sandbox.control.repair()
      const answer = await second
      expect(answer.choices[0]!.message.content).toBe('Echo: survives')
      await bot.gateway.restart('SIGTERM')
      const third = await clientOf(bot).chat.completions.create(ask('survives'), options)
      expect(third).toMatchObject({ id: answer.id, choices: answer.choices })
      expect(bot.asked('survives')).toHaveLength(1)
    },
  )
})
