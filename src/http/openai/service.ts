import type { Conversations } from '../../conversation/conversations.ts'
import type { Person } from '../../conversation/receiver.ts'
import type { Accepted, MessageContext } from '../../inbox/arrival.ts'
import type { ConversationEvents } from '../../inbox/fleet/conversation-events.ts'
import type { Gate } from '../../inbox/gate/gate.ts'
import type { Attachment, ConversationId } from '../../inbox/message.ts'

/** The way in for requests of programs. Implemented by their channel. */
export interface ProgramChannel {
  readonly channel: string
  conversationId(address: string): ConversationId
  /**
   * Resolves after the durable commit. A second post of the same request gives the first one's result.
   *
   * @throws StoreError when nothing was stored; Refused with the sentence for whoever asked
   */
  post(request: {
    readonly address: string
    readonly requestId: string
    readonly person: Person
    readonly text: string
    readonly attachments: readonly Attachment[]
    readonly context: MessageContext
  }): Promise<Accepted>
  /** Takes back what nobody has begun to answer. @returns false: it was begun, or is over */
  withdraw(address: string, requestId: string): Promise<boolean>
  /** Nobody waits for the answer any more: it is withdrawn, or stopped. */
  giveUp(address: string, requestId: string, person: Person): Promise<void>
}

/** What the endpoint needs of the gateway. */
export interface CompletionServices {
  readonly channel: ProgramChannel
  readonly conversations: Pick<Conversations, 'find' | 'messages' | 'usage'>
  readonly events: Pick<ConversationEvents, 'watch' | 'partial'>
  readonly gate: Gate
  /** The ids that may be asked for, the configured one first. */
  readonly models: readonly string[]
}
