import type { InboundEvent, Receiver } from '../../../conversation/receiver.ts'
import type { Accepted } from '../../../inbox/arrival.ts'
import { remember } from '../../../support/remember.ts'

/** Messages that may come a second time: by a retry, as a mention, from the history. */
const REMEMBERED = 5_000

type Message = Extract<InboundEvent, { kind: 'message' | 'unread' }>

/**
 * Passes on what this process has not stored yet, and reports which messages were accepted. The store
 * itself recognises repeats for longer; here they would only count against a person's rate limit.
 */
export class DeduplicatingReceiver implements Receiver {
  readonly #inner: Receiver
  readonly #onAccepted: (message: Message) => Promise<void>
  readonly #stored = new Map<string, true>()

  /** @param onAccepted called after the commit; the acknowledgement waits for it. It must not reject */
  constructor(inner: Receiver, onAccepted: (message: Message) => Promise<void>) {
    this.#inner = inner
    this.#onAccepted = onAccepted
  }

  async receive(
    channel: string,
    items: readonly InboundEvent[],
    cursors: Parameters<Receiver['receive']>[2],
  ): Promise<readonly Accepted[]> {
    const fresh = items.filter((item) => !isMessage(item) || !this.#stored.has(nameOf(item)))
    if (fresh.length === 0 && cursors.length === 0) return []
    const accepted = await this.#inner.receive(channel, fresh, cursors)
    for (const [index, item] of fresh.entries()) {
      if (!isMessage(item)) continue
      remember(this.#stored, nameOf(item), true, REMEMBERED)
      if (accepted[index]?.state) await this.#onAccepted(item)
    }
    return accepted
  }

  mayTalk(...args: Parameters<Receiver['mayTalk']>): Promise<boolean> {
    return this.#inner.mayTalk(...args)
  }
}

function isMessage(item: InboundEvent): item is Message {
  return item.kind === 'message' || (item.kind === 'unread' && !item.isEdit)
}

function nameOf({ address, platformMessageId }: Message): string {
  return `${address} ${platformMessageId}`
}
