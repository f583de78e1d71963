import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { startSandbox } from '../src/sandbox/sandbox.ts'
import { BenchGateway } from './support/processes.ts'

const TURNS = 40
const RESTART_AFTER = 20
/** The simulated Messages API counts four characters as a token. */
const CHARACTERS_PER_TOKEN = 4
const SYSTEM_TOKENS = 3_000
const ASKED_TOKENS = 100
const ANSWERED_TOKENS = 400

/**
 * US dollars for a million tokens of `claude-sonnet-5-5`.
 *
 * @see https://platform.claude.com/docs/en/about-claude/pricing
 */
const PRICES = { input: 2, written5m: 2.5, written1h: 4, read: 0.2 }

/** What the provider counted for one request, in tokens. */
interface Counted {
  readonly input: number
  readonly written5m: number
  readonly written1h: number
  readonly read: number
}

/**
 * What the input of a long chat costs: with the provider's cache, and what it would without. The gateway
 * restarts in its middle, commands come in between, and another conversation continues in parallel.
 */
export async function benchCost(): Promise<void> {
  console.log(
    `cost: a chat of ${TURNS} turns, ${SYSTEM_TOKENS} tokens of system prompt, ${ASKED_TOKENS} asked and ${ANSWERED_TOKENS} answered; aims in brackets`,
  )
  const sandbox = await startSandbox({ marked: false, acceptAnyApiKey: true, keepRequests: 0 })
  sandbox.control.answer({ reply: () => words('answer', ANSWERED_TOKENS) })
  const provider = await countingProxy(sandbox.url)
  const home = mkdtempSync(join(tmpdir(), 'hermes-bench-'))
  writeFileSync(join(home, 'SOUL.md'), words('system', SYSTEM_TOKENS))
  try {
    for (const [from, to] of [
      [0, RESTART_AFTER],
      [RESTART_AFTER, TURNS],
    ] as const) {
      await using gateway = await BenchGateway.start(provider.url, { home })
      for (let turn = from; turn < to; turn++) await oneTurn(gateway, turn)
    }
  } finally {
    provider.close()
    await sandbox.close()
    rmSync(home, { recursive: true, force: true })
  }
  report(provider.counted.filter(([question]) => question.startsWith('main')).map(([, counted]) => counted))
}

async function oneTurn(gateway: BenchGateway, turn: number): Promise<void> {
  await ask(gateway, 'main', words(`main ${turn}`, ASKED_TOKENS))
  if (turn % 5 === 4) await ask(gateway, 'main', '/status')
  if (turn % 3 === 2) await ask(gateway, 'other', words(`other ${turn}`, ASKED_TOKENS))
}

function report(counted: readonly Counted[]): void {
  if (counted.length !== TURNS) throw new Error(`${counted.length} requests for ${TURNS} turns`)
  const sum = (rows: readonly Counted[], price: (row: Counted) => number) =>
    rows.reduce((total, row) => total + price(row), 0)
  const total = ({ input, written5m, written1h, read }: Counted) => input + written5m + written1h + read
  const uncached = sum(counted, (row) => total(row) * PRICES.input) / 1e6
  const cached =
    sum(
      counted,
      ({ input, written5m, written1h, read }) =>
        input * PRICES.input +
        written5m * PRICES.written5m +
        written1h * PRICES.written1h +
        read * PRICES.read,
    ) / 1e6
  const latter = counted.slice(-TURNS / 2)
  const share = sum(latter, ({ read }) => read) / sum(latter, total)
  row('input, all turns', `${sum(counted, total)} tokens`)
  row('price of the input without the cache', `$ ${uncached.toFixed(4)}`)
  row('price of the input with the cache', `$ ${cached.toFixed(4)}`)
  row('ratio', (cached / uncached).toFixed(3), '≤ 0.2')
  row(`read from the cache, last ${latter.length} turns`, `${(100 * share).toFixed(1)} %`, '≥ 95 %')
  const first = counted[RESTART_AFTER]!
  row('  of it the first turn after the restart', `${((100 * first.read) / total(first)).toFixed(1)} %`)
}

/** Passes requests on, and notes the newest question of each with what the provider counts for it. */
async function countingProxy(url: string) {
  const counted: Array<readonly [question: string, counted: Counted]> = []
  const server = createServer(async (req, res) => {
    const body = await textOf(req)
    const headers = new Headers()
    for (const name of [
      'x-api-key',
      'authorization',
      'anthropic-version',
      'anthropic-beta',
      'content-type',
    ]) {
      const value = req.headers[name]
      if (typeof value === 'string') headers.set(name, value)
    }
    const answer = await fetch(`${url}${req.url}`, {
      method: req.method!,
      headers,
      ...(body === '' ? {} : { body }),
    })
    const text = await answer.text()
    if (req.url === '/v1/messages' && answer.ok) counted.push([questionOf(body), countedIn(text)])
    res.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/plain' })
    res.end(text)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, counted, close: () => server.close() }
}

function questionOf(body: string): string {
  const { messages } = JSON.parse(body) as { messages: Array<{ content: string | Array<{ text: string }> }> }
  const { content } = messages.at(-1)!
  return typeof content === 'string' ? content : content.at(-1)!.text
}

/** The usage in the first event of a stream. */
function countedIn(stream: string): Counted {
  const line = stream.split('\n').find((line) => line.startsWith('data:'))!
  const { usage } = (JSON.parse(line.slice('data:'.length)) as { message: { usage: Usage } }).message
  return {
    input: usage.input_tokens,
    written5m: usage.cache_creation?.ephemeral_5m_input_tokens ?? 0,
    written1h: usage.cache_creation?.ephemeral_1h_input_tokens ?? 0,
    read: usage.cache_read_input_tokens ?? 0,
  }
}

interface Usage {
  readonly input_tokens: number
  readonly cache_read_input_tokens?: number
  readonly cache_creation?: {
    readonly ephemeral_5m_input_tokens: number
    readonly ephemeral_1h_input_tokens: number
  }
}

/** How often to look for an answer, in milliseconds. */
const LOOK_EVERY_MS = 10

/** Resolves when everything in the conversation has its answer. */
async function ask(gateway: BenchGateway, conversation: string, text: string): Promise<void> {
  const url = `${gateway.url}/api/conversations/${conversation}/messages`
  const headers = { authorization: `Bearer ${gateway.token}`, 'content-type': 'application/json' }
  const sent = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ text }) })
  if (sent.status !== 202) throw new Error(`a message was answered ${sent.status}`)
  const { id } = (await sent.json()) as { id: string }
  for (;;) {
    const { items } = (await (await fetch(`${url}?limit=4`, { headers })).json()) as {
      items: Array<{ id: string; state: string }>
    }
    if (items.find((item) => item.id === id)?.state === 'answered') return
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}

/** About so many tokens that begin with `beginning`. */
function words(beginning: string, tokens: number): string {
  return `${beginning} ${'word '.repeat(tokens)}`.slice(0, tokens * CHARACTERS_PER_TOKEN).trim()
}

function row(what: string, figure: string, aim?: string): void {
  console.log(`  ${what.padEnd(44)} ${figure}${aim ? `  [${aim}]` : ''}`)
}
