import type { Inbox } from '../../inbox/inbox.ts'
import type { MessageState, StoredMessage } from '../../inbox/message.ts'
import type { ParkedInput, ParkedInputs } from '../../inbox/parked-inputs.ts'
import { isoTime } from '../../support/clock.ts'
import type { QueueItem } from '../wire-reports.ts'

/**
 * The queue as `hermes queue list --json` and `/api/queue` print it, oldest first: messages, and what was parked
 * before anything was made of it. Never a text.
 *
 * @throws StoreError
 */
export async function listQueue(
  { inbox, inputs }: { readonly inbox: Pick<Inbox, 'queue'>; readonly inputs: Pick<ParkedInputs, 'list'> },
  states: readonly MessageState[],
  limit: number,
): Promise<readonly QueueItem[]> {
  const messages = (await inbox.queue({ states, limit })).map(messageItem)
  const parked = (await inputs.list()).map(inputItem).filter(({ state }) => states.includes(state))
  if (parked.length === 0) return messages
  return [...messages, ...parked].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).slice(0, limit)
}

function messageItem({ id, conversationId, state, reason, at }: StoredMessage): QueueItem {
  return { id, conversation: conversationId, state, reason, at: isoTime(at) }
}

function inputItem({ id, channel, place, input, state, reason, at }: ParkedInput): QueueItem {
  return {
    id,
    conversation: place === null ? channel : `${channel}:${place}`,
    // It waits to be read again, like a message that has just arrived.
    state: state === 'parked' ? 'parked' : 'received',
    reason,
    at: isoTime(at),
    input,
  }
}
