import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sandbox, SandboxOptions } from '../../../src/sandbox/sandbox.ts'
import { until } from '../until.ts'
import { toolLog } from './logged-tools.ts'
import { ScriptedTurns } from './scripted-turns.ts'

const ID = 'one'
/** One call of each class of tools. */
const STEPS = [['look', 'note', 'act']]
/** Before a response begins: long enough to bring an outage about in the meantime. */
const DELAY_MS = 500
const ARRIVES_WITHIN_MS = 60_000
const ANSWERED_WITHIN_MS = 120_000

/** What became of a turn of two responses. */
export interface Continued {
  /** Requests for its first response. */
  readonly first: number
  /** How many different requests there were for the second one. */
  readonly second: number
  readonly broken: readonly string[]
}

/** Nothing is asked or run twice, and every try of the second response sends the same bytes. */
export const CONTINUED: Continued = { first: 1, second: 1, broken: [] }

/** A turn of two responses, with tools in between, that meets an outage when the results of its tools are stored. */
export class OutageTurn implements Disposable {
  /** What the person writes. */
  readonly question: string
  /** For the simulated provider. */
  readonly sandboxOptions: SandboxOptions
  readonly folder = mkdtempSync(join(tmpdir(), 'hermes-steps-'))
  readonly #turns = new ScriptedTurns()

  constructor() {
    this.question = this.#turns.begin(ID, STEPS)
    const stream = { delayMs: DELAY_MS, deltaDelayMs: 2, wordsPerDelta: 1 }
    this.sandboxOptions = { answer: { ...stream, thinks: true, reply: this.#turns.reply } }
  }

  /** Resolves when so many requests have come, the refused ones included. */
  async requested(count: number, sandbox: Sandbox): Promise<void> {
    await until(() => sandbox.requests.length >= count, `request ${count}`, ARRIVES_WITHIN_MS)
  }

  /** Resolves when a tool runs, with the process that runs it. */
  async toolBegun(): Promise<number> {
    const line = await until(() => toolLog(this.folder)[0], 'a tool', ARRIVES_WITHIN_MS)
    return Number(line.split(' ')[2])
  }

  /** Requests for the second response. */
  tries({ requests }: Sandbox): number {
    return this.#turns.requestsOf(ID, STEPS.length, requests).length
  }

  /** Waits for the answer, and looks back. */
  async continued(sandbox: Sandbox, shown: () => readonly string[]): Promise<Continued> {
    const isAnswered = () => this.#turns.isAnswered(ID, shown())
    // Where it does not come, what is broken says more than that.
    await until(isAnswered, 'the answer', ANSWERED_WITHIN_MS).catch(() => {})
    const { requests } = sandbox
    const answers = shown().filter((text) => text.includes(` of ${ID}, `))
    const second = this.#turns.requestsOf(ID, STEPS.length, requests)
    const [first, ...firstAgain] = this.#turns.requestsOf(ID, 0, requests)
    const before = JSON.stringify([first?.system, first?.tools, first?.model, first?.maxTokens])
    const { broken } = this.#turns.judge(ID, answers, toolLog(this.folder), 0)
    return {
      first: 1 + firstAgain.length,
      second: new Set(second.map(({ digest }) => digest)).size,
      broken: [
        ...broken,
        ...second.flatMap(({ system, tools, model, maxTokens }) => {
          const now = JSON.stringify([system, tools, model, maxTokens])
          return now === before ? [] : [`${before} became ${now}`]
        }),
      ],
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
