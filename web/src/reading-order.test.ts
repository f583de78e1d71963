import { expect, test } from 'vitest'
import type { MessageItem } from '../../src/http/wire.ts'
import { readingOrder } from './reading-order.ts'

/** `q1>a1` is a question that `a1` answers; `n` a notice; `!` being answered, `?` waiting. */
function itemsOf(text: string): MessageItem[] {
  return text.split(' ').map((word, index) => {
    const [, id, mark, answeredBy] = /^(\w+)([!?]?)(?:>(\w+))?$/.exec(word)!
    return {
      id: id!,
      role: id!.startsWith('q') ? 'user' : id!.startsWith('n') ? 'notice' : 'assistant',
      text: id!,
      state: mark === '!' ? 'answering' : mark === '?' ? 'received' : 'answered',
      at: '2026-11-22T12:00:00.000Z',
      seq: index + 1,
      revision: index + 1,
      ...(answeredBy === undefined ? {} : { answeredBy }),
    }
  })
}

test.each([
  ['q1>a1 a1 q2>a2 a2', 'q1 a1 q2 a2', ''],
  ['q1>a1 q2>a2 a1 a2', 'q1 a1 q2 a2', ''],
  ['q1>a1 q2>a2 q3 a1 a2', 'q1 a1 q2 a2 q3', ''],
  // One answer to two that were held together, after a notice: as it happened.
  ['q1>a1 n1 q2>a1 q3>a3 a1 a3', 'q1 n1 q2 a1 q3 a3', ''],
  ['q1>a1 q2>a2 n1 a1 a2', 'q1 q2 n1 a1 a2', ''],
  // While the first is being answered, the others wait behind it.
  ['q1! q2? q3?', 'q1', 'q2 q3'],
  ['q1>a1 q2! q3? a1', 'q1 a1 q2', 'q3'],
  // Nothing is being answered: nothing waits behind an answer.
  ['q1>a1 q2? a1', 'q1 a1 q2', ''],
  // An answer that is not among the messages that were read, and one without its question.
  ['q1>gone q2', 'q1 q2', ''],
  ['a1 q2', 'a1 q2', ''],
])('%s is read as %s, and behind it waits: %s', (items, said, queued) => {
  const reading = readingOrder(itemsOf(items))
  expect(reading.said.map(({ id }) => id).join(' ')).toBe(said)
  expect(reading.queued.map(({ id }) => id).join(' ')).toBe(queued)
})
