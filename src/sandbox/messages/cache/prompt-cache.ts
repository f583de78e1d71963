import { HOUR, MINUTE, type Clock } from '../../../support/clock.ts'
import { remember } from '../../../support/remember.ts'
import type { Ttl } from '../checks/cache-marks.ts'
import type { PromptPart } from './prompt-parts.ts'

/** What of a prompt was read from the cache and what is written to it, in tokens. */
export interface CacheUse {
  readonly read: number
  readonly written5m: number
  readonly written1h: number
}

interface Entry {
  readonly lifeMs: number
  /** Epoch milliseconds. */
  expiresAt: number
}

const LIVES: Readonly<Record<Ttl, number>> = { '5m': 5 * MINUTE, '1h': HOUR }
/** The service looks so far back from a mark for what was written before, the mark included. */
const LOOK_BACK_POSITIONS = 20
/** More than a day of a busy gateway writes; some megabytes. */
const KEPT_ENTRIES = 20_000

export const NOTHING_CACHED: CacheUse = { read: 0, written5m: 0, written1h: 0 }

/**
 * The prompt cache of the service: entries are written at marks only, found by the prefix they end, and
 * live from the start of the request that wrote or read them last.
 */
export class PromptCache {
  readonly #clock: Clock
  readonly #entries = new Map<string, Entry>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * What a prompt finds, and what it will leave behind.
   *
   * @param least shorter prefixes are neither read nor written
   * @returns the use, and `begin`, to be called when the answer begins: what was written is found from then on
   */
  use(parts: readonly PromptPart[], least: number): CacheUse & { begin(): void } {
    const at = this.#clock.now()
    const marked = parts.filter(({ mark, tokens }) => mark !== null && tokens >= least)
    let read = 0
    for (const breakpoint of marked) {
      const found = this.#findBefore(breakpoint, parts, least, at)
      if (!found) continue
      this.#refresh(found.key, at)
      read = Math.max(read, found.tokens)
    }
    const written = { '5m': 0, '1h': 0 }
    let done = read
    for (const { mark, tokens } of marked) {
      if (tokens <= done) continue
      written[mark!] += tokens - done
      done = tokens
    }
    const begin = () => {
      for (const { key, mark } of marked) if (!this.#lives(key, at)) this.#write(key, LIVES[mark!], at)
    }
    return { read, written5m: written['5m'], written1h: written['1h'], begin }
  }

  #findBefore(
    breakpoint: PromptPart,
    parts: readonly PromptPart[],
    least: number,
    at: number,
  ): PromptPart | null {
    for (let index = parts.indexOf(breakpoint); index >= 0; index--) {
      const part = parts[index]!
      if (breakpoint.position - part.position >= LOOK_BACK_POSITIONS || part.tokens < least) return null
      if (this.#lives(part.key, at)) return part
    }
    return null
  }

  #lives(key: string, at: number): boolean {
    const entry = this.#entries.get(key)
    return entry !== undefined && at < entry.expiresAt
  }

  #refresh(key: string, at: number): void {
    const entry = this.#entries.get(key)!
    this.#write(key, entry.lifeMs, Math.max(at, entry.expiresAt - entry.lifeMs))
  }

  #write(key: string, lifeMs: number, at: number): void {
    remember(this.#entries, key, { lifeMs, expiresAt: at + lifeMs }, KEPT_ENTRIES)
  }
}
