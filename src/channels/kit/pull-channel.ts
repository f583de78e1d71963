import type { InboundEvent, Receiver } from '../../conversation/receiver.ts'
import type { Accepted } from '../../inbox/arrival.ts'
import type { ConversationId } from '../../inbox/message.ts'
import type { Clock } from '../../support/clock.ts'
import { StoreError } from '../../support/errors.ts'
import type { Channel, ChannelStatus } from '../channel.ts'

/**
 * A channel whose readers read the store: the HTTP side hands over what arrives, and nothing is ever
 * sent. What such a channel takes in, and how, is its own.
 */
export abstract class PullChannel implements Channel {
  abstract readonly channel: string
  readonly push = false
  readonly draftIntervalMs = null
  readonly #clock: Clock
  #receiver: Receiver | null = null
  #since: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#since = clock.now()
  }

  /** A conversation keeps its first address, and here an address never moves. */
  conversationId(address: string): ConversationId {
    return `${this.channel}:${address}`
  }

  async start(receiver: Receiver): Promise<void> {
    this.#receiver = receiver
    this.#since = this.#clock.now()
  }

  async stop(): Promise<void> {
    this.#receiver = null
    this.#since = this.#clock.now()
  }

  status(): ChannelStatus {
    return {
      channel: this.channel,
      state: this.#receiver ? 'connected' : 'stopped',
      problem: null,
      since: this.#since,
      account: null,
    }
  }

  split(text: string): readonly string[] {
    return [text]
  }

  send(): Promise<string> {
    return Promise.reject(new Error('the reader reads the store; nothing is sent to it'))
  }

  edit(): Promise<void> {
    return Promise.reject(new Error('the reader reads the store; nothing is edited there'))
  }

  typing(): void {
    // An open request or event stream shows the answer itself as it is written.
  }

  /**
   * Resolves after the durable commit.
   *
   * @throws StoreError when nothing was stored; what `Receiver.receive` throws
   */
  protected async receive(item: InboundEvent): Promise<Accepted> {
    // Between the first connection and the end of the start, or while stopping.
    if (!this.#receiver) throw new StoreError('the gateway takes no messages right now')
    const [accepted] = await this.#receiver.receive(this.channel, [item], [])
    return accepted!
  }
}
