import { expect, test } from 'vitest'
import type { StoredMessage } from '../../inbox/message.ts'
import { HOUR, MINUTE, SECOND } from '../../support/clock.ts'
import { cacheTtl } from './cache-ttl.ts'

const row = (role: StoredMessage['role'], at: number) => ({ role, at }) as StoredMessage

/** Turns with these pauses between their questions; the last question is open. */
function conversation(...pauses: number[]) {
  const times = [0]
  for (const pause of pauses) times.push(times.at(-1)! + pause)
  const asked = times.pop()!
  const history = times.flatMap((at) => [row('user', at), row('assistant', at + SECOND)])
  return [history, [row('user', asked)]] as const
}

const quick = (count: number) => Array.from({ length: count }, () => MINUTE)

test.each([
  ['the first question', [], '5m'],
  ['people who answer at once', quick(10), '5m'],
  ['one long pause of twenty', [...quick(19), 20 * MINUTE], '5m'],
  ['one long pause of nineteen', [...quick(18), 20 * MINUTE], '1h'],
  ['a pause that five minutes just outlast', [5 * MINUTE], '5m'],
  ['a pause that they do not', [5 * MINUTE + 1], '1h'],
  ['a pause of an hour', [HOUR], '1h'],
  ['a pause that an hour does not outlast either', [HOUR + 1], '5m'],
])('%s: %s → %s', (_, pauses, ttl) => {
  expect(cacheTtl('auto', ...conversation(...pauses))).toBe(ttl)
})

test('a configured time wins, and off is off', () => {
  const chat = conversation(20 * MINUTE)
  expect(cacheTtl('5m', ...chat)).toBe('5m')
  expect(cacheTtl('1h', ...conversation())).toBe('1h')
  expect(cacheTtl('off', ...chat)).toBeNull()
})

test('messages that were answered together were asked with the last of them, and notices are no questions', () => {
  const history = [
    row('user', 0),
    row('user', 10 * MINUTE),
    row('assistant', 10 * MINUTE),
    row('notice', HOUR),
  ]
  expect(cacheTtl('auto', history, [row('user', 14 * MINUTE)])).toBe('5m')
})
