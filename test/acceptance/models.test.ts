import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import '../support/processes/no-gateway-left.ts'
import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts'
import { GatewayProcess, type Finished } from '../support/processes/gateway-process.ts'
import { until } from '../support/until.ts'

const PROCESS_TEST = { timeout: 120_000 }
/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1'

const open: AsyncDisposable[] = []
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]()
})

async function provider(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox({ marked: false, answer: { style: 'echo' }, ...options })
  open.push({ [Symbol.asyncDispose]: () => sandbox.close() })
  return sandbox
}

async function gatewayAt(baseUrl: string, key: string, model: object = {}): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.prepare({
    config: { model: { base_url: baseUrl, ...model } },
    env: { ANTHROPIC_API_KEY: key },
  })
  open.push(gateway)
  return gateway
}

/** What the page's owner is answered. */
async function said(gateway: GatewayProcess, text: string): Promise<string> {
  return (await gateway.run(['chat', text])).stdout.trimEnd()
}

const itemsOf = ({ stdout }: Finished) =>
  JSON.parse(stdout) as { source: string; fetchedAt: string | null; items: Array<Record<string, unknown>> }

test('the account’s models are listed, chosen and sent within their limits', PROCESS_TEST, async () => {
  const sandbox = await provider()
  const gateway = await gatewayAt(sandbox.url, sandbox.apiKey(), { effort: 'medium' })
  await gateway.start()
  const path = join(gateway.home, 'models.json')
  await until(() => sandbox.counts.modelLists === 1, 'the list')
  await until(() => existsSync(path), 'the file')
  expect(statSync(path).mode & 0o777).toBe(0o600)

  expect(await said(gateway, '/model')).toBe(
    [
      'Current model: claude-sonnet-5-5. Available:',
      'claude-sonnet-5-5 (current)',
      'claude-opus-5-5',
      'claude-haiku-5-5',
      'claude-haiku-4-5-20251001',
    ].join('\n'),
  )
  expect(await said(gateway, '/model claude-opus')).toContain('Closest: claude-opus-5-5.')
  await said(gateway, 'one')
  expect(await said(gateway, '/model claude-haiku-4-5')).toBe('Switched this chat to claude-haiku-4-5.')
  expect(await said(gateway, '/effort high')).toContain('has no levels of effort')
  await said(gateway, 'two')
  await said(gateway, '/model claude-opus-5-5')
  expect(await said(gateway, '/effort max')).toBe('Set the effort of this chat to max.')
  await said(gateway, 'three')
  expect(sandbox.requests).toMatchObject([
    { text: 'one', model: 'claude-sonnet-5-5', maxTokens: 32_000, effort: 'medium', status: 200 },
    { text: 'two', model: 'claude-haiku-4-5', maxTokens: 32_000, effort: null, status: 200 },
    { text: 'three', model: 'claude-opus-5-5', maxTokens: 32_000, effort: 'max', status: 200 },
  ])
  expect(gateway.stderr + gateway.stdout).toContain('The effort medium is ignored: claude-haiku-4-5')

  const json = await gateway.run(['models', '--json'])
  expect(json).toMatchObject({ code: 0, stderr: '' })
  expect(itemsOf(json)).toMatchObject({
    source: 'stored',
    items: [
      { id: 'claude-sonnet-5-5', default: true, maxTokens: 128_000 },
      {},
      { contextTokens: 200_000 },
      { efforts: [] },
    ],
  })
  const words = await gateway.run(['models'])
  expect(words.stdout).toMatch(
    /^claude-sonnet-5-5 \* +Claude Sonnet 5\.5 \(simulated\) +1000k +128k +low medium high xhigh max$/m,
  )
  // The gateway's own answer was fresh enough for both.
  expect(sandbox.counts.modelLists).toBe(1)

  await gateway.restart('SIGKILL')
  await said(gateway, 'four')
  expect(sandbox.requests.at(-1)).toMatchObject({ model: 'claude-opus-5-5', effort: 'max' })
  await until(() => sandbox.counts.modelLists === 2, 'the list of the next start')
})

test('a start without the network is ready, answers later, and warns once', PROCESS_TEST, async () => {
  const gateway = await gatewayAt(NOWHERE, 'sk-ant-api03-TEST-key', { default: 'claude-of-tomorrow' })
  await gateway.start()
  expect(await gateway.readiness()).toMatchObject({ status: 200 })
  const warned = () => (gateway.stdout + gateway.stderr).split('The list of models cannot be had').length - 1
  await until(() => warned() > 0, 'the warning')
  expect(await said(gateway, '/model')).toContain('claude-of-tomorrow (current)\nclaude-sonnet-5-5')
  expect(warned()).toBe(1)
  const list = await gateway.run(['models', '--json'])
  expect(list.code).toBe(4)
  expect(itemsOf(list)).toMatchObject({ source: 'built-in', fetchedAt: null })
  expect(list.stderr).toContain(
    'claude-of-tomorrow is configured and not in this list; it is used all the same.',
  )

  // The same home at a provider that has the model after all.
  await gateway.kill('SIGTERM')
  const sandbox = await provider({ acceptAnyApiKey: true })
  gateway.configure({ model: { base_url: sandbox.url, default: 'claude-haiku-5-5', max_tokens: 100_000 } })
  await gateway.start()
  await until(() => sandbox.counts.modelLists === 1, 'the list')
  await said(gateway, 'hello')
  expect(sandbox.requests.at(-1)).toMatchObject({ model: 'claude-haiku-5-5', maxTokens: 64_000, status: 200 })
})

test(
  'a provider that never gives its list holds up neither the start nor an answer, nor the stop',
  PROCESS_TEST,
  async () => {
    const sandbox = await provider()
    const gateway = await gatewayAt(sandbox.url, sandbox.apiKey())
    sandbox.control.fault({ target: 'messages', fault: 'hang', times: 1 })
    await gateway.start()
    await until(() => sandbox.counts.modelLists === 1, 'the question')
    expect(await said(gateway, 'hello')).toBe('Echo: hello')
    const begun = performance.now()
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null })
    expect(performance.now() - begun).toBeLessThan(5_000)
  },
)

test('a refused list is no rejection of the credential', PROCESS_TEST, async () => {
  const sandbox = await provider()
  const gateway = await gatewayAt(sandbox.url, sandbox.apiKey())
  sandbox.control.fault({ target: 'messages', fault: 'unknown-403', times: 1 })
  await gateway.start()
  await until(() => sandbox.counts.modelLists === 1, 'the question')
  expect(await said(gateway, 'hello')).toBe('Echo: hello')
  expect(await gateway.readiness()).toMatchObject({ status: 200 })
})

test(
  'without a running gateway the command asks the provider, and keeps the answer',
  PROCESS_TEST,
  async () => {
    const sandbox = await provider()
    const gateway = await gatewayAt(sandbox.url, sandbox.apiKey())
    expect(itemsOf(await gateway.run(['models', '--json'])).source).toBe('provider')
    expect(itemsOf(await gateway.run(['models', '--json'])).source).toBe('stored')
    expect(sandbox.counts.modelLists).toBe(1)
    gateway.setEnv({})
    gateway.configure({ model: { base_url: NOWHERE } })
    expect(await gateway.run(['models'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('no usable sign-in'),
    })
  },
)
