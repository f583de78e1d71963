import type { Receiver } from '../../../conversation/receiver.ts'

/** Knows what is being stored, so that a stop can wait for it. */
export class InFlightReceiver implements Receiver {
  readonly #inner: Receiver
  readonly #inFlight = new Set<Promise<unknown>>()

  constructor(inner: Receiver) {
    this.#inner = inner
  }

  receive(...args: Parameters<Receiver['receive']>): ReturnType<Receiver['receive']> {
    const result = this.#inner.receive(...args)
    const done = result.catch(() => {}).finally(() => this.#inFlight.delete(done))
    this.#inFlight.add(done)
    return result
  }

  mayTalk(...args: Parameters<Receiver['mayTalk']>): Promise<boolean> {
    return this.#inner.mayTalk(...args)
  }

  /** Resolves when nothing is on its way to the store. */
  async idle(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight)
  }
}
