import type { Intent, Intents } from '../rotation/intent.ts'

/**
 * The intents of one home, with the deaths that all homes on one sign-in share: what an answer proved dead
 * for one of them is not sent by the next. Only the fingerprint of a refresh token is written, next to the
 * sign-in that they all read, and under the lock that they all take.
 */
export class SharedDeaths implements Intents {
  readonly #own: Intents
  readonly #shared: Intents

  constructor(own: Intents, shared: Intents) {
    this.#own = own
    this.#shared = shared
  }

  async of(spent: string): Promise<Intent | null> {
    const own = await this.#own.of(spent)
    if (own?.outcome === 'dead') return own
    // A folder that cannot be read costs one request, and no sign-in.
    const shared = await this.#shared.of(spent).catch(() => null)
    return shared?.outcome === 'dead' ? shared : own
  }

  async write(intent: Intent): Promise<void> {
    await this.#own.write(intent)
    if (intent.outcome === 'dead') await this.#shared.write(intent).catch(() => undefined)
  }

  async clear(): Promise<void> {
    await this.#own.clear()
    await this.#shared.clear()
  }
}
