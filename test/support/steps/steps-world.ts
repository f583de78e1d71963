import type { Tool } from '../../../src/agent/tool.ts'
import { DEFAULT_TEXTS } from '../../../src/config/texts.ts'
import { ModelSettings } from '../../../src/conversation/model-settings.ts'
import type { AnswerListener, ModelAnswer, ModelRequest } from '../../../src/conversation/model.ts'
import { createTurn } from '../../../src/conversation/turn.ts'
import { Interruption } from '../../../src/inbox/dispatch/outcome.ts'
import { ConversationEvents } from '../../../src/inbox/fleet/conversation-events.ts'
import type { StepToStore } from '../../../src/inbox/inbox.ts'
import type { Lease, TurnOutcome, Unstored } from '../../../src/inbox/lease.ts'
import type { Journal, ResultToStore, Step, StoredCall } from '../../../src/inbox/step.ts'
import { Emitter } from '../../../src/support/emitter.ts'
import { StoreError, TransientError } from '../../../src/support/errors.ts'
import { PriceTable } from '../../../src/usage/price-table.ts'
import type { Random } from '../chance.ts'
import { silent } from '../message-fixture.ts'
import { modelInfo } from '../provider/model-info.ts'
import { rethrow } from '../rethrow.ts'
import { historyProblems } from './history-problems.ts'
import { leaseOf } from './lease-of.ts'
import { QuickClock } from './quick-clock.ts'
import { scriptedResponse, textIn, type Scripted } from './scripted-response.ts'
import { StepsBill } from './steps-bill.ts'
import { DEFAULT_LIMITS } from './test-tool.ts'

/** What may happen at each point where a turn waits for something. */
type Event = 'crash' | 'taken-over' | 'stop' | 'drain' | 'late'

/** Turns end although something happens at this many of their points. */
const EVENT_SHARE = 0.06
const FAULT_SHARE = 0.06
const EVENTS: readonly Event[] = ['crash', 'crash', 'taken-over', 'stop', 'drain', 'late']
/** More than any turn here needs, whatever happens to it. */
const MAX_LIVES = 200
const MAX_STEPS = 4
const PAUSE_SHARE = 0.2

/** How often, and by whom, a call was begun. */
interface Runs {
  readonly class: StoredCall['class']
  begun: number
}

/** A process that works on the turn, or did. */
interface Process {
  readonly number: number
  readonly controller: AbortController
  readonly draining: AbortController
  isDead: boolean
  /** Called when another process continues the turn. */
  gone: () => void
  lease: Lease | null
}

/**
 * One message, a model that calls tools, and processes that come and go: everything that a turn touches, in memory.
 * What must not happen is collected in `wrongs`.
 */
export class StepsWorld {
  readonly wrongs: string[] = []
  readonly log: string[] = []
  /** The end of the turn, as it was stored; null = withdrawn without a text. */
  end: TurnOutcome | null | undefined
  readonly runs = new Map<string, Runs>()
  readonly #bill = new StepsBill((wrong) => this.wrongs.push(wrong))
  readonly #random: Random
  readonly #script: Scripted[] = []
  readonly #clock = new QuickClock()
  readonly #steps: Step[] = []
  #terms: string | null = null
  #generation = 0
  /** Whose lease is the newest. */
  #holder: Process | null = null
  /** A stop ended the lease of this process, whose text may still be stored. */
  #stopped: Process | null = null
  #isStopped = false
  #firstRequest: string | null = null
  #processes = 0
  #fault = true

  constructor(random: Random) {
    this.#random = random
    const responses = 1 + Math.floor(random() * (MAX_STEPS + 1))
    for (let index = 0; index < responses; index++)
      this.#script.push(scriptedResponse(index, index === responses - 1, random))
  }

  /** From the first lease to the end. */
  async run(): Promise<void> {
    for (let life = 0; life < MAX_LIVES && this.end === undefined; life++) {
      // Late in its life nothing happens any more, so that each turn has an end.
      this.#fault = life < MAX_LIVES / 2
      await this.#live()
    }
    if (this.end === undefined) this.wrongs.push('the turn has no end')
  }

  get hasSteps(): boolean {
    return this.#steps.length > 0
  }

  async #live(): Promise<void> {
    const process: Process = {
      number: ++this.#processes,
      controller: new AbortController(),
      draining: new AbortController(),
      isDead: false,
      gone: () => {},
      lease: null,
    }
    const gone = new Promise<void>((resolve) => (process.gone = resolve))
    this.#holder = process
    const generation = ++this.#generation
    const lease = (process.lease = this.#lease(generation))
    this.#note(process, `leases the turn with ${this.#steps.length} steps`)
    let unstored: Unstored = {}
    const turn = this.#turn(process)(lease, process.controller.signal, {
      draining: process.draining.signal,
      freeze: () => !process.controller.signal.aborted,
      onUnstored: (left) => (unstored = left),
    })
    const finished = turn.then(
      (outcome) => this.#finish(process, outcome, unstored),
      (error: unknown) => {
        if (!process.isDead) this.#release(process, unstored)
        this.#note(process, `ends: ${String(error)}`)
        const isExpected =
          error instanceof Interruption || error instanceof TransientError || error instanceof StoreError
        if (!isExpected) this.wrongs.push(`unexpected: ${String(error)}`)
      },
    )
    await Promise.race([finished, gone])
    // The message was withdrawn with the stop; whatever its process made of it, nobody continues it.
    if (this.#isStopped) this.end ??= null
  }

  #lease(generation: number): Lease {
    const journal: Journal = { terms: this.#terms, steps: structuredClone(this.#steps) }
    return leaseOf(journal, generation, this.#clock.now())
  }

  #turn(process: Process) {
    const thinking = process.number % 2 === 0 ? (['adaptive'] as const) : null
    const info = modelInfo('claude-test', { contextTokens: 200_000, thinking })
    const settings = new ModelSettings({
      // Other things are known in each process: what was sent first is sent to the end.
      config: {
        default: 'claude-test',
        maxTokens: 9_000 + process.number,
        contextLength: 'auto',
        effort: 'auto',
      },
      overrides: {},
      models: {
        current: () => ({ source: 'provider', fetchedAt: 0, models: [info] }),
        find: () => info,
      },
      warn() {},
    })
    return createTurn({
      model: { answer: (request, listener) => this.#ask(process, request, listener) },
      inbox: {
        attachment: async () => null,
        saveStep: (lease, step) => this.#save(process, () => this.#saveStep(lease, step)),
        saveResult: (lease, result) => this.#save(process, () => this.#saveResult(process, lease, result)),
      },
      drafts: { open: () => ({ write: () => {}, close: async () => {} }) },
      events: new ConversationEvents(rethrow),
      texts: DEFAULT_TEXTS,
      clock: this.#clock,
      log: silent,
      settings,
      cache: 'off',
      prices: new PriceTable(),
      observer: new Emitter(rethrow),
      system: async () => `You are process ${process.number}`,
      tools: this.#tools(process),
      limits: { ...DEFAULT_LIMITS, steps: MAX_STEPS - 1, resultBytes: 1_000, callsPerMinute: MAX_STEPS },
      onStoreError: () => {},
      random: this.#random,
    })
  }

  #tools(process: Process): Tool[] {
    const make = (name: string, kind: Tool['class']): Tool => ({
      definition: { name, description: `of process ${process.number}`, inputSchema: '{"type":"object"}' },
      class: kind,
      title: name,
      run: async ({ id }, signal) => {
        this.#begins(process, kind, id, signal)
        await this.#wait(process, `run ${id}`, signal)
        if (this.#random() < FAULT_SHARE) throw new Error('the tool failed')
        if (this.#random() < FAULT_SHARE)
          return { content: '"cut"', isError: true, isUnknown: kind === 'effect' }
        return { content: JSON.stringify(`${id} done`), isError: false }
      },
    })
    return [make('look', 'read'), make('note', 'idempotent'), make('act', 'effect')]
  }

  #begins(process: Process, kind: Tool['class'], id: string, signal: AbortSignal): void {
    const step = this.#steps.find(({ calls }) => calls.some((call) => call.id === id))
    const call = step?.calls.find((call) => call.id === id)
    if (!call) return void this.wrongs.push(`${id} begins before its intent is stored`)
    this.#note(process, `runs ${id}`)
    const runs = this.runs.get(id) ?? { class: kind, begun: 0 }
    this.runs.set(id, runs)
    runs.begun++
    if (kind === 'effect' && runs.begun > 1) this.wrongs.push(`the effect ${id} ran twice`)
    if (signal.aborted) this.wrongs.push(`${id} begins after it was told to end`)
    if (this.#holder !== process) return
    if (call.result !== null) this.wrongs.push(`${id} runs although its result is stored`)
    const before = step!.calls.slice(0, step!.calls.indexOf(call)).filter((other) => other.class !== 'read')
    if (kind === 'read') return
    if (before.some(({ result }) => result === null)) this.wrongs.push(`${id} overtakes a change`)
    if (kind === 'effect' && before.some(({ result }) => result?.includes('"outcome":"unknown"')))
      this.wrongs.push(`${id} runs after an unknown outcome`)
  }

  async #ask(
    process: Process,
    request: ModelRequest,
    { signal, onText, onLost }: AnswerListener,
  ): Promise<ModelAnswer> {
    const index = request.messages.filter(({ role }) => role === 'assistant').length
    this.#note(process, `asks for response ${index}`)
    if (this.#holder === process && index < this.#steps.length)
      this.wrongs.push(`response ${index} is asked for twice`)
    if (process.draining.signal.aborted && index > 0)
      this.wrongs.push('a further step is asked for after a shutdown')
    this.#checkRequest(request, index)
    await this.#wait(process, `ask ${index}`, signal)
    const isLast = request.toolChoice === 'none'
    const scripted = this.#script[index]
    const { content, calls }: Scripted =
      !isLast && scripted ? scripted : { content: '[{"type":"text","text":"That is all."}]', calls: [] }
    const text = textIn(content)
    if (text !== '') onText(text.slice(0, 4))
    const usage = this.#bill.charge(process.number)
    try {
      await this.#wait(process, `hear ${index}`, signal)
      if (this.#fault && this.#random() < FAULT_SHARE) throw new TransientError('cut')
    } catch (error) {
      onLost?.({ model: request.model, usage, modelMs: 1 })
      throw error
    }
    if (text.length > 4) onText(text.slice(4))
    return {
      text,
      content,
      calls,
      container: null,
      model: request.model,
      usage,
      stopReason: calls.length > 0 ? 'tool_use' : 'end_turn',
      modelMs: 1,
    }
  }

  /** What was sent with the first stored step is sent to the end, and the rest is valid. */
  #checkRequest({ messages, toolChoice, ...request }: ModelRequest, index: number): void {
    const frozen = JSON.stringify({ ...request, question: messages[0] })
    if (index === 0) this.#firstRequest = frozen
    else if (frozen !== this.#firstRequest)
      this.wrongs.push(`request ${index} differs: ${frozen} ${this.#firstRequest}`)
    if (toolChoice && index < MAX_STEPS - 1 && this.#clock.monotonic() < DEFAULT_LIMITS.timeMs)
      this.wrongs.push(`it ends too early: ${this.#clock.monotonic()}`)
    const added = messages.slice(1).map(({ role, blocks }) => `{"role":"${role}","content":${blocks}}`)
    this.checkHistory(`[${added.join(',')}]`, 'user')
  }

  /** @param last the role of the last message, if there is one */
  checkHistory(json: string, last: 'user' | 'assistant'): void {
    this.wrongs.push(...historyProblems(json, last))
  }

  /** `json` contains the content of every stored step byte by byte. */
  checkVerbatim(json: string): void {
    for (const [index] of this.#steps.entries())
      if (!json.includes(this.#script[index]!.content))
        this.wrongs.push(`response ${index} was changed: ${json}`)
  }

  /** `text` contains what every stored step has said. */
  checkText(text: string): void {
    for (const [index] of this.#steps.entries())
      if (!text.includes(textIn(this.#script[index]!.content)))
        this.wrongs.push(`words of ${index} are missing: ${text}`)
  }

  async #save(process: Process, apply: () => boolean): Promise<boolean> {
    await this.#point(process, 'save')
    if (this.#fault && this.#random() < FAULT_SHARE) throw new StoreError('away')
    const saved = apply()
    await this.#point(process, 'saved')
    if (this.#fault && this.#random() < FAULT_SHARE) throw new StoreError('no reply')
    return saved
  }

  #holds(lease: Lease): boolean {
    return lease.generation === this.#generation && this.end === undefined
  }

  #saveStep(lease: Lease, { step, terms, spent = [] }: StepToStore): boolean {
    if (!this.#holds(lease)) return false
    if (step.index < this.#steps.length) return true
    if (step.index > this.#steps.length) this.wrongs.push(`step ${step.index} leaves a gap`)
    if (this.#steps.at(-1)?.calls.some(({ result }) => result === null))
      this.wrongs.push('a response is stored before the results of the step before it')
    if (step.index === 0) this.#terms = terms
    this.#steps.push(structuredClone(step))
    this.#bill.book(lease.generation, spent)
    return true
  }

  #saveResult(process: Process, lease: Lease, { index, callId, result }: ResultToStore): boolean {
    if (!this.#holds(lease)) return false
    this.#note(process, `stores ${callId}: ${result}`)
    const step = this.#steps[index]!
    const calls = step.calls.map((call) =>
      call.id === callId && call.result === null ? { ...call, result } : call,
    )
    this.#steps[index] = { ...step, calls }
    return true
  }

  /** The turn goes back to its queue, which the store takes only from the holder. */
  #release(process: Process, unstored: Unstored): void {
    if (this.#holder !== process || !this.#holds(process.lease!)) return
    this.#bill.end(process.number, process.lease!.generation, unstored)
  }

  #finish(process: Process, outcome: TurnOutcome, unstored: Unstored): void {
    if (process.isDead) return
    this.#note(process, `finishes: ${outcome.kind}`)
    const isHolder =
      this.#holder === process && this.#generation === process.lease!.generation && !this.#isStopped
    if (isHolder && outcome.kind === 'stopped') this.wrongs.push('a turn is stopped that nobody stopped')
    if (isHolder && this.end !== undefined) this.wrongs.push('two ends')
    if (isHolder || (outcome.kind === 'stopped' && this.#stopped === process)) {
      this.end = outcome
      this.#bill.end(process.number, process.lease!.generation, unstored)
    }
    this.#stopped = null
  }

  /** Waits as a request or a tool does, which ends when it is told to. */
  async #wait(process: Process, what: string, signal: AbortSignal): Promise<void> {
    await this.#point(process, what)
    signal.throwIfAborted()
  }

  /** A point at which anything may happen. A dead process goes no further. */
  async #point(process: Process, what: string): Promise<void> {
    if (process.isDead) return await new Promise(() => {})
    for (let turns = Math.floor(this.#random() * 4); turns > 0; turns--) await Promise.resolve()
    if (this.#fault && this.#random() < EVENT_SHARE)
      this.#happens(process, EVENTS[Math.floor(this.#random() * EVENTS.length)]!, what)
    if (this.#random() < PAUSE_SHARE) await new Promise((resolve) => setImmediate(resolve))
    if (process.isDead) await new Promise(() => {})
  }

  #happens(process: Process, event: Event, what: string): void {
    if (this.end !== undefined) return
    this.#note(process, `${event} at ${what}`)
    switch (event) {
      case 'crash':
        process.isDead = true
        return process.gone()
      case 'taken-over':
        // The old one lives on, and does not know.
        return this.#isStopped ? undefined : process.gone()
      case 'late':
        return this.#clock.pass(DEFAULT_LIMITS.timeMs)
      case 'drain':
        process.draining.abort()
        if (this.#random() < 0.5) setImmediate(() => process.controller.abort(new Interruption('returned')))
        return
      case 'stop': {
        if (this.#isStopped || this.#holder !== process) return
        this.#isStopped = true
        this.#generation++
        this.#stopped = process
        const abort = () => process.controller.abort(new Interruption('stopped'))
        // The store knows first.
        if (this.#random() < 0.5) abort()
        else setImmediate(abort)
      }
    }
  }

  #note(process: Process, what: string): void {
    this.log.push(`${process.number}: ${what}`)
  }
}
