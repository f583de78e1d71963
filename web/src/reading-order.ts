import type { MessageItem } from '../../src/http/wire.ts'

/** The messages of a conversation as they are read. */
interface Reading {
  /** Up to the answer that is being written. */
  readonly said: readonly MessageItem[]
  /** Questions that wait behind it, the next one first. */
  readonly queued: readonly MessageItem[]
}

/**
 * Each answer directly behind its question, also when further questions were sent in between. What came late,
 * after a notice, stays in the order of time: it says itself what it answers. Pure.
 *
 * @param items by `seq`
 */
export function readingOrder(items: readonly MessageItem[]): Reading {
  const answering = items.findLast(({ role, state }) => role === 'user' && state === 'answering')
  const isQueued = (item: MessageItem): boolean =>
    answering !== undefined && item.role === 'user' && item.state === 'received' && item.seq > answering.seq
  const places = new Map(items.map((item) => [item.id, item.seq]))
  const notices = items.filter(({ role }) => role === 'notice').map(({ seq }) => seq)
  for (const { answeredBy, seq } of items) {
    const answer = answeredBy === undefined ? undefined : places.get(answeredBy)
    // Behind the last of its questions; half a place, because the next question has the next one.
    if (answer !== undefined && !notices.some((notice) => notice > seq && notice < answer))
      places.set(answeredBy!, seq + 0.5)
  }
  const placed = items.toSorted((a, b) => places.get(a.id)! - places.get(b.id)!)
  return { said: placed.filter((item) => !isQueued(item)), queued: placed.filter(isQueued) }
}
