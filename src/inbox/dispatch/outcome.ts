import { fillText, type Texts } from '../../config/texts.ts'
import { backoffDelay, type BackoffOptions } from '../../support/backoff.ts'
import { MINUTE, SECOND } from '../../support/clock.ts'
import {
  ConfigurationError,
  NeedsLogin,
  NotPermitted,
  StoreError,
  TransientError,
  UsageLimited,
  messageOf,
} from '../../support/errors.ts'
import { redact } from '../../support/text/redact.ts'
import { BudgetReached } from '../../usage/budgets.ts'
import type { Outage } from '../arrival.ts'
import { outageOf, timeInWords, type GateState } from '../gate/gate.ts'
import type { Lease, TurnOutcome } from '../lease.ts'

/** A message whose handling fails this often is not retried automatically. */
const MAX_FAILURES = 3

/** Long enough for a passing cause to pass, short enough that people still wait. */
const FAILURE_BACKOFF: BackoffOptions = { initialMs: 2 * SECOND, maxMs: MINUTE, factor: 4 }

/** A pause without a `Retry-After`, while nothing indicates that the provider is unreachable. */
const PAUSE_BACKOFF: BackoffOptions = { initialMs: SECOND, maxMs: 5 * MINUTE }

/** So many in a row, over some ten minutes in which others were answered: the message itself is what fails. */
const MAX_PAUSES = 10

/** The reason with which a turn is aborted. */
export class Interruption extends Error {
  override readonly name = 'Interruption'
  /**
   * `stopped`: the person asked for it. `returned`: the process ends, and another one continues. `joined`: a message
   * came that belongs to it, and it begins again with both.
   */
  readonly kind: 'stopped' | 'returned' | 'joined'

  constructor(kind: 'stopped' | 'returned' | 'joined') {
    super(kind)
    this.kind = kind
  }
}

export interface Ending {
  readonly outcome: TurnOutcome
  /** When the conversation may be tried again, in epoch milliseconds; null = as soon as the gate is open. */
  readonly retryAt: number | null
  /** Neither an answer, an outage nor a requested stop: logged as an error. */
  readonly unexpected: boolean
  /** It waits alone, because its failure may be its own. */
  readonly suspected?: boolean
}

export interface ThrownContext {
  readonly lease: Lease
  readonly gate: GateState
  readonly now: number
  /** Pauses of this conversation in a row, before this one. */
  readonly pauses: number
  readonly random: number
  readonly texts: Texts
}

/** What becomes of a turn whose handling threw. Pure. */
export function endingOf(error: unknown, context: ThrownContext): Ending {
  const { lease, gate, now, texts } = context
  if (error instanceof Interruption) {
    const outcome: TurnOutcome =
      error.kind === 'stopped' ? { kind: 'stopped', text: '' } : { kind: 'returned' }
    return { outcome, retryAt: null, unexpected: false }
  }
  if (error instanceof BudgetReached) {
    const { resetsAt } = error.claim
    const outage = budgetHold(error, now, texts)
    return { outcome: { kind: 'held', outage, until: resetsAt }, retryAt: resetsAt, unexpected: false }
  }
  if (isOutage(error)) {
    const outage = outageOf(gate, now)
    if (outage && !gate.open && gate.suspected)
      return {
        outcome: { kind: 'returned' },
        retryAt: Math.max(gate.until ?? now, now + PAUSE_BACKOFF.initialMs),
        unexpected: false,
        suspected: true,
      }
    // The gate knows what this outage is; it decides when the next try is worth a request.
    if (outage) return { outcome: { kind: 'held', outage }, retryAt: null, unexpected: false }
    if (context.pauses >= MAX_PAUSES) {
      const reason = reasonOf(error)
      return { outcome: { kind: 'parked', reason, notice: texts.parked }, retryAt: null, unexpected: true }
    }
    const asked = error instanceof TransientError ? error.retryAfterMs : null
    const pause = asked ?? 0
    const own =
      context.pauses === 0 && asked === 0
        ? 0
        : backoffDelay(context.pauses + 1, PAUSE_BACKOFF, context.random)
    return { outcome: { kind: 'returned' }, retryAt: now + Math.max(pause, own), unexpected: false }
  }
  const reason = reasonOf(error)
  if (lease.failures + 1 >= MAX_FAILURES) {
    // Which of several it is shows the last try, of each alone. With stored steps they stay one turn.
    if (lease.messages.length > 1 && lease.journal.steps.length === 0)
      return { outcome: { kind: 'returned', split: true }, retryAt: null, unexpected: true }
    return { outcome: { kind: 'parked', reason, notice: texts.parked }, retryAt: null, unexpected: true }
  }
  const retryAt = now + backoffDelay(lease.failures + 1, FAILURE_BACKOFF, context.random)
  return { outcome: { kind: 'failed', reason, retryAt }, retryAt, unexpected: true }
}

/** Why a message is held that no budget has room for. */
export const BUDGET_REASON = 'budget'

/** People are told once a conversation and period, and again where a raised budget is reached. */
function budgetHold({ claim, raised }: BudgetReached, now: number, texts: Texts): Outage {
  const { key, kind, limit, resetsAt } = claim
  const notice =
    kind === 'month'
      ? fillText(texts, 'budget_month_reached', { time: timeInWords(resetsAt, now) })
      : fillText(texts, 'budget_reached', { time: DAY_BEGINS })
  return { id: `budget ${key} ${limit + raised}`, reason: BUDGET_REASON, notice }
}

/** When the budgets of a day open again. */
const DAY_BEGINS = '00:00 UTC'

/** The messages of the lease do not wait any more. */
export function endsMessages({ kind }: TurnOutcome): boolean {
  return kind === 'answered' || kind === 'refused' || kind === 'parked' || kind === 'stopped'
}

/** Enough to know the cause by; the log has the rest. */
const MAX_REASON = 200

function reasonOf(error: unknown): string {
  return redact(messageOf(error)).slice(0, MAX_REASON)
}

function isOutage(error: unknown): boolean {
  return (
    error instanceof TransientError ||
    error instanceof UsageLimited ||
    error instanceof NeedsLogin ||
    error instanceof NotPermitted ||
    error instanceof ConfigurationError ||
    error instanceof StoreError
  )
}
