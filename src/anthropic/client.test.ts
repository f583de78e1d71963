import { expect, test, afterEach, beforeEach, describe } from 'vitest'
import { credentialOf, StaticDoor } from '../../test/support/provider/static-door.ts'
import { ModelRefusal, type ModelRequest } from '../conversation/model.ts'
import type { TurnCost } from '../inbox/lease.ts'
import type { ConversationId } from '../inbox/message.ts'
import type { MessageFault } from '../sandbox/faults/fault-names.ts'
import { startSandbox } from '../sandbox/sandbox.ts'
import type { Sandbox } from '../sandbox/types.ts'
import { HOUR, systemClock } from '../support/clock.ts'
import { ConfigurationError, NeedsLogin, TransientError, UsageLimited } from '../support/errors.ts'
import { createModelClient, type ProviderHealth } from './client.ts'
import { credentialProbe } from './credential-probe.ts'
import { fetchModels } from './models/fetch-models.ts'
import { contentOf } from './prompt.ts'

let sandbox: Sandbox
let health: string[]
let suspicions: boolean[]

beforeEach(async () => {
  sandbox = await startSandbox({ marked: false, answer: { style: 'echo' } })
  health = []
  suspicions = []
})
afterEach(() => sandbox.close())

const recorder: ProviderHealth = {
  succeeded: () => void health.push('succeeded'),
  usageLimited: () => void health.push('usage-limited'),
  unavailable: (retryAfterMs, reason, suspected) => {
    health.push(`unavailable ${reason} ${retryAfterMs}`)
    suspicions.push(suspected)
  },
  misconfigured: () => void health.push('misconfigured'),
}

/** The client under test, on the simulated provider. */
function modelBehind(door: StaticDoor) {
  return createModelClient({
    baseUrl: sandbox.url,
    door,
    health: recorder,
    clock: systemClock,
    userAgent: 'hermes-gateway/test',
    headers: {},
    model: 'claude-sonnet-5-5',
    log: { warn() {} },
  })
}

function ask(door: StaticDoor, text = 'Good morning', onText: (text: string) => void = () => undefined) {
  return modelBehind(door).answer(
    {
      model: 'claude-sonnet-5-5',
      maxTokens: 100,
      system: 'Be kind.',
      messages: [{ role: 'user', text, attachments: [] }],
    },
    { signal: new AbortController().signal, onText },
  )
}

const apiKey = () => credentialOf(sandbox.apiKey(), 'api-key')
const oauth = () => credentialOf(sandbox.signIn().accessToken)

test('an answer comes in pieces and whole, with its usage, for an API key and for an OAuth token', async () => {
  for (const credential of [apiKey(), oauth()]) {
    const pieces: string[] = []
    const door = new StaticDoor(credential)
    const answer = await ask(door, 'Good morning', (text) => pieces.push(text))
    expect(answer.text).toBe('Echo: Good morning')
    expect(pieces.join('')).toBe(answer.text)
    expect(answer.usage.outputTokens).toBeGreaterThan(0)
    expect(answer.stopReason).toBe('end_turn')
    expect(door.accepts).toBe(1)
  }
  expect(sandbox.requests.map((request) => request.userAgent)).toEqual([
    'hermes-gateway/test',
    'hermes-gateway/test',
  ])
})

test('a credential with an address of its own is presented there, and nowhere else', async () => {
  const other = await startSandbox({ marked: false, answer: { style: 'echo' } })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => other.close())
  const baseUrl = other.url
  const own = { ...credentialOf(other.signIn().accessToken), baseUrl }
  expect((await ask(new StaticDoor(own))).text).toBe('Echo: Good morning')
  expect([other.requests.length, sandbox.requests.length]).toEqual([1, 0])
  const options = { baseUrl: sandbox.url, userAgent: 'hermes-gateway/test', headers: {} }
  expect(await credentialProbe({ ...options, clock: systemClock })(own)).toEqual({ kind: 'accepted' })
  expect(await fetchModels(options, own, new AbortController().signal)).not.toEqual([])
  await ask(new StaticDoor(apiKey()))
  expect([other.requests.length, sandbox.requests.length]).toEqual([1, 1])
})

test('the text of a message reaches the model verbatim as the last user message', async () => {
  const text = '  <b>“Ünïcode”</b> \u202E and\n\n  space  '
  await ask(new StaticDoor(apiKey()), text)
  expect(sandbox.requests.at(-1)!.messages.at(-1)).toEqual({ role: 'user', content: text })
  expect(sandbox.requests.at(-1)!.system).toBe('Be kind.')
})

test('a text file reaches the model as it was meant, whatever set it is written in', () => {
  const bytes = Buffer.from('M\xfcller', 'latin1')
  const attachments = [{ mediaType: 'text/plain', name: 'names.csv', bytes }]
  expect(contentOf({ role: 'user', text: 'Who?', attachments })).toEqual([
    {
      type: 'document',
      title: 'names.csv',
      source: { type: 'text', media_type: 'text/plain', data: 'Müller' },
    },
    { type: 'text', text: 'Who?' },
  ])
})

test('a request has its limit, and an effort only where one is set', async () => {
  const client = modelBehind(new StaticDoor(apiKey()))
  const request = {
    model: 'claude-opus-5-5',
    maxTokens: 32_000,
    system: null,
    messages: [{ role: 'user' as const, text: 'hi', attachments: [] }],
  }
  const options = { signal: new AbortController().signal, onText: () => undefined }
  await client.answer({ ...request, effort: 'max' }, options)
  await client.answer({ ...request, effort: null }, options)
  expect(sandbox.requests).toMatchObject([
    { model: 'claude-opus-5-5', maxTokens: 32_000, effort: 'max' },
    { maxTokens: 32_000, effort: null },
  ])
})

test.each([
  ['end_turn', 'end_turn'],
  ['stop_sequence', 'end_turn'],
  ['max_tokens', 'max_tokens'],
  ['model_context_window_exceeded', 'context_full'],
  ['pause_turn', 'paused'],
  ['refusal', 'refusal'],
  ['tool_use', 'end_turn'],
  ['something_new', 'end_turn'],
])('the reason %s of a whole stream is %s', async (stopReason, meaning) => {
  sandbox.control.answer({ stopReason })
  expect(await ask(new StaticDoor(apiKey()))).toMatchObject({
    text: 'Echo: Good morning',
    stopReason: meaning,
  })
})

test('nothing of the environment reaches the provider', async () => {
  process.env.ANTHROPIC_API_KEY = 'sk-ant-api03-TEST-from-the-environment'
  try {
    const credential = apiKey()
    await ask(new StaticDoor(credential))
    expect(sandbox.requests.at(-1)!.fingerprint).toBe(credential.fingerprint)
  } finally {
    delete process.env.ANTHROPIC_API_KEY
  }
})

const OUTCOMES: ReadonlyArray<{
  fault: MessageFault['fault']
  expected: Partial<Record<string, unknown>>
  told: string
}> = [
  {
    fault: 'overloaded-529',
    expected: { name: 'TransientError', reason: 'overloaded' },
    told: 'unavailable overloaded null',
  },
  {
    fault: '500',
    expected: { name: 'TransientError', reason: 'provider' },
    told: 'unavailable provider null',
  },
  {
    fault: '502',
    expected: { name: 'TransientError', reason: 'provider' },
    told: 'unavailable provider null',
  },
  {
    fault: 'reset',
    expected: { name: 'TransientError', reason: 'network' },
    told: 'unavailable network null',
  },
  {
    fault: 'reset-mid-stream',
    expected: { name: 'TransientError', reason: 'network' },
    told: 'unavailable network null',
  },
  {
    fault: 'truncated-stream',
    expected: { name: 'TransientError', reason: 'network' },
    told: 'unavailable network null',
  },
  { fault: 'error-mid-stream', expected: { name: 'TransientError' }, told: 'unavailable overloaded null' },
  { fault: 'usage-limit', expected: { name: 'UsageLimited' }, told: 'usage-limited' },
  { fault: 'bad-request', expected: { name: 'ModelRefusal', reason: 'not-accepted' }, told: 'succeeded' },
  { fault: 'too-large-413', expected: { name: 'ModelRefusal', reason: 'too-large' }, told: 'succeeded' },
  { fault: 'model-404', expected: { name: 'ConfigurationError' }, told: 'misconfigured' },
]

test.each(OUTCOMES)(
  'the fault $fault is $expected.name for the caller',
  async ({ fault, expected, told }) => {
    sandbox.control.fault({ target: 'messages', fault } as MessageFault)
    const door = new StaticDoor(apiKey())
    const error = await ask(door).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(expected)
    expect(
      [TransientError, UsageLimited, ModelRefusal, ConfigurationError].some((type) => error instanceof type),
    ).toBe(true)
    expect(door.rejections).toEqual([])
    expect(health).toEqual([told])
  },
)

const REJECTIONS: ReadonlyArray<{ fault: MessageFault['fault']; rejection: unknown }> = [
  { fault: 'expired', rejection: { kind: 'rejected' } },
  { fault: 'invalid', rejection: { kind: 'rejected' } },
  { fault: 'revoked-401', rejection: { kind: 'rejected' } },
  { fault: 'revoked-403', rejection: { kind: 'rejected' } },
  { fault: 'api-key-401', rejection: { kind: 'rejected' } },
  { fault: 'org-not-allowed', rejection: { kind: 'not-permitted', reason: 'policy' } },
  { fault: 'scope', rejection: { kind: 'scope' } },
  { fault: 'claude-code-only', rejection: { kind: 'not-permitted', reason: 'policy' } },
  { fault: 'extra-usage', rejection: { kind: 'not-permitted', reason: 'billing' } },
  { fault: 'billing', rejection: { kind: 'not-permitted', reason: 'billing' } },
  { fault: '402', rejection: { kind: 'not-permitted', reason: 'billing' } },
  { fault: 'unknown-403', rejection: { kind: 'not-permitted', reason: 'policy' } },
]

test.each(REJECTIONS)(
  'the fault $fault is reported to the keeper as $rejection',
  async ({ fault, rejection }) => {
    sandbox.control.fault({ target: 'messages', fault } as MessageFault)
    const door = new StaticDoor(oauth())
    await expect(ask(door)).rejects.toBeInstanceOf(NeedsLogin)
    expect(door.rejections.map((entry) => entry.rejection)).toEqual([rejection])
    expect(health).toEqual([])
  },
)

describe('the ladder around a request', () => {
  test('a rejected token is replaced and the request repeated before anybody notices', async () => {
    const [first, second] = [oauth(), oauth()]
    sandbox.control.fault({ target: 'messages', fault: 'expired', times: 1 })
    const door = new StaticDoor(first, second)
    expect((await ask(door)).text).toBe('Echo: Good morning')
    expect(door.rejections.map((entry) => entry.fingerprint)).toEqual([first.fingerprint])
  })

  test('the request is repeated once, never twice', async () => {
    sandbox.control.fault({ target: 'messages', fault: 'expired' })
    const door = new StaticDoor(oauth(), oauth(), oauth())
    await expect(ask(door)).rejects.toBeInstanceOf(TransientError)
    expect(sandbox.requests).toHaveLength(2)
    expect(door.rejections).toHaveLength(2)
  })
})

const GREETING: ModelRequest = {
  model: 'claude-sonnet-5-5',
  maxTokens: 100,
  system: null,
  messages: [{ role: 'user', text: 'hi', attachments: [] }],
}

test('an abort ends the request with its own reason and says nothing of the provider', async () => {
  sandbox.control.answer({ delayMs: 5_000 })
  const controller = new AbortController()
  const model = modelBehind(new StaticDoor(apiKey()))
  const reason = new Error('stopped by the person')
  const answer = model.answer(GREETING, { signal: controller.signal, onText: () => undefined })
  setTimeout(() => controller.abort(reason), 50)
  await expect(answer).rejects.toBe(reason)
  expect(health).toEqual([])
})

test('an answer that is aborted says what it has cost', async () => {
  sandbox.control.answer({ deltaDelayMs: 200, wordsPerDelta: 1 })
  const controller = new AbortController()
  const costs: TurnCost[] = []
  const answer = modelBehind(new StaticDoor(apiKey())).answer(GREETING, {
    signal: controller.signal,
    onText: () => controller.abort(new Error('another message came')),
    onLost: (cost) => costs.push(cost),
  })
  await expect(answer).rejects.toThrow('another message came')
  expect(costs).toMatchObject([{ model: 'claude-sonnet-5-5', usage: { inputTokens: expect.any(Number) } }])
  expect(costs[0]!.usage.inputTokens).toBeGreaterThan(0)
})

/** Asks one model, each time with one message. */
function asking(): (text: string, conversation?: string) => Promise<unknown> {
  const model = modelBehind(new StaticDoor(apiKey()))
  return (text, conversation) =>
    model.answer(
      {
        ...(conversation === undefined ? {} : { conversation: conversation as ConversationId }),
        model: 'claude-sonnet-5-5',
        maxTokens: 100,
        system: null,
        messages: [{ role: 'user', text, attachments: [] }],
      },
      { signal: new AbortController().signal, onText: () => undefined },
    )
}

test('a request that fails again while others are answered closes the provider for nobody', async () => {
  const ask = asking()
  const fails = async (text: string) => {
    sandbox.control.fault({ target: 'messages', fault: '500', times: 1 })
    await expect(ask(text)).rejects.toBeInstanceOf(TransientError)
  }
  await fails('poison')
  await fails('poison')
  // Nobody was answered in between: as far as anybody knows the provider fails.
  expect(health).toEqual(['unavailable provider null', 'unavailable provider null'])
  health.length = 0
  await ask('hello')
  await fails('poison')
  await ask('hello again')
  await fails('poison')
  expect(health).toEqual(['succeeded', 'succeeded'])
  // Another message has met nothing yet.
  await fails('hello')
  expect(health.at(-1)).toBe('unavailable provider null')
  await ask('hello again')
  sandbox.control.fault({ target: 'messages', fault: 'overloaded-529', times: 1 })
  await expect(ask('poison')).rejects.toBeInstanceOf(TransientError)
  expect(health.at(-1)).toMatch(/^unavailable overloaded/)
})

test('fewer than five requests that fail in a row may each fail for itself; an overload is the provider’s at once', async () => {
  const ask = asking()
  const failsAs = async (text: string, fault: '500' | 'overloaded-529') => {
    sandbox.control.fault({ target: 'messages', fault, times: 1 })
    await expect(ask(text)).rejects.toBeInstanceOf(TransientError)
  }
  for (const text of ['one', 'one', 'two', 'three', 'four', 'five', 'one']) await failsAs(text, '500')
  expect(suspicions).toEqual([true, true, true, true, true, false, false])
  await ask('hello')
  suspicions.length = 0
  await failsAs('six', '500')
  await failsAs('six', 'overloaded-529')
  expect(suspicions).toEqual([true, false])
})

test('one conversation fails as one, however many messages are added to it', async () => {
  const ask = asking()
  const fails = async (text: string) => {
    sandbox.control.fault({ target: 'messages', fault: '500', times: 1 })
    await expect(ask(text, 'poisoned')).rejects.toBeInstanceOf(TransientError)
  }
  for (const added of ['', ' a', ' b', ' c', ' d', ' e']) await fails(`poison${added}`)
  expect(suspicions).toEqual([true, true, true, true, true, true])
  await ask('hello', 'other')
  health.length = 0
  await fails('poison f')
  expect(health).toEqual([])
})

test('a pause that an overload asks for is obeyed up to an hour', async () => {
  sandbox.control.fault({
    target: 'messages',
    fault: 'overloaded-529',
    times: 1,
    retryAfter: '999999',
  } as MessageFault)
  await expect(ask(new StaticDoor(apiKey()))).rejects.toMatchObject({ retryAfterMs: HOUR })
})

test('a request that fails while another is answered closes the provider for nobody', async () => {
  const ask = asking()
  sandbox.control.fault({ target: 'messages', fault: '500', times: 1, delayMs: 300 })
  const failing = ask('one').catch((error: unknown) => error)
  await ask('another')
  expect(await failing).toBeInstanceOf(TransientError)
  expect(health).toEqual(['succeeded'])
})

test.each(['', ' \n', '\u00a0', '\u0007'])(
  'a text of %j next to a picture is left out: the API refuses it',
  (text) => {
    const attachments = [{ mediaType: 'image/png', name: 'cat.png', bytes: Buffer.from('x') }]
    expect(contentOf({ role: 'user', text, attachments })).toEqual([
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'eA==' } },
    ])
  },
)
