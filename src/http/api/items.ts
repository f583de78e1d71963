import type { AttachmentInfo, MessageState, StoredMessage } from '../../inbox/message.ts'

/** A message as `GET …/messages` and the event streams print it. */
export interface MessageItem {
  readonly id: string
  readonly role: StoredMessage['role']
  /** With what stands before an answer, such as which message it answers. */
  readonly text: string
  readonly state: MessageState
  /** ISO-8601, UTC. */
  readonly at: string
  /** Order within the conversation. */
  readonly seq: number
  /** Moves with every change: of two versions of one message the higher one is newer. */
  readonly revision: number
  /** The client's own name for a message that it posted. */
  readonly messageId?: string
  readonly attachments?: readonly AttachmentInfo[]
}

export function toItem(row: StoredMessage): MessageItem {
  return {
    id: row.id,
    role: row.role,
    text: row.preface === null ? row.text : `${row.preface}\n\n${row.text}`,
    state: row.state,
    at: new Date(row.at).toISOString(),
    seq: row.seq,
    revision: row.revision,
    ...(row.role === 'user' && row.platformMessageId !== null ? { messageId: row.platformMessageId } : {}),
    ...(row.attachments.length > 0 ? { attachments: row.attachments } : {}),
  }
}

/** Every state, and whether a message that is in it may still change. */
const STATES: Readonly<Record<MessageState, { readonly final: boolean }>> = {
  received: { final: false },
  answering: { final: false },
  held: { final: false },
  parked: { final: false },
  answered: { final: true },
  refused: { final: true },
  withdrawn: { final: true },
}

export function isMessageState(value: string): value is MessageState {
  return Object.hasOwn(STATES, value)
}

export function isFinal(state: MessageState): boolean {
  return STATES[state].final
}
