import type { Receiver } from '../../conversation/receiver.ts'
import type { Attachment, Accepted, ConversationId } from '../../inbox/inbox.ts'
import type { Person } from '../../conversation/receiver.ts'
import { StoreError } from '../../support/errors.ts'
import type { Clock } from '../../support/clock.ts'
import type { Channel, ChannelStatus } from '../channel.ts'

const WEB_CHANNEL = 'web'

/** A message as the HTTP side hands it over, its sender already known. */
export interface WebMessage {
  readonly address: string
  /** The client's own name for it: a second one with the same name is the same message. */
  readonly messageId: string
  readonly person: Person
  readonly text: string
  readonly attachments: ReadonlyArray<() => Promise<Attachment>>
}

/**
 * The gateway's own page and API as a chat platform. Its readers follow the store
 * through the event streams, so nothing is ever sent to it.
 */
export class WebChannel implements Channel {
  readonly channel = WEB_CHANNEL
  readonly push = false
  readonly draftIntervalMs = null
  /** The page's messages are taken. */
  readonly enabled: boolean
  readonly #clock: Clock
  #receiver: Receiver | null = null
  #since: number

  constructor(clock: Clock, enabled = true) {
    this.#clock = clock
    this.enabled = enabled
    this.#since = clock.now()
  }

  /** A conversation keeps its first address, and on the page an address never moves. */
  conversationId(address: string): ConversationId {
    return `${WEB_CHANNEL}:${address}`
  }

  /**
   * Resolves after the durable commit.
   *
   * @throws StoreError when nothing was stored
   */
  async post(message: WebMessage): Promise<Accepted> {
    // Between the first connection and the end of the start, or while stopping.
    if (!this.#receiver) throw new StoreError('the gateway takes no messages right now')
    const [accepted] = await this.#receiver.receive(
      WEB_CHANNEL,
      [
        {
          kind: 'message',
          address: message.address,
          platformMessageId: message.messageId,
          person: message.person,
          chat: { id: message.address, kind: 'private', addressed: true },
          text: message.text,
          attachments: message.attachments,
          unsupported: null,
        },
      ],
      [],
    )
    return accepted!
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
      channel: WEB_CHANNEL,
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
    return Promise.reject(new Error('the page reads the store; nothing is sent to it'))
  }

  edit(): Promise<void> {
    return Promise.reject(new Error('the page reads the store; nothing is edited there'))
  }

  typing(): void {
    // The event streams show the answer itself as it is written.
  }
}
