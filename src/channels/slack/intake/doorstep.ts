import type { Delivered, Receiver } from '../../../conversation/receiver.ts'
import type { Accepted } from '../../../inbox/arrival.ts'

/** Messages that may come a second time: by a retry, as a mention, from the history. */
const REMEMBERED = 5_000

type Message = Extract<Delivered, { kind: 'message' }>

/**
 * Stands before the receiver: what was stored by this process is not handed over again, and
 * whoever wants to know hears which messages were kept. The store itself knows repeats for
 * longer; here they would only cost a person's share of messages a minute.
 */
export class Doorstep implements Receiver {
  readonly #receiver: Receiver
  readonly #onKept: (message: Message) => Promise<void>
  readonly #stored = new Set<string>()

  /** @param onKept told after the commit; what is acknowledged waits for it. It must not reject */
  constructor(receiver: Receiver, onKept: (message: Message) => Promise<void>) {
    this.#receiver = receiver
    this.#onKept = onKept
  }

  async receive(
    channel: string,
    items: readonly Delivered[],
    cursors: Parameters<Receiver['receive']>[2],
  ): Promise<readonly Accepted[]> {
    const fresh = items.filter((item) => item.kind !== 'message' || !this.#stored.has(nameOf(item)))
    if (fresh.length === 0 && cursors.length === 0) return []
    const accepted = await this.#receiver.receive(channel, fresh, cursors)
    for (const [index, item] of fresh.entries()) {
      if (item.kind !== 'message') continue
      this.#remember(nameOf(item))
      if (accepted[index]?.state) await this.#onKept(item)
    }
    return accepted
  }

  #remember(name: string): void {
    this.#stored.add(name)
    if (this.#stored.size > REMEMBERED) this.#stored.delete(this.#stored.keys().next().value!)
  }
}

function nameOf({ address, platformMessageId }: Message): string {
  return `${address} ${platformMessageId}`
}
