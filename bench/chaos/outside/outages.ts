import type { GatewayProcess } from '../../../test/support/processes/gateway-process.ts'
import { pause } from '../../../test/support/until.ts'

const EVERY_MS = 250

/**
 * How long the gateway could answer nobody by its own word: the sign-in was refused and the token endpoint gave
 * no answer, or the provider failed for everybody longer than a minute. Honest waits are judged with it in view.
 */
export class Outages {
  readonly #msBy = new Map<string, number>()
  #watching = true

  constructor(gateway: GatewayProcess) {
    void this.#watch(gateway)
  }

  stop(): void {
    this.#watching = false
  }

  /** Such as `12 s (degraded 10 s, refreshing 2 s)`. */
  report(): string {
    const inSeconds = (ms: number) => `${Math.round(ms / 1_000)} s`
    const all = [...this.#msBy.values()].reduce((sum, ms) => sum + ms, 0)
    const each = [...this.#msBy].map(([state, ms]) => `${state} ${inSeconds(ms)}`)
    return each.length > 0 ? `${inSeconds(all)} (${each.join(', ')})` : '0 s'
  }

  async #watch(gateway: GatewayProcess): Promise<void> {
    let before = performance.now()
    while (this.#watching) {
      const { status, state } = await gateway.readiness()
      const now = performance.now()
      if (status !== 200) this.#msBy.set(state, (this.#msBy.get(state) ?? 0) + now - before)
      before = now
      await pause(EVERY_MS)
    }
  }
}
