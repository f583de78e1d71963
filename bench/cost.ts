import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { costOf, NOTHING, type PaidTokens } from '../src/sandbox/messages/bill.ts'
import { SIMULATED_MODELS } from '../src/sandbox/messages/model-table.ts'
import { startSandbox } from '../src/sandbox/sandbox.ts'
import type { Sandbox } from '../src/sandbox/types.ts'
import { printRow } from './support/figures.ts'
import { BenchGateway } from './support/processes.ts'

/** The default of `model.default`. */
const MODEL = SIMULATED_MODELS.find(({ id }) => id === 'claude-sonnet-5-5')!

const TURNS = 40
const RESTART_AFTER = 20
/** The simulated Messages API counts four characters as a token. */
const CHARACTERS_PER_TOKEN = 4
const SYSTEM_TOKENS = 3_000
const ASKED_TOKENS = 100
const ANSWERED_TOKENS = 400

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
  const home = mkdtempSync(join(tmpdir(), 'hermes-bench-'))
  writeFileSync(join(home, 'SOUL.md'), words('system', SYSTEM_TOKENS))
  const turns: PaidTokens[] = []
  try {
    for (const [from, to] of [
      [0, RESTART_AFTER],
      [RESTART_AFTER, TURNS],
    ] as const) {
      await using gateway = await BenchGateway.start(sandbox.url, { home })
      for (let turn = from; turn < to; turn++) {
        const before = billed(sandbox)
        const requests = sandbox.counts.messageRequests
        await ask(gateway, 'main', words(`main ${turn}`, ASKED_TOKENS))
        if (sandbox.counts.messageRequests !== requests + 1) throw new Error('not one request for a turn')
        turns.push(difference(billed(sandbox), before))
        if (turn % 5 === 4) await ask(gateway, 'main', '/status')
        if (turn % 3 === 2) await ask(gateway, 'other', words(`other ${turn}`, ASKED_TOKENS))
      }
    }
  } finally {
    await sandbox.close()
    rmSync(home, { recursive: true, force: true })
  }
  report(turns)
}

/** The input of all requests so far, as the provider counts it. */
function billed(sandbox: Sandbox): PaidTokens {
  const row = sandbox.state().bill.find(({ model }) => model === MODEL.id)
  return { ...NOTHING, ...row, output: 0 }
}

function difference(after: PaidTokens, before: PaidTokens): PaidTokens {
  return combined((kind) => after[kind] - before[kind])
}

function sum(turns: readonly PaidTokens[]): PaidTokens {
  return combined((kind) => turns.reduce((total, turn) => total + turn[kind], 0))
}

function combined(value: (kind: keyof PaidTokens) => number): PaidTokens {
  const kinds = Object.keys(NOTHING) as Array<keyof PaidTokens>
  return Object.fromEntries(kinds.map((kind) => [kind, value(kind)])) as unknown as PaidTokens
}

function tokensOf({ input, cacheRead, cacheWrite5m, cacheWrite1h }: PaidTokens): number {
  return input + cacheRead + cacheWrite5m + cacheWrite1h
}

function report(turns: readonly PaidTokens[]): void {
  const all = sum(turns)
  const { prices } = MODEL.rules
  const uncached = costOf({ ...NOTHING, input: tokensOf(all) }, prices)!
  const cached = costOf(all, prices)!
  const latter = sum(turns.slice(-TURNS / 2))
  const first = turns[RESTART_AFTER]!
  const share = (tokens: PaidTokens) => `${((100 * tokens.cacheRead) / tokensOf(tokens)).toFixed(1)} %`
  printRow('input, all turns', `${tokensOf(all)} tokens`)
  printRow('price of the input without the cache', `$ ${uncached.toFixed(4)}`)
  printRow('price of the input with the cache', `$ ${cached.toFixed(4)}`)
  printRow('ratio', (cached / uncached).toFixed(3), '≤ 0.2')
  printRow(`read from the cache, last ${TURNS / 2} turns`, share(latter), '≥ 95 %')
  printRow('  of it the first turn after the restart', share(first))
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
