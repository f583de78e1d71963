import type { ModelAnswer, ModelRequest } from '../conversation/model.ts'
import { Interruption } from '../inbox/dispatch/outcome.ts'
import { STORE_BACKOFF } from '../inbox/gate/store-health.ts'
import type { Inbox, StepToStore } from '../inbox/inbox.ts'
import type { Lease } from '../inbox/lease.ts'
import type { Step, StoredCall } from '../inbox/step.ts'
import { backoffDelay } from '../support/backoff.ts'
import { SECOND, sleep, type Clock, type Timer } from '../support/clock.ts'
import { StoreError } from '../support/errors.ts'
import type { Log } from '../support/log.ts'
import { costOf, type RequestBounds } from '../usage/cost.ts'
import type { NanoUsd, PriceTable } from '../usage/price-table.ts'
import type { Spending } from '../usage/spending.ts'
import { errorResult, resultOf } from './call-result.ts'
import { decideStep, judgeAnswer } from './decide-step.ts'
import { readResponse, writeResponse } from './response.ts'
import { runCall } from './run-call.ts'
import { messagesOf } from './step-messages.ts'
import type { ToolRate } from './tool-rate.ts'
import type { Tool, TurnLimits } from './tool.ts'

/** An answer with a call that was cut is asked for again with this many times the tokens. */
const MORE_TOKENS = 2

export interface StepsOptions {
  readonly inbox: Pick<Inbox, 'saveStep' | 'saveResult'>
  readonly clock: Clock
  readonly log: Log
  readonly limits: TurnLimits
  /** The same for all turns. */
  readonly rate: ToolRate
  readonly prices: PriceTable
  /** The store did not take something that waits in memory. */
  readonly onStoreError: (error: unknown) => void
  readonly random?: () => number
}

export interface StepRequest {
  /** The steps before this one. */
  readonly steps: readonly Step[]
  /** What it sends beside what all steps of the turn send; the messages follow the question. */
  readonly own: Pick<ModelRequest, 'messages' | 'maxTokens' | 'toolChoice' | 'container'>
}

export interface StepsTurn {
  readonly lease: Lease
  /** See `TurnControl`. */
  readonly freeze: () => boolean
  /** By name; empty: none is offered. */
  readonly tools: ReadonlyMap<string, Tool>
  /** Are tools offered to the model, also those that are away now? */
  readonly offersTools: boolean
  /** Tokens of a response at most. */
  readonly maxTokens: number
  /** Of a response that is asked again because a call in it was cut. */
  readonly mostTokens: number
  /** @throws as `Model.answer` */
  readonly ask: (request: StepRequest) => Promise<ModelAnswer>
  /** What the turn has paid for; all but its last response is added here. */
  readonly spending: Spending
  /** What the newest request can come to at most. */
  readonly bounds: () => RequestBounds
  /** JSON text of what every step sends; read once the first response is there. */
  readonly terms: () => string
  /** What is settled with the step. */
  readonly settlement: () => Pick<StepToStore, 'settles'>
  /** The response is a step now, and another one follows. */
  readonly onStep: () => void
  /** The titles of the tools that run now. */
  readonly onRunning: (titles: readonly string[]) => void
}

/** Another process has the turn, or a person has ended it: nothing more of it is stored. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

/** The tool whose result the request after these steps sends, the first of several; null = none. */
export function resultTool(steps: readonly Step[]): string | null {
  return steps.at(-1)?.calls[0]?.tool ?? null
}

/** Why running tools are ended, where nobody asked for it. */
const TIME_IS_OVER = new Error('the time of the turn is over')

function tooSoon(waitMs: number): string {
  return `Not run: this tool is called too often. It may be called again in ${Math.ceil(waitMs / SECOND)} s.`
}

/**
 * The steps of one turn: asks the model, stores each response with the intents of its calls before anything acts on
 * it, runs them, stores their results, and so on to the answer. It continues wherever the stored steps end.
 */
export class TurnSteps {
  readonly #options: StepsOptions
  readonly #turn: StepsTurn
  readonly #steps: Step[]
  #left: ReadonlySet<string>
  readonly #running = new Map<string, { readonly title: string; readonly end: Promise<void> }>()
  /** Ends the running tools. */
  readonly #tools = new AbortController()
  /** Responses that were paid for and are not sent back. */
  readonly #discarded: ModelAnswer[] = []
  /** Monotonic; later by the time of every outage of the store. */
  #began: number
  #deadline: Timer | null = null
  #isAtLimit = false
  #failure: { readonly error: unknown } | null = null

  constructor(options: StepsOptions, turn: StepsTurn) {
    this.#options = options
    this.#turn = turn
    this.#steps = [...turn.lease.journal.steps]
    this.#left = new Set(
      this.#steps.at(-1)?.calls.flatMap(({ id, result }) => (result === null ? [id] : [])) ?? [],
    )
    const last = this.#steps.at(-1)
    const elapsed = last ? readResponse(last).elapsedMs : 0
    this.#began = options.clock.monotonic() - elapsed
  }

  /** The stored steps, with the results that are known here. */
  get steps(): readonly Step[] {
    return this.#steps
  }

  get discarded(): readonly ModelAnswer[] {
    return this.#discarded
  }

  /** The last response was asked for without calls, at a limit: there may be more to do. */
  get isAtLimit(): boolean {
    return this.#isAtLimit
  }

  /**
   * @param draining aborted when the process ends: no call begins after it
   * @returns the last response, which no step is stored of
   * @throws LeaseLost | an Interruption | what `ask` and the storage throw
   */
  async run(signal: AbortSignal, draining: AbortSignal): Promise<ModelAnswer> {
    const { limits } = this.#options
    const { tools, offersTools } = this.#turn
    const onAbort = () => this.#tools.abort(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    if (offersTools) this.#setDeadline()
    try {
      for (;;) {
        signal.throwIfAborted()
        if (this.#failure) throw this.#failure.error
        const move = decideStep({
          steps: this.#steps,
          left: this.#left,
          running: new Set(this.#running.keys()),
          tools,
          maxSteps: limits.steps,
          isLate: this.#cause() === 'time' || (offersTools && this.#timeLeft() <= 0),
          isSpent: offersTools && this.#spent() >= limits.cost,
          isDraining: draining.aborted,
        })
        switch (move.kind) {
          case 'ask': {
            this.#isAtLimit = move.isLast
            const answer = await this.#ask(move.isLast, signal)
            if (answer) return answer
            break
          }
          case 'close':
            for (const [callId, result] of move.results) await this.#saveResult(callId, result, signal)
            break
          case 'run':
            for (const [callId, result] of this.#beginAll(move.calls, signal))
              await this.#saveResult(callId, result, signal)
            break
          case 'wait':
            await Promise.race([...this.#running.values()].map(({ end }) => end))
            break
          case 'return':
            throw new Interruption('returned')
        }
      }
    } catch (error) {
      this.#tools.abort(error)
      throw error
    } finally {
      this.#deadline?.cancel()
      await Promise.all([...this.#running.values()].map(({ end }) => end))
      signal.removeEventListener('abort', onAbort)
    }
  }

  #setDeadline(): void {
    const { clock } = this.#options
    this.#deadline = clock.setTimer(() => {
      if (this.#timeLeft() > 0) this.#setDeadline()
      else this.#tools.abort(TIME_IS_OVER)
    }, this.#timeLeft())
  }

  #timeLeft(): number {
    return this.#options.limits.timeMs - this.#elapsed()
  }

  #elapsed(): number {
    return this.#options.clock.monotonic() - this.#began
  }

  /** What the responses so far have cost; at most, where that is unknown. */
  #spent(): NanoUsd {
    const { prices } = this.#options
    const responses = [...this.#steps.map(readResponse), ...this.#discarded]
    return responses.reduce(
      (sum, { model, usage }) => sum + costOf(usage, prices.pricesOf(model) ?? prices.dearest())!,
      0,
    )
  }

  /** @returns the answer of the turn; null = there is one more step */
  async #ask(isLast: boolean, signal: AbortSignal): Promise<ModelAnswer | null> {
    const { inbox, clock, log } = this.#options
    const { lease, tools, offersTools, mostTokens, ask, spending, bounds, terms, freeze } = this.#turn
    const steps = [...this.#steps]
    const container = steps.map((step) => readResponse(step).container).findLast((id) => id !== null)
    for (let { maxTokens } = this.#turn; ; maxTokens = Math.min(maxTokens * MORE_TOKENS, mostTokens)) {
      const own = {
        messages: messagesOf(steps),
        maxTokens,
        ...(isLast && offersTools ? { toolChoice: 'none' as const } : {}),
        ...(container ? { container } : {}),
      }
      const answer = await ask({ steps, own })
      const allowed = answer.maxTokens ?? maxTokens
      const verdict = judgeAnswer(answer, {
        isLast: isLast || !offersTools,
        maxTokens: allowed,
        // More than the budget buys is not to be had.
        mostTokens: answer.maxTokens ?? mostTokens,
      })
      if (verdict === 'answer') return answer
      if (verdict === 'again') {
        log.info({ conversation: lease.conversation.id }, 'asking again with more tokens: a call was cut')
        this.#discarded.push(answer)
        spending.add('discarded', answer, { tool: resultTool(steps), bounds })
        continue
      }
      const calls = answer.calls.map(({ id, name, input }) => ({
        id,
        tool: name,
        // Of a tool that there is not, nothing runs.
        class: tools.get(name)?.class ?? 'read',
        input,
        result: null,
      }))
      const index = steps.length
      const response = writeResponse(answer, this.#elapsed())
      const step: Step = { index, response, maxTokens: allowed, calls }
      const first = index === 0 ? terms() : null
      spending.add('step', answer, { tool: resultTool(steps), bounds })
      if (!freeze()) throw signal.reason
      const spent = spending.send()
      const stored = { step, terms: first, spent, ...this.#turn.settlement() }
      await this.#untilStored(() => inbox.saveStep(lease, stored, clock.now()), signal)
      spending.stored(spent)
      this.#steps.push(step)
      this.#left = new Set()
      this.#turn.onStep()
      return null
    }
  }

  /** @returns the results of those that do not run, because they come too soon after others of their tool */
  #beginAll(calls: readonly StoredCall[], signal: AbortSignal): ReadonlyMap<string, string> {
    const refused = new Map<string, string>()
    for (const call of calls) {
      const waitMs = this.#options.rate.begin(call.tool)
      if (waitMs > 0) refused.set(call.id, errorResult(tooSoon(waitMs)))
      else this.#begin(call, signal)
    }
    return refused
  }

  #begin(call: StoredCall, signal: AbortSignal): void {
    const { clock, limits } = this.#options
    const tool = this.#turn.tools.get(call.tool)!
    const run = async () => {
      const { id, tool: name, input } = call
      const end = await runCall(tool, { id, name, input }, this.#tools.signal, clock)
      const result = resultOf(call, end, this.#cause(), limits.resultBytes)
      if (result !== null) await this.#saveResult(id, result, signal)
    }
    const end = run()
      .catch((error: unknown) => {
        this.#failure ??= { error }
        this.#tools.abort(error)
      })
      .finally(() => {
        this.#running.delete(call.id)
        this.#showRunning()
      })
    this.#running.set(call.id, { title: tool.title, end })
    this.#showRunning()
  }

  #cause(): 'time' | 'interruption' | null {
    const { aborted, reason } = this.#tools.signal
    if (!aborted) return null
    return reason === TIME_IS_OVER ? 'time' : 'interruption'
  }

  #showRunning(): void {
    this.#turn.onRunning([...this.#running.values()].map(({ title }) => title))
  }

  async #saveResult(callId: string, result: string, signal: AbortSignal): Promise<void> {
    const { inbox, clock } = this.#options
    const { lease } = this.#turn
    const step = this.#steps.at(-1)!
    const save = () => inbox.saveResult(lease, { index: step.index, callId, result }, clock.now())
    try {
      await this.#untilStored(save, signal)
    } catch (error) {
      // Before the result is known here: no change may follow one whose result is not stored.
      this.#failure ??= { error }
      throw error
    } finally {
      // Also where it is not stored: a turn that ends here tells in its history what is known.
      this.#keep(callId, result)
    }
  }

  #keep(callId: string, result: string): void {
    const step = this.#steps.at(-1)!
    const calls = step.calls.map((call) => (call.id === callId ? { ...call, result } : call))
    this.#steps[this.#steps.length - 1] = { ...step, calls }
  }

  /**
   * A store that fails is asked again until it takes it: what was paid for or has been done stays in memory until
   * then.
   *
   * @throws LeaseLost | the signal's reason | what is not about the store as a whole, at once
   */
  async #untilStored(save: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
    const { clock, onStoreError, random = Math.random } = this.#options
    for (let attempt = 1; ; attempt++) {
      const asked = clock.monotonic()
      try {
        if (await save()) return
        throw new LeaseLost()
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        onStoreError(error)
        await sleep(clock, backoffDelay(attempt, STORE_BACKOFF, random()), signal)
        this.#began += clock.monotonic() - asked
      }
    }
  }
}
