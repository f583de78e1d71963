import type { UsageTotal } from '../../../../src/http/wire-reports.ts'

type CostFigures = Pick<UsageTotal, 'costUsd' | 'unknownCostRequests'>

const LANGUAGE = 'en-GB'
/** Less than this is not shown as an amount of its own. */
const CENT = 0.01

/** `$1.24`, `$1,240`; `unknown` where no price is known. */
export function dollars(usd: number | null): string {
  if (usd === null) return 'unknown'
  if (usd > 0 && usd < CENT / 2) return 'under $0.01'
  const digits = usd >= 1_000 ? 0 : 2
  return `$${usd.toLocaleString(LANGUAGE, { minimumFractionDigits: digits, maximumFractionDigits: digits })}`
}

/** A cost of which a part can be unknown: `≥ $1.24`. */
export function costWords({ costUsd, unknownCostRequests }: CostFigures): string {
  const known = dollars(costUsd)
  return costUsd !== null && unknownCostRequests > 0 ? `≥ ${known}` : known
}

/** For an axis, whose steps can be smaller than a cent. */
export function axisDollars(usd: number): string {
  return `$${usd.toLocaleString(LANGUAGE, { maximumSignificantDigits: 3 })}`
}

const UNITS = [
  [1e9, 'B'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const

/** Three digits at most: `950`, `1.2 k`, `38 M`. */
export function short(number: number): string {
  for (const [size, unit] of UNITS) {
    // What would be rounded to a thousand belongs to the next unit.
    if (number < size * 0.9995) continue
    const value = number / size
    return `${Number(value.toFixed(value < 9.95 ? 1 : 0))} ${unit}`
  }
  return String(Math.round(number))
}

/** `72 %`; `–` where there is nothing of which it could be a share. */
export function percent(share: number | null): string {
  if (share === null) return '–'
  // Neither all nor nothing before it really is.
  const rounded = Math.round(share * 100)
  if (rounded === 100 && share < 1) return '99 %'
  if (rounded === 0 && share > 0) return 'under 1 %'
  return `${rounded} %`
}
