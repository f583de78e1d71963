import { HOUR, MINUTE } from '../support/clock.ts'
import type { CacheUse } from './cache-watch.ts'

/** The last hour decides, counted in pieces. */
const WINDOW_MS = HOUR
const PIECE_MS = 5 * MINUTE
/** Fewer misses can be chance: the provider promises no entry. */
const LEAST_MISSES = 5
/** With this share of what was possible the cache still saves most of what it can. */
const GOOD_SHARE = 0.8
/** It has to last for as long as the window, so that one burst is over before. */
const LASTING_MS = WINDOW_MS

interface Piece {
  /** Epoch milliseconds. */
  readonly from: number
  readonly misses: Readonly<Record<string, number>>
  readonly readTokens: number
  readonly possibleTokens: number
}

/** What is known of the last hour of all conversations. */
export interface CacheTrouble {
  /** Oldest first. */
  readonly pieces: readonly Piece[]
  /** Since when the last hour has been bad, in epoch milliseconds; null = it is not. */
  readonly badSince: number | null
  /** It has lasted for so long that the operators were alerted. */
  readonly isAlerted: boolean
}

export const NO_TROUBLE: CacheTrouble = { pieces: [], badSince: null, isAlerted: false }

export type CacheChange =
  | { readonly kind: 'lasting'; readonly reason: string; readonly misses: number; readonly readShare: number }
  | { readonly kind: 'over' }

/** @returns the next state, and what the operators are to be alerted of; null = nothing */
export function addCacheUse(
  trouble: CacheTrouble,
  use: CacheUse,
  readTokens: number,
  now: number,
): { readonly trouble: CacheTrouble; readonly change: CacheChange | null } {
  const pieces = withUse(
    // A clock that was set back must not leave pieces behind that never end.
    trouble.pieces.filter(({ from }) => from > now - WINDOW_MS && from <= now),
    use,
    readTokens,
    now,
  )
  const { misses, reason, readShare } = sumOf(pieces)
  if (misses < LEAST_MISSES || readShare >= GOOD_SHARE) {
    return {
      trouble: { pieces, badSince: null, isAlerted: false },
      change: trouble.isAlerted ? { kind: 'over' } : null,
    }
  }
  const badSince = Math.min(trouble.badSince ?? now, now)
  const isLasting = now - badSince >= LASTING_MS
  return {
    trouble: { pieces, badSince, isAlerted: trouble.isAlerted || isLasting },
    change: isLasting && !trouble.isAlerted ? { kind: 'lasting', reason, misses, readShare } : null,
  }
}

function withUse(pieces: readonly Piece[], use: CacheUse, readTokens: number, now: number): readonly Piece[] {
  const last = pieces.at(-1)
  const isCurrent = last !== undefined && now < last.from + PIECE_MS
  const piece = isCurrent ? last : { from: now, misses: {}, readTokens: 0, possibleTokens: 0 }
  const missed: Readonly<Record<string, number>> =
    use.kind === 'unexpected' ? { [use.reason]: (piece.misses[use.reason] ?? 0) + 1 } : {}
  return [
    ...(isCurrent ? pieces.slice(0, -1) : pieces),
    {
      from: piece.from,
      misses: { ...piece.misses, ...missed },
      readTokens: piece.readTokens + readTokens,
      possibleTokens: piece.possibleTokens + use.possibleTokens,
    },
  ]
}

/** @returns with the reason that most of the misses have */
function sumOf(pieces: readonly Piece[]): {
  readonly misses: number
  readonly reason: string
  readonly readShare: number
} {
  const counts = new Map<string, number>()
  for (const piece of pieces)
    for (const [reason, misses] of Object.entries(piece.misses))
      counts.set(reason, (counts.get(reason) ?? 0) + misses)
  const [reason = ''] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? []
  const possible = pieces.reduce((sum, { possibleTokens }) => sum + possibleTokens, 0)
  const read = pieces.reduce((sum, { readTokens }) => sum + readTokens, 0)
  return {
    misses: [...counts.values()].reduce((sum, misses) => sum + misses, 0),
    reason,
    readShare: possible === 0 ? 1 : read / possible,
  }
}
