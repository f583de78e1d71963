import type { UsageWithCache } from '../../../../src/http/wire-reports.ts'
import { readUsage } from '../board-api.ts'
import { DAY } from '../words.ts'

/** For how many days costs are shown. */
export const USAGE_DAYS = [7, 30, 90] as const
export type UsageDays = (typeof USAGE_DAYS)[number]

/** What was used in the last days, grouped in every way. */
export interface Usage extends Readonly<Record<UsageWithCache['by'], UsageWithCache>> {
  readonly days: UsageDays
  /** When it was asked for. */
  readonly at: number
}

/** @throws ApiError, TypeError as `call` does */
export async function loadUsage(days: UsageDays, now: number): Promise<Usage> {
  const since = firstDay(days, now)
  const [day, person, conversation, model, tool] = await Promise.all([
    readUsage(since, 'day'),
    readUsage(since, 'person'),
    readUsage(since, 'conversation'),
    readUsage(since, 'model'),
    readUsage(since, 'tool'),
  ])
  return { days, at: now, day, person, conversation, model, tool }
}

/** The beginning of the first of these days, of which today is the last. Days are UTC's, as the ledger counts them. */
export function firstDay(days: number, now: number): number {
  return Math.floor(now / DAY) * DAY - (days - 1) * DAY
}
