import { HOUR, MINUTE, SECOND, type Clock } from '../support/clock.ts'
import { TransientError } from '../support/errors.ts'

/** No event for this long means that the connection is dead. Generous, because the SDK hides the pings in between. */
const SILENCE_LIMIT_MS = 5 * MINUTE

/** An answer that is not over by then never will be: no model writes for so long. */
const LONGEST_ANSWER_MS = HOUR

/** The connection is kept for the next request, unless its answer does not end soon after what it says. */
const END_LIMIT_MS = SECOND

/** A signal that follows `signal` and also aborts after too long a silence or answer. One timer for the whole answer. */
export function watchSilence(clock: Clock, signal: AbortSignal) {
  const controller = new AbortController()
  const follow = () => controller.abort(signal.reason)
  if (signal.aborted) follow()
  else signal.addEventListener('abort', follow, { once: true })
  let last = clock.monotonic()
  let endsAt = last + LONGEST_ANSWER_MS
  const check = () => {
    const now = clock.monotonic()
    const left = Math.min(last + SILENCE_LIMIT_MS, endsAt) - now
    if (left > 0) timer = clock.setTimer(check, left)
    else {
      const why = now >= endsAt ? 'does not end its answer' : 'fell silent in the middle of an answer'
      controller.abort(new TransientError(`the provider ${why}`, null, 'network'))
    }
  }
  let timer = clock.setTimer(check, SILENCE_LIMIT_MS)
  return {
    signal: controller.signal,
    heard: () => void (last = clock.monotonic()),
    /** What is to come is the end alone. */
    ends() {
      endsAt = clock.monotonic() + END_LIMIT_MS
      timer.cancel()
      timer = clock.setTimer(check, END_LIMIT_MS)
    },
    stop: () => {
      timer.cancel()
      signal.removeEventListener('abort', follow)
    },
  }
}
