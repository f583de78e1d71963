import { shownText } from '../../conversation/context/message-context.ts'
import type { MessageState, StoredMessage } from '../../inbox/message.ts'
import { isoTime } from '../../support/clock.ts'
import type { MessageItem } from '../wire.ts'

/** A message as `GET …/messages` and the event streams print it. */
export function toItem(row: StoredMessage): MessageItem {
  return {
    id: row.id,
    role: row.role,
    text: row.preface === null ? shownText(row) : `${row.preface}\n\n${row.text}`,
    state: row.state,
    at: isoTime(row.at),
    seq: row.seq,
    revision: row.revision,
    ...(row.role === 'user' && row.platformMessageId !== null ? { messageId: row.platformMessageId } : {}),
    ...(row.answeredBy === null ? {} : { answeredBy: row.answeredBy }),
    ...(row.attachments.length > 0 ? { attachments: row.attachments } : {}),
  }
}

/** Every state, and whether a message in it may still change. */
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
