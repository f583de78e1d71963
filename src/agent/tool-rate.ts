import { MINUTE, type Clock } from '../support/clock.ts'

/** How often each tool may run, over all turns of a process: so many calls within any minute. */
export class ToolRate {
  readonly #perMinute: number
  readonly #clock: Clock
  /** When the calls of the last minute began, by tool; monotonic, the oldest first. */
  readonly #begun = new Map<string, number[]>()

  constructor(perMinute: number, clock: Clock) {
    this.#perMinute = perMinute
    this.#clock = clock
  }

  /**
   * To be called before a call begins, which then counts; one that may not begin does not.
   *
   * @returns 0 = it may begin; else the milliseconds after which it may
   */
  begin(tool: string): number {
    const now = this.#clock.monotonic()
    const begun = (this.#begun.get(tool) ?? []).filter((at) => now - at < MINUTE)
    this.#begun.set(tool, begun)
    if (begun.length >= this.#perMinute) return begun[begun.length - this.#perMinute]! + MINUTE - now
    begun.push(now)
    return 0
  }
}
