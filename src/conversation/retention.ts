import type { RetentionConfig } from '../config/config.ts'
import { HOUR, MINUTE, type Clock, type Timer } from '../support/clock.ts'
import type { Conversations } from './conversations.ts'

/** Not right after a start, which is busy enough. */
const FIRST_AFTER_MS = 5 * MINUTE
/** Retention is counted in days; four times a day is precise enough. */
const EVERY_MS = 6 * HOUR

/** Removes data past its retention, periodically. */
export function startRetention(options: {
  readonly conversations: Pick<Conversations, 'retain'>
  readonly terms: RetentionConfig
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}): Disposable {
  const { conversations, terms, clock, onProblem } = options
  let timer: Timer
  const plan = (delayMs: number) => {
    timer = clock.setTimer(() => {
      const now = clock.now()
      conversations
        .retain({
          messagesBefore: now - terms.messages,
          attachmentsBefore: now - terms.attachments,
          figuresBefore: now - terms.figures,
        })
        .catch(onProblem)
        .finally(() => plan(EVERY_MS))
    }, delayMs)
  }
  plan(FIRST_AFTER_MS)
  return { [Symbol.dispose]: () => timer.cancel() }
}
