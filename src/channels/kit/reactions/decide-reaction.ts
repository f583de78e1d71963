import type { Reaction, ReactionChange } from '../../../inbox/delivery/send-channel.ts'
import type { MessageState } from '../../../inbox/message.ts'
import { SECOND } from '../../../support/clock.ts'

/**
 * An answer that comes within this time needs no sign that it will come: two requests less. Drafts and typing
 * indicators begin to help at the same moment.
 */
export const QUICK_ANSWER_MS = SECOND

/** Whether the message still waits for its answer, so that its reaction may change. */
export function isWaiting(state: MessageState | null): boolean {
  return state === 'received' || state === 'answering' || state === 'held'
}

/**
 * The reaction that a message shows in this state; null = none.
 *
 * @param state null: the message is not stored any more
 * @param waitedMs since it was accepted
 */
export function wantedReaction(state: MessageState | null, waitedMs: number): Reaction | null {
  switch (state) {
    case 'received':
    case 'answering':
      return waitedMs >= QUICK_ANSWER_MS ? 'taken' : null
    case 'held':
      return 'held'
    case 'answered':
    case 'refused':
    case 'withdrawn':
    // Waits for the operator, who may never come: the sentence that its sender got says so.
    case 'parked':
    case null:
      return null
  }
}

/**
 * The next request on the way from what a message shows to what it should; null = it shows that. The wanted
 * one is added before another is removed, so that the message is never bare in between.
 *
 * @param single see `Reactions`
 */
export function nextChange(
  shown: ReadonlySet<Reaction>,
  wanted: Reaction | null,
  single: boolean,
): ReactionChange | null {
  if (wanted !== null && !shown.has(wanted)) return { reaction: wanted, shown: true }
  const [other] = [...shown].filter((reaction) => reaction !== wanted)
  // In the other's place the wanted one is shown.
  if (other === undefined || (single && wanted !== null)) return null
  return { reaction: other, shown: false }
}

/** What a message shows after a request, as far as anybody knows: none is asked for a second time. */
export function afterChange(
  shown: ReadonlySet<Reaction>,
  change: ReactionChange,
  single: boolean,
): ReadonlySet<Reaction> {
  const others = single ? [] : [...shown].filter((reaction) => reaction !== change.reaction)
  return new Set(change.shown ? [...others, change.reaction] : others)
}
