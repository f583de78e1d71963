import { DAY } from '../support/clock.ts'
import { worstCaseOf, type RequestBounds } from './cost.ts'
import { dayOf } from './ledger.ts'
import type { NanoUsd, Prices } from './price-table.ts'

/**
 * What may be spent, and what a request may take of it. Pure. Days and months are those of UTC; a reservation belongs
 * to the day and the month in which it was made, whenever it is settled.
 */

export type BudgetKind = 'day' | 'month' | 'person' | 'unattended' | 'chat'

/** For people, at the beginning of a sentence. */
export const BUDGET_NAMES: Readonly<Record<BudgetKind, string>> = {
  day: "Today's budget",
  month: "This month's budget",
  unattended: "Today's budget of what nobody attends",
  person: "A person's budget of today",
  chat: "A chat's budget of today",
}

/** null = no limit. */
export interface BudgetLimits {
  readonly day: NanoUsd | null
  readonly month: NanoUsd | null
  /** Of each person, a day. */
  readonly personDay: NanoUsd | null
  /** Of all turns together that nobody attends, a day. */
  readonly unattendedDay: NanoUsd | null
}

/** On whose account a turn is. */
export interface BudgetedTurn {
  /** Who asks, unique over all platforms; null = unknown. */
  readonly person: string | null
  readonly conversation: string
  /** What the conversation may spend in a day; null = no limit of its own. */
  readonly chatDay: NanoUsd | null
  /** No person waits for its answer. */
  readonly isUnattended: boolean
}

/** One budget that a request needs room in. */
export interface Claim {
  readonly kind: BudgetKind
  /** Names the budget and its period, such as `day 2026-11-30`: what is spent is stored under it. */
  readonly key: string
  /** The person or the conversation whose budget it is; null = everybody's. */
  readonly subject: string | null
  readonly limit: NanoUsd
  /** When its period ends, in epoch milliseconds. */
  readonly resetsAt: number
}

/** The budgets that concern a request of this turn that is sent now; empty = nothing limits it. */
export function claimsOf(turn: BudgetedTurn, limits: BudgetLimits, now: number): readonly Claim[] {
  const { person, conversation, chatDay, isUnattended } = turn
  const claims = [
    claim('day', null, limits.day, now),
    claim('month', null, limits.month, now),
    isUnattended ? claim('unattended', null, limits.unattendedDay, now) : null,
    person !== null && !isUnattended ? claim('person', person, limits.personDay, now) : null,
    claim('chat', conversation, chatDay, now),
  ]
  return claims.filter((one) => one !== null)
}

/** The budgets of everybody that have a limit, in their present periods. */
export function commonClaims(limits: BudgetLimits, now: number): readonly Claim[] {
  const turn = { person: null, conversation: '', chatDay: null, isUnattended: true }
  return claimsOf(turn, limits, now)
}

function claim(kind: BudgetKind, subject: string | null, limit: NanoUsd | null, now: number): Claim | null {
  if (limit === null) return null
  const { name, end } = kind === 'month' ? monthPeriod(now) : dayPeriod(now)
  const key = subject === null ? `${kind} ${name}` : `${kind} ${name} ${subject}`
  return { kind, key, subject, limit, resetsAt: end }
}

interface Period {
  readonly name: string
  /** In epoch milliseconds. */
  readonly end: number
}

function dayPeriod(now: number): Period {
  return { name: dayOf(now), end: (Math.floor(now / DAY) + 1) * DAY }
}

function monthPeriod(now: number): Period {
  const date = new Date(now)
  return {
    name: dayOf(now).slice(0, '2026-11'.length),
    end: Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1),
  }
}

/** A shorter answer is mostly no answer, and is paid for all the same. */
const FLOOR_TOKENS = 1_024

/** What a request needs of each budget. */
export interface Need {
  /** For all that it may take. */
  readonly most: NanoUsd
  /** For the shortest answer that is worth asking for. */
  readonly least: NanoUsd
}

export function needOf(bounds: RequestBounds, prices: Prices): Need {
  const floor = Math.min(FLOOR_TOKENS, bounds.maxTokens)
  return {
    most: worstCaseOf(bounds, prices),
    least: worstCaseOf({ ...bounds, maxTokens: floor }, prices),
  }
}

/** The `max_tokens` that `granted` buys, which is no less than what the request needs. */
export function tokensFor(granted: NanoUsd, bounds: RequestBounds, prices: Prices): number {
  const free = worstCaseOf({ ...bounds, maxTokens: 0 }, prices)
  const perToken = worstCaseOf({ inputTokens: 0, maxTokens: 1, searches: 0 }, prices)
  const bought = perToken === 0 ? bounds.maxTokens : Math.floor((granted - free) / perToken)
  return Math.min(bounds.maxTokens, Math.max(bought, Math.min(FLOOR_TOKENS, bounds.maxTokens)))
}

/** What is known of a budget's present period. */
export interface BudgetUse {
  readonly claim: Claim
  readonly spent: NanoUsd
  /** What an operator has added for today. */
  readonly raised: NanoUsd
  /** When a message first found no room in it, in epoch milliseconds; null = none has. */
  readonly reachedAt: number | null
}

/** The share that is spent; more than 1 where a request has cost more than was known before. */
export function spentRatio({ claim: { limit }, spent, raised }: BudgetUse): number {
  const whole = limit + raised
  return whole === 0 ? 1 : spent / whole
}

/**
 * The highest threshold, in percent, that a budget has crossed and nobody was alerted of; null = none. A budget in
 * which a message found no room has crossed all of them, for what is left of it buys nothing.
 *
 * @param told the highest one that operators were alerted of in its period; 0 = none
 */
export function crossedThreshold(use: BudgetUse, thresholds: readonly number[], told: number): number | null {
  const percent = use.reachedAt === null ? spentRatio(use) * 100 : Infinity
  const crossed = thresholds.filter((threshold) => threshold <= percent && threshold > told)
  return crossed.length === 0 ? null : Math.max(...crossed)
}
