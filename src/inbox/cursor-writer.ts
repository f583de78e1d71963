import type { Clock } from '../support/clock.ts'
import type { Cursor, Fence } from './arrival.ts'
import type { Inbox } from './inbox.ts'

const UNLIMITED = { maxPerConversation: Number.MAX_SAFE_INTEGER, maxTotal: Number.MAX_SAFE_INTEGER }

/**
 * Stores a cursor that comes with no message. Durable when it resolves.
 *
 * @param fenceOf a channel's, where one process at a time receives from it
 * @throws StoreError
 */
export function cursorWriter(
  inbox: Pick<Inbox, 'accept'>,
  clock: Clock,
  fenceOf: (channel: string) => Fence | null = () => null,
): (cursor: Cursor) => Promise<void> {
  return async (cursor) => {
    const now = clock.now()
    await inbox.accept({
      arrivals: [],
      cursors: [cursor],
      now,
      outage: null,
      limits: UNLIMITED,
      holdFullNotice: '',
      fence: fenceOf(cursor.channel),
    })
  }
}
