import Anthropic, {
  APIConnectionError,
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  OverloadedError,
  PaymentRequiredError,
  PermissionDeniedError,
  RateLimitError,
} from '@anthropic-ai/sdk'
import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { useSandbox } from '../../test/support/provider/sandbox-client.ts'
import { pause, until } from '../../test/support/until.ts'
import { MINUTE } from '../support/clock.ts'
import { fingerprint } from '../support/secret.ts'
import { SIMULATED_MODELS } from './messages/model-table.ts'
import type { MessageFaultName, Sandbox } from './sandbox.ts'

function withKey(sandbox: Sandbox, apiKey = sandbox.apiKey()): Anthropic {
  return new Anthropic({ apiKey, authToken: null, baseURL: sandbox.url, maxRetries: 0 })
}

function withToken(sandbox: Sandbox, token = sandbox.signIn().accessToken): Anthropic {
  const credentials = async () => ({ token, expiresAt: null })
  return new Anthropic({ credentials, apiKey: null, authToken: null, baseURL: sandbox.url, maxRetries: 0 })
}

function ask(client: Anthropic, content: string) {
  const messages = [{ role: 'user' as const, content }]
  return client.messages.create({ model: 'claude-sonnet-5-5', max_tokens: 100, messages })
}

function stream(client: Anthropic, content: string) {
  const messages = [{ role: 'user' as const, content }]
  return client.messages.stream({ model: 'claude-sonnet-5-5', max_tokens: 100, messages })
}

async function replyText(answer: Promise<Anthropic.Message>): Promise<string> {
  const [block] = (await answer).content
  return block?.type === 'text' ? block.text : ''
}

async function errorOf(answer: Promise<unknown>): Promise<APIError> {
  const error = await answer.then(() => null).catch((reason: unknown) => reason)
  if (!(error instanceof APIError)) throw new Error(`no API error but ${String(error)}`)
  return error
}

describe('the simulated Messages API, asked by the official SDK', () => {
  it('answers an API key and an OAuth token', async () => {
    const sandbox = await useSandbox({ answer: { style: 'echo' } })
    expect(await replyText(ask(withKey(sandbox), 'one'))).toBe('Echo: one')
    expect(await replyText(ask(withToken(sandbox), 'two'))).toBe('Echo: two')
    expect(sandbox.counts).toMatchObject({ messages: 2, rejections: 0 })
  })

  it('streams the whole answer in pieces, with its usage', async () => {
    const sandbox = await useSandbox({ answer: { style: 'echo', wordsPerDelta: 1 } })
    const events: string[] = []
    const running = stream(withKey(sandbox), 'a b  c\nd')
    running.on('streamEvent', (event) => events.push(event.type))
    const message = await running.finalMessage()
    expect(message.content).toMatchObject([{ type: 'text', text: 'Echo: a b  c\nd' }])
    expect(message.usage.output_tokens).toBeGreaterThan(1)
    expect(message.stop_reason).toBe('end_turn')
    expect(events).toEqual([
      'message_start',
      'content_block_start',
      ...Array.from({ length: 5 }, () => 'content_block_delta'),
      'content_block_stop',
      'message_delta',
      'message_stop',
    ])
  })

  it('quotes the last message and counts the turns', async () => {
    const sandbox = await useSandbox()
    const answer = await withKey(sandbox).messages.create({
      model: 'claude-sonnet-5-5',
      max_tokens: 100,
      system: 'Be kind.',
      messages: [
        { role: 'user', content: 'first' },
        { role: 'assistant', content: 'yes' },
        { role: 'user', content: [{ type: 'text', text: 'second' }] },
      ],
    })
    expect(answer.content[0]).toMatchObject({ text: expect.stringMatching(/> second\n\nThat is message 2 /) })
    expect(sandbox.requests).toMatchObject([{ text: 'second', turns: 2, system: 'Be kind.', status: 200 }])
  })

  it('writes at the pace it is given', async () => {
    const sandbox = await useSandbox({
      answer: { style: { text: 'a b c d' }, wordsPerDelta: 1, deltaDelayMs: 30 },
    })
    const begun = performance.now()
    const message = await stream(withKey(sandbox), 'slowly').finalMessage()
    expect(message.content[0]).toMatchObject({ text: 'a b c d' })
    expect(performance.now() - begun).toBeGreaterThan(100)
  })

  it('refuses unknown, expired, revoked and narrow credentials in the words of the real one', async () => {
    const sandbox = await useSandbox()
    const rejected = async (client: Anthropic) => (await errorOf(ask(client, 'hello'))).apiMessage
    expect(await rejected(withKey(sandbox, 'sk-ant-api03-TEST-unknown'))).toBe('invalid x-api-key')
    expect(await rejected(withToken(sandbox, 'sk-ant-oat01-TEST-unknown'))).toBe('Invalid bearer token')
    const narrow = sandbox.signIn({ scopes: ['user:profile'] }).accessToken
    expect(await rejected(withToken(sandbox, narrow))).toMatch(/does not meet scope requirement/)
    const first = sandbox.signIn().accessToken
    expect(sandbox.control.expire()).toBeGreaterThan(0)
    expect(await rejected(withToken(sandbox, first))).toMatch(/has expired/)
    const second = sandbox.signIn().accessToken
    sandbox.control.revokeAccess()
    expect(await rejected(withToken(sandbox, second))).toMatch(/has been revoked/)
    const key = sandbox.apiKey()
    sandbox.control.revokeApiKeys()
    expect(await rejected(withKey(sandbox, key))).toBe('invalid x-api-key')
  })

  it('demands the beta header with an OAuth token', async () => {
    const sandbox = await useSandbox()
    const token = sandbox.signIn().accessToken
    const client = new Anthropic({ authToken: token, apiKey: null, baseURL: sandbox.url, maxRetries: 0 })
    expect(await errorOf(ask(client, 'hello'))).toBeInstanceOf(AuthenticationError)
  })

  it('lists the models and counts tokens', async () => {
    const sandbox = await useSandbox()
    const client = withKey(sandbox)
    const ids: string[] = []
    for await (const model of client.models.list()) ids.push(model.id)
    expect(ids).toContain('claude-sonnet-5-5')
    expect((await client.models.retrieve('claude-sonnet-5-5')).type).toBe('model')
    expect(await errorOf(client.models.retrieve('claude-none'))).toBeInstanceOf(NotFoundError)
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const counted = await client.messages.countTokens({ model: 'claude-sonnet-5-5', messages })
    expect(counted.input_tokens).toBeGreaterThan(0)
  })
})

describe('the faults of the Messages API, met by the official SDK', () => {
  const classes: ReadonlyArray<[MessageFaultName, unknown, string | null]> = [
    ['expired', AuthenticationError, 'authentication_error'],
    ['invalid', AuthenticationError, 'authentication_error'],
    ['invalid-bearer', AuthenticationError, 'authentication_error'],
    ['revoked-401', AuthenticationError, 'authentication_error'],
    ['revoked-403', PermissionDeniedError, 'permission_error'],
    ['api-key-401', AuthenticationError, 'authentication_error'],
    ['org-not-allowed', PermissionDeniedError, 'permission_error'],
    ['scope', PermissionDeniedError, 'permission_error'],
    ['claude-code-only', BadRequestError, 'invalid_request_error'],
    ['extra-usage', BadRequestError, 'invalid_request_error'],
    ['rate-limit', RateLimitError, 'rate_limit_error'],
    ['usage-limit', RateLimitError, 'rate_limit_error'],
    ['overloaded-529', OverloadedError, 'overloaded_error'],
    ['500', InternalServerError, 'api_error'],
    ['502', InternalServerError, null],
    ['503', InternalServerError, 'api_error'],
    ['billing', BadRequestError, 'invalid_request_error'],
    ['402', PaymentRequiredError, 'billing_error'],
    ['unknown-403', PermissionDeniedError, 'permission_error'],
    ['model-404', NotFoundError, 'not_found_error'],
    ['bad-request', BadRequestError, 'invalid_request_error'],
    ['too-large-413', APIError, 'request_too_large'],
    ['reset', APIConnectionError, null],
  ]

  it.each(classes)('%s becomes the class of the SDK, once', async (fault, errorClass, type) => {
    const sandbox = await useSandbox({ answer: { style: 'echo' } })
    const client = withKey(sandbox)
    sandbox.control.fault({ target: 'messages', fault, times: 1 })
    const error = await errorOf(ask(client, 'hello'))
    expect(error).toBeInstanceOf(errorClass)
    expect(error.type ?? null).toBe(type)
    expect(error.requestID?.startsWith('req_sandbox_') ?? false).toBe(type !== null || fault === '502')
    expect(await replyText(ask(client, 'again'))).toBe('Echo: again')
  })

  it('tells when a limit ends', async () => {
    const sandbox = await useSandbox()
    const client = withKey(sandbox)
    sandbox.control.fault({ target: 'messages', fault: 'rate-limit', retryAfter: 7, times: 1 })
    expect((await errorOf(ask(client, 'hello'))).headers?.get('retry-after')).toBe('7')
    sandbox.control.fault({ target: 'messages', fault: 'usage-limit', resetInMs: 90_000, times: 1 })
    const { headers } = await errorOf(ask(client, 'hello'))
    const reset = Number(headers?.get('anthropic-ratelimit-unified-reset')) * 1_000
    expect(reset).toBeGreaterThan(Date.now() + 85_000)
    expect(Date.parse(headers?.get('anthropic-ratelimit-requests-reset') ?? '')).toBeGreaterThan(
      Date.now() + 85_000,
    )
  })

  it.each([
    ['reset-mid-stream', /terminated|aborted|reset/],
    ['truncated-stream', /./],
    ['error-mid-stream', /Overloaded/],
  ] as const)('%s fails after text was shown', async (fault, text) => {
    const sandbox = await useSandbox({ answer: { style: { bytes: 500 }, wordsPerDelta: 1 } })
    sandbox.control.fault({ target: 'messages', fault, afterDeltas: 3, times: 1 })
    const pieces: string[] = []
    const running = stream(withKey(sandbox), 'hello').on('text', (piece) => pieces.push(piece))
    await expect(running.finalMessage()).rejects.toThrow(text)
    expect(pieces).toHaveLength(3)
  })

  it('rejects the credential after text was shown', async () => {
    const sandbox = await useSandbox()
    const errorType = 'authentication_error'
    sandbox.control.fault({ target: 'messages', fault: 'error-mid-stream', errorType, times: 1 })
    const error = await errorOf(stream(withKey(sandbox), 'hello').finalMessage())
    expect([error.type, error.apiMessage]).toEqual([errorType, expect.stringMatching(/expired/)])
  })

  it('stops in mid-stream and keeps the connection', async () => {
    const sandbox = await useSandbox({ answer: { style: { bytes: 500 }, wordsPerDelta: 1 } })
    sandbox.control.fault({ target: 'messages', fault: 'hang-mid-stream', afterDeltas: 2, times: 1 })
    const pieces: string[] = []
    const running = stream(withKey(sandbox), 'hello').on('text', (piece) => pieces.push(piece))
    const ended = running.finalMessage().catch((error: Error) => error.message)
    await until(() => pieces.length === 2, 'the pieces before the stop')
    // Nothing follows, and nothing ends the stream.
    await pause(100)
    running.abort()
    expect(await ended).toMatch(/aborted/)
    expect(pieces).toHaveLength(2)
  })

  it('hangs until the client gives up', async () => {
    const sandbox = await useSandbox()
    const client = withKey(sandbox)
    sandbox.control.fault({ target: 'messages', fault: 'hang', times: 1 })
    const messages = [{ role: 'user' as const, content: 'hello' }]
    const body = { model: 'claude-sonnet-5-5', max_tokens: 9, messages }
    await expect(client.messages.create(body, { timeout: 100 })).rejects.toThrow(/timed out/)
  })

  it('strikes only the token that is named, each time a little later', async () => {
    const sandbox = await useSandbox()
    const [bad, good] = [sandbox.signIn().accessToken, sandbox.signIn().accessToken]
    const handle = sandbox.control.fault({
      target: 'messages',
      fault: 'invalid',
      fingerprint: fingerprint(bad),
      delayStepMs: 30,
    })
    const begun = performance.now()
    await Promise.all(Array.from({ length: 4 }, () => errorOf(ask(withToken(sandbox, bad), 'hello'))))
    expect(performance.now() - begun).toBeGreaterThanOrEqual(85)
    expect(handle.struck).toBe(4)
    expect(await replyText(ask(withToken(sandbox, good), 'hello'))).toContain('hello')
    handle.clear()
    expect(await replyText(ask(withToken(sandbox, bad), 'hello'))).toContain('hello')
  })

  it('ends automatically when its time has passed', async () => {
    const clock = new FakeClock()
    const sandbox = await useSandbox({ clock })
    const client = withKey(sandbox)
    sandbox.control.fault({ target: 'messages', fault: '500', forMs: MINUTE })
    expect(await errorOf(ask(client, 'hello'))).toBeInstanceOf(InternalServerError)
    await clock.advance(MINUTE)
    expect(await replyText(ask(client, 'hello'))).toContain('hello')
    expect(sandbox.control.faults()).toEqual([])
  })
})

describe('the simulated models', () => {
  it('are listed by pages, as the official SDK reads them', async () => {
    const sandbox = await useSandbox()
    const ids: string[] = []
    for await (const model of withKey(sandbox).models.list({ limit: 1 })) {
      ids.push(model.id)
      expect(model.capabilities!.thinking.types).toHaveProperty('adaptive.supported')
    }
    expect(ids).toEqual(SIMULATED_MODELS.map(({ id }) => id))
    expect(await errorOf(withKey(sandbox).models.list({ limit: 1_001 }))).toBeInstanceOf(BadRequestError)
    expect(await errorOf(withKey(sandbox).models.list({ after_id: 'claude-none' }))).toBeInstanceOf(
      BadRequestError,
    )
    expect((await withKey(sandbox).models.retrieve('claude-haiku-4-5')).capabilities!.effort.supported).toBe(
      false,
    )
    expect(await errorOf(withKey(sandbox).models.retrieve('claude-none'))).toBeInstanceOf(NotFoundError)
  })

  it('that are retired are listed only to those who ask for them, and answer nobody', async () => {
    const retired = { ...SIMULATED_MODELS[0]!, lifecycle: 'retired' as const }
    const sandbox = await useSandbox({ models: [retired, SIMULATED_MODELS[1]!] })
    const listed = async (lifecycle?: Array<'active' | 'retired'>) =>
      (await withKey(sandbox).models.list(lifecycle ? { lifecycle } : {})).data.map(({ id }) => id)
    expect(await listed()).toEqual(['claude-opus-5-5'])
    expect(await listed(['retired'])).toEqual(['claude-sonnet-5-5'])
    expect(await errorOf(ask(withKey(sandbox), 'hi'))).toBeInstanceOf(NotFoundError)
  })

  const HI = [{ role: 'user' as const, content: 'hi' }]
  it.each([
    [
      'an unknown model',
      { model: 'claude-sonnet-9', max_tokens: 10 },
      NotFoundError,
      /^model: claude-sonnet-9$/,
    ],
    [
      'more tokens than the model allows',
      { model: 'claude-haiku-5-5', max_tokens: 64_001 },
      BadRequestError,
      /64001 > 64000, which is the maximum allowed number of output tokens for claude-haiku-5-5/,
    ],
    [
      'an effort of a model without one',
      { model: 'claude-haiku-4-5', max_tokens: 10, output_config: { effort: 'low' as const } },
      BadRequestError,
      /does not support the effort parameter/,
    ],
    [
      'a level that the model has not got',
      { model: 'claude-haiku-5-5', max_tokens: 10, output_config: { effort: 'xhigh' as const } },
      BadRequestError,
      /level is not supported/,
    ],
    [
      'a kind of thinking that the model has not got',
      { model: 'claude-opus-5-5', max_tokens: 10, thinking: { type: 'disabled' as const } },
      BadRequestError,
      /"disabled" is not supported/,
    ],
  ])('refuse %s', async (_what, request, kind, message) => {
    const sandbox = await useSandbox()
    const error = await errorOf(
      withKey(sandbox)
        .messages.stream({ messages: HI, ...request })
        .finalMessage(),
    )
    expect(error).toBeInstanceOf(kind)
    expect(error.apiMessage).toMatch(message)
  })

  it('accept what they are able to do', async () => {
    const sandbox = await useSandbox()
    await withKey(sandbox)
      .messages.stream({
        model: 'claude-haiku-5-5',
        max_tokens: 64_000,
        messages: HI,
        output_config: { effort: 'high' },
        thinking: { type: 'disabled' },
      })
      .finalMessage()
    expect(sandbox.requests).toMatchObject([{ status: 200, maxTokens: 64_000, effort: 'high' }])
  })
})
