import type { MessageObserver } from '../inbox/figures/observer.ts'
import type { CompactionToStore, Inbox } from '../inbox/inbox.ts'
import type { Lease, TurnOutcome } from '../inbox/lease.ts'
import { MINUTE, SECOND, sleep, type Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { PriceTable } from '../usage/price-table.ts'
import { Spending } from '../usage/spending.ts'
import { sentAnswer } from './context/answer-blocks.ts'
import { compactedRecord, countSent, shouldCompact } from './context/compaction.ts'
import type { TurnContext } from './context/context.ts'
import { readEpochRecord, writeEpochRecord, type Epoch } from './context/epoch.ts'
import type { Compacted, ModelRequest } from './model.ts'
import { TurnBudget, type TurnBudgetOptions } from './turn-budget.ts'

/** Nobody waits for it, and a million tokens are read in less. */
const REQUEST_TIMEOUT_MS = 5 * MINUTE
/** Longer than the request: until then no other process begins one, and after a failure none is begun at all. */
const CLAIM_MS = 10 * MINUTE
/** While a turn of the conversation runs what was compacted cannot be stored. */
const BUSY_PAUSE_MS = 2 * SECOND

type Answered = Extract<TurnOutcome, { kind: 'answered' }>

export interface CompactionsOptions extends TurnBudgetOptions {
  readonly inbox: Pick<Inbox, 'saveCompaction'>
  readonly prices: Pick<PriceTable, 'pricesOf'>
  readonly observer: MessageObserver
  readonly clock: Clock
  readonly log: Log
}

/** A compaction that begins when its turn is stored. */
interface Planned {
  readonly budget: TurnBudget
  readonly request: ModelRequest
  readonly epoch: Epoch
  /** When another one may begin, in epoch milliseconds. */
  readonly until: number
  readonly toStore: Omit<CompactionToStore, 'summary' | 'spent'>
}

/**
 * Has the provider compact long conversations, after their answers. Of a conversation one at a time: who answers a
 * turn claims it, with the record that is stored with the answer. A process that ends in between only loses what
 * it has paid for; a later turn begins again.
 */
export class Compactions {
  readonly #options: CompactionsOptions
  readonly #planned = new WeakMap<Lease, Planned>()
  readonly #running = new Set<Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: CompactionsOptions) {
    this.#options = options
  }

  /**
   * Decides at the end of a turn.
   *
   * @param context what the turn has sent
   * @param request with it
   * @returns the outcome to store: with the claim, where there is to be one
   */
  plan(lease: Lease, outcome: Answered, context: TurnContext, request: ModelRequest): Answered {
    const { model, settings, clock } = this.#options
    const { history, record } = context
    const isAble = model.compact !== undefined && settings.models.find(request.model)?.compaction === true
    if (!isAble || history === null || record === null) return outcome
    const { text, blocks = null } = outcome
    if (!shouldCompact(history, () => sentAnswer({ text, blocks }, 'all').tokens)) return outcome
    const known = readEpochRecord(record)
    const now = clock.now()
    const { epoch, compactingUntil = 0 } = known
    if (epoch === null || compactingUntil > now) return outcome
    const until = now + CLAIM_MS
    const claimed = writeEpochRecord({ ...known, compactingUntil: until })
    this.#planned.set(lease, {
      // Its turn is settled by then.
      budget: new TurnBudget(this.#options, { ...lease, turnId: `${lease.turnId} compaction` }),
      // Up to the answer before the question: what the provider has read for this turn.
      request: { ...request, messages: context.messages.slice(0, -1) },
      epoch,
      until,
      toStore: {
        conversationId: lease.conversation.id,
        turnId: lease.turnId,
        known: claimed,
        after: epoch.leftOutUpTo,
        upTo: history.upTo,
        messages: countSent(lease.history, epoch),
      },
    })
    return { ...outcome, summary: claimed }
  }

  /** The answer is stored: begins what was planned with it, in the background. */
  begin(lease: Lease): void {
    const planned = this.#planned.get(lease)
    if (!planned || this.#stop.signal.aborted) return
    const running = this.#run(planned)
      .catch((err: unknown) => this.#options.log.warn({ err }, 'what was compacted could not be stored'))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** Ends what runs; what it has cost so far is stored. Resolves within `ms` milliseconds. */
  async stop(ms: number): Promise<void> {
    this.#stop.abort(new Error('the gateway stops'))
    if (this.#running.size === 0) return
    const over = new AbortController()
    await Promise.race([
      Promise.all(this.#running),
      sleep(this.#options.clock, ms, over.signal).catch(() => {}),
    ])
    over.abort()
  }

  async #run(planned: Planned): Promise<void> {
    const { log } = this.#options
    const { conversationId: conversation } = planned.toStore
    const { prices, observer } = this.#options
    const spending = new Spending(prices, (spent) => observer.emit({ kind: 'spent', spent }))
    const made = await this.#ask(planned, spending)
    const { spent = [] } = spending.unstored
    if (spent.length === 0) return
    const summary =
      made === null || made.block === null
        ? null
        : compactedRecord(planned.epoch, planned.toStore.upTo, { text: made.text, block: made.block })
    const isStored = await this.#save({ ...planned.toStore, spent, summary }, planned.until)
    if (isStored) log.info({ conversation }, 'the provider has compacted the conversation')
    else
      log.info({ conversation }, 'what the provider has compacted is not used: the conversation has changed')
  }

  async #ask({ budget, request, toStore }: Planned, spending: Spending): Promise<Compacted | null> {
    const { clock, log } = this.#options
    const limit = new AbortController()
    const signal = AbortSignal.any([this.#stop.signal, limit.signal])
    void sleep(clock, REQUEST_TIMEOUT_MS, signal).then(
      () => limit.abort(new Error('the compaction took too long')),
      () => {},
    )
    try {
      const made = await budget.compact(request, { signal, onLost: (cost) => spending.add('lost', cost) })
      if (made) spending.add('compaction', made)
      return made
    } catch (err) {
      if (!this.#stop.signal.aborted)
        log.warn({ err, conversation: toStore.conversationId }, 'a conversation could not be compacted')
      return null
    } finally {
      limit.abort()
      await budget.end()
    }
  }

  /** @returns false = the conversation is another one now, or is never free */
  async #save(compaction: CompactionToStore, until: number): Promise<boolean> {
    const { inbox, clock } = this.#options
    for (;;) {
      const end = await inbox.saveCompaction(compaction)
      if (end !== 'busy') return end === 'saved'
      await sleep(clock, BUSY_PAUSE_MS, this.#stop.signal).catch(() => {})
      if (this.#stop.signal.aborted || clock.now() >= until) break
    }
    await inbox.saveCompaction({ ...compaction, summary: null })
    return false
  }
}
