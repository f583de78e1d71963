import type { StatusLine } from '../../src/http/wire.ts'
import { duration, HOUR, moment, useNow } from './dashboard/words.ts'

const TICK_MS = 1_000

/**
 * When waiting messages are tried again, counted down. Shown next to the status sentence and not in it:
 * screen readers announce the sentence, not every second.
 */
export function NextTry({ line }: { line: StatusLine | null }) {
  const now = useNow(TICK_MS)
  const words = line && nextTryWords(line, now)
  return words === null ? null : <span class="next-try">{words}</span>
}

/** null = nothing is planned: only an event, such as a sign-in, ends the wait. */
export function nextTryWords({ nextTryAt }: Pick<StatusLine, 'nextTryAt'>, now: number): string | null {
  if (nextTryAt === null) return null
  const left = Date.parse(nextTryAt) - now
  if (left < TICK_MS) return 'Trying again now.'
  return left < HOUR ? `Next try in ${duration(left)}.` : `Next try at ${moment(nextTryAt, now)}.`
}
