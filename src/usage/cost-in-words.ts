import type { UsageSum } from './ledger.ts'
import type { NanoUsd } from './price-table.ts'

const NANO_PER_USD = 1_000_000_000
/** Below a cent, two figures after the point say nothing. */
const CENT = NANO_PER_USD / 100

export function usdOf(cost: NanoUsd): number {
  return cost / NANO_PER_USD
}

/** `$12.34`, `$0.0012` */
export function dollars(cost: NanoUsd): string {
  return `$${usdOf(cost).toFixed(cost > 0 && cost < CENT ? 4 : 2)}`
}

/** `$12.34`, `$0.0012`, `cost unknown`; with what has to be known of it. */
export function costInWords({ cost, unknown, estimated, subscription }: UsageSum): string {
  if (cost === null) return 'cost unknown'
  const notes = [
    subscription > 0 ? 'at API prices' : null,
    estimated > 0 ? 'partly estimated' : null,
    unknown > 0 ? `${unknown} ${unknown === 1 ? 'request' : 'requests'} of unknown cost not counted` : null,
  ].filter((note) => note !== null)
  const amount = dollars(cost)
  return notes.length === 0 ? amount : `${amount} (${notes.join(', ')})`
}
