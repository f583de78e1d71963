import type { ModelConfig } from '../../config/config.ts'
import type { StoredMessage } from '../../inbox/message.ts'
import { HOUR, MINUTE } from '../../support/clock.ts'
import type { PromptCaching } from '../model.ts'

/** What is kept for five minutes is gone after this; a reading in between starts the time again. */
const SHORT_LIFE_MS = 5 * MINUTE
const LONG_LIFE_MS = HOUR
/**
 * To write for an hour costs 2 times the price of the input instead of 1.25; what it saves is to write the
 * whole prompt again after a pause that the five minutes do not outlast.
 */
const PAUSES_THAT_PAY = 0.05

/**
 * How long the provider is to keep the prompt of a conversation; null = it is not to keep it. Every try of the
 * same turn, in any process, comes to the same.
 *
 * @param history answered messages, oldest first
 * @param question what is to be answered now
 */
export function cacheTtl(
  mode: ModelConfig['cache'],
  history: readonly StoredMessage[],
  question: readonly StoredMessage[],
): PromptCaching['ttl'] | null {
  if (mode === 'off') return null
  if (mode !== 'auto') return mode
  const gaps = pausesOf([...history, ...question])
  const paying = gaps.filter((gap) => gap > SHORT_LIFE_MS && gap <= LONG_LIFE_MS).length
  return paying > gaps.length * PAUSES_THAT_PAY ? '1h' : '5m'
}

/** The times between one request and the next, in milliseconds: a turn is asked when its last message is there. */
function pausesOf(rows: readonly StoredMessage[]): readonly number[] {
  const asked: number[] = []
  let isOpen = false
  for (const { role, at } of rows) {
    if (role === 'notice') continue
    if (role === 'user' && isOpen) asked[asked.length - 1] = at
    else if (role === 'user') asked.push(at)
    isOpen = role === 'user'
  }
  return asked.slice(1).map((at, index) => at - asked[index]!)
}
