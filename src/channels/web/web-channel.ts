import type { Person } from '../../conversation/receiver.ts'
import type { Accepted } from '../../inbox/arrival.ts'
import type { Attachment } from '../../inbox/message.ts'
import type { Clock } from '../../support/clock.ts'
import { PullChannel } from '../kit/pull-channel.ts'

/** A message as the HTTP side hands it over, its sender already known. */
export interface WebMessage {
  readonly address: string
  /** The client's own name for it: a second one with the same name is the same message. */
  readonly messageId: string
  readonly person: Person
  readonly text: string
  readonly attachments: ReadonlyArray<() => Promise<Attachment>>
  /** A program sent it, and expects an answer to it alone. */
  readonly alone: boolean
}

/** The gateway's own page and API as a chat platform. Its readers follow the store through the event streams. */
export class WebChannel extends PullChannel {
  readonly channel = 'web'
  /** Receives the messages of the page. */
  readonly enabled: boolean

  constructor(clock: Clock, enabled = true) {
    super(clock)
    this.enabled = enabled
  }

  /**
   * Resolves after the durable commit.
   *
   * @throws StoreError when nothing was stored
   */
  post({ address, messageId, person, text, attachments, alone }: WebMessage): Promise<Accepted> {
    return this.receive({
      kind: 'message',
      address,
      platformMessageId: messageId,
      person,
      chat: { id: address, kind: 'private', addressed: true },
      text,
      attachments,
      unsupported: null,
      alone,
    })
  }
}
