import { expect, test } from 'vitest'
import type { StoredMessage } from '../inbox/message.ts'
import {
  estimateTokens,
  historyBudget,
  historyLimitFor,
  planHistory,
  readSummary,
  transcriptOf,
  writeSummary,
} from './history.ts'

let seq = 0
const row = (role: 'user' | 'assistant' | 'notice', text: string): StoredMessage =>
  ({ seq: ++seq, role, text, attachments: [] }) as unknown as StoredMessage

const turn = (text: string) => [row('user', text), row('assistant', `re ${text}`)]

const textsOf = (turns: ReadonlyArray<readonly StoredMessage[]>) => turns.map(([first]) => first!.text)

test('what fits is kept whole', () => {
  const plan = planHistory([...turn('a'), ...turn('b')], null, 1_000)
  expect(textsOf(plan.keep)).toEqual(['a', 'b'])
  expect(plan.drop).toEqual([])
})

test('what does not fit goes oldest first, and leaves room for a while', () => {
  const long = 'x'.repeat(300)
  const history = Array.from({ length: 10 }, (_, index) => turn(`${index} ${long}`)).flat()
  const cost = estimateTokens(`0 ${long}`) + estimateTokens(`re 0 ${long}`)
  const plan = planHistory(history, null, cost * 9)
  expect(plan.drop.length + plan.keep.length).toBe(10)
  expect(plan.keep.length).toBe(4)
  expect(plan.keep.at(-1)![0]!.text).toMatch(/^9/)
})

test('what a summary holds is not shown again, and not summarised again', () => {
  const [first, second] = [turn('old'), turn('new')]
  const plan = planHistory([...first, ...second], { upTo: first[1]!.seq, text: 's' }, 1_000)
  expect(textsOf(plan.keep)).toEqual(['new'])
})

test('a turn is judged by its answer: a question that came before an earlier answer is not lost', () => {
  const [q1, q2] = [row('user', 'q1'), row('user', 'q2')]
  const a1 = row('assistant', 'a1')
  const a2 = row('assistant', 'a2')
  const plan = planHistory([q1, a1, q2, a2], { upTo: a1.seq, text: 's' }, 1_000)
  expect(plan.keep).toEqual([[q2, a2]])
})

test('notices are not part of what was said', () => {
  const plan = planHistory([row('notice', 'n'), ...turn('a')], null, 1_000)
  expect(plan.keep.flat().map(({ role }) => role)).toEqual(['user', 'assistant'])
})

test('other scripts are not taken for cheap', () => {
  expect(estimateTokens('漢'.repeat(100))).toBeGreaterThanOrEqual(100)
  expect(estimateTokens('a'.repeat(350))).toBeGreaterThanOrEqual(100)
})

test('the store hands over more than the model is shown, so that nothing leaves unsummarised', () => {
  const budget = historyBudget(200_000, 4_096, [''])
  expect(historyLimitFor(200_000)).toBeGreaterThan(budget * 3)
})

test('a summary survives its storage; something else is no summary', () => {
  expect(readSummary(writeSummary({ upTo: 7, text: 'they met' }))).toEqual({ upTo: 7, text: 'they met' })
  expect([readSummary(null), readSummary('they met'), readSummary('{"upTo":"7"}')]).toEqual([
    null,
    null,
    null,
  ])
})

test('a transcript that is too long loses its beginning', () => {
  const text = transcriptOf(
    [turn('first'), turn('second')],
    estimateTokens('Person: second Assistant: re second'),
  )
  expect(text).toBe('Person: second\n\nAssistant: re second')
})
