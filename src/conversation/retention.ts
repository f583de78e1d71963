import type { RetentionConfig } from '../config/config.ts'
import { HOUR, MINUTE, type Clock, type Timer } from '../support/clock.ts'
import type { Conversations } from './conversations.ts'

/** Not right after a start, which is busy enough. */
const FIRST_AFTER_MS = 5 * MINUTE
/** Retention is counted in days; four times a day is precise enough. */
const EVERY_MS = 6 * HOUR

/** What is past its retention at `now`. */
export function retentionAt(terms: RetentionConfig, now: number): Parameters<Conversations['retain']>[0] {
  return {
    messagesBefore: now - terms.messages,
    attachmentsBefore: now - terms.attachments,
    figuresBefore: now - terms.figures,
  }
}

/** Removes data past its retention, periodically. */
export function startRetention(options: {
  /** @param now epoch milliseconds */
  readonly remove: (now: number) => Promise<unknown>
  readonly clock: Clock
  readonly onProblem: (error: unknown) => void
}): Disposable {
  const { remove, clock, onProblem } = options
  let timer: Timer
  let stopped = false
  const plan = (delayMs: number) => {
    timer = clock.setTimer(() => {
      remove(clock.now())
        .catch(onProblem)
        .finally(() => stopped || plan(EVERY_MS))
    }, delayMs)
  }
  plan(FIRST_AFTER_MS)
  return {
    [Symbol.dispose]() {
      stopped = true
      timer.cancel()
    },
  }
}
