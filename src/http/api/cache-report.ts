import type { CacheFigures } from '../../usage/cache-record.ts'
import type { CacheReport } from '../wire-reports.ts'

/** As it is sent with the usage. Pure. */
export function cacheReport({ inputTokens, readTokens, possibleTokens, reasons }: CacheFigures): CacheReport {
  const shareOf = (tokens: number): number | null => (inputTokens === 0 ? null : tokens / inputTokens)
  return { readShare: shareOf(readTokens), possibleShare: shareOf(possibleTokens), reasons }
}
