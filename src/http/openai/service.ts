import type { Conversations } from '../../conversation/conversations.ts'
import type { Person } from '../../conversation/receiver.ts'
import type { Accepted, MessageContext } from '../../inbox/arrival.ts'
import type { ConversationEvents } from '../../inbox/fleet/conversation-events.ts'
import type { Gate } from '../../inbox/gate/gate.ts'
import type { Attachment, ConversationId } from '../../inbox/message.ts'

/** Receives requests of programs. Implemented by their channel. */
export interface ProgramChannel {
  readonly channel: string
  conversationId(address: string): ConversationId
  /**
   * Resolves after the durable commit. A second post of the same request gives the first one's result.
   *
   * @throws StoreError when nothing was stored; Refused with the sentence for the client
   */
  post(request: {
    readonly address: string
    readonly requestId: string
    readonly person: Person
    readonly text: string
    readonly attachments: readonly Attachment[]
    readonly context: MessageContext
  }): Promise<Accepted>
  /** Withdraws a request that is not being answered yet. @returns false: it is being answered, or done */
  withdraw(address: string, requestId: string): Promise<boolean>
  /** Nobody is waiting for the answer any more: it is withdrawn, or stopped. */
  giveUp(address: string, requestId: string, person: Person): Promise<void>
}

/** What the endpoint needs from the gateway. */
export interface CompletionServices {
  readonly channel: ProgramChannel
  readonly conversations: Pick<Conversations, 'find' | 'messages' | 'usage'>
  readonly events: Pick<ConversationEvents, 'watch' | 'partial'>
  readonly gate: Gate
  /** The allowed ids, the configured one first. */
  readonly models: readonly string[]
}
