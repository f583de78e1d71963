import type { Sandbox } from '../../../src/sandbox/sandbox.ts'
import { pause } from '../until.ts'
import type { GatewayProcess } from './gateway-process.ts'

/** Chats that ask at once, of which the budget has room for some. */
export const CHATS = Array.from({ length: 24 }, (_, index) => 7_000 + index)

/** With `max_tokens` below and the model of the default: the answer, and as much input as there may be. */
const STEP_USD = 0.03
export const BUDGET_USD = 4 * STEP_USD

/** 4 kB are a thousand tokens: as many as the shortest answer that is asked for may have. */
export const QUESTION = '!long 4'

export const BUDGET_CONFIG = {
  budgets: { day: BUDGET_USD },
  model: { max_tokens: 2_000 },
  gateway: { operators: [`telegram:${CHATS[0]}`] },
} as const

/** What is streamed long enough to be killed in its middle. */
export const BUDGET_ANSWERS = { delayMs: 30, deltaDelayMs: 4, wordsPerDelta: 20 } as const

export const SAVED = "I've reached today's budget. Your message is saved, and I'll answer it at 00:00 UTC."

/** What the provider has counted, in USD. */
export function billed(sandbox: Sandbox): number {
  return sandbox.state().bill.reduce((sum, { costUsd }) => sum + costUsd!, 0)
}

/** What a gateway leaves in its database that stopped in good order. */
export const NOTHING_OPEN = { reservations: 0, budget_slices: 0 } as const

/** Messages that wait, by their states. */
interface Queue {
  readonly received: number
  readonly answering: number
  readonly held: number
}

/** The machine may be busy. */
const TIMEOUT_MS = 120_000

/** Resolves when none of the gateway's messages is in one of these states. */
export async function untilNone(gateway: GatewayProcess, states: ReadonlyArray<keyof Queue>): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS
  for (;;) {
    const { queue } = await gateway.json<{ readonly queue: Queue }>('/api/status')
    if (states.every((state) => queue[state] === 0)) return
    if (performance.now() > deadline)
      throw new Error(`${JSON.stringify(queue)} wait still:\n${gateway.stderr.slice(-4_000)}`)
    await pause(50)
  }
}
