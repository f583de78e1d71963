import { expect, test } from 'vitest'
import type { StoredMessage } from '../../inbox/message.ts'
import {
  BEGINNING,
  estimateTokens,
  historyBudget,
  historyLimitFor,
  lastAnswer,
  planHistory,
  transcriptOf,
  turnsAfter,
  turnsOf,
  type Borders,
  type RowTokens,
} from './history.ts'

let seq = 0
const row = (role: 'user' | 'assistant' | 'notice', text: string): StoredMessage =>
  ({ seq: ++seq, role, text, attachments: [] }) as unknown as StoredMessage

const turn = (text: string) => [row('user', text), row('assistant', `re ${text}`)]

const tokens = ({ text }: StoredMessage) => estimateTokens(text)
const TOKENS: RowTokens = { sent: tokens, afresh: tokens }
const ALL: Borders = { leftOutUpTo: BEGINNING, namedUpTo: BEGINNING }

/** What is sent of a history, and what is not. */
function planned(
  history: readonly StoredMessage[],
  last: Borders,
  budget: number,
  question: readonly StoredMessage[] = [],
  rowTokens = TOKENS,
) {
  const turns = turnsOf(history)
  const { borders, began } = planHistory(turns, last, budget, question, rowTokens)
  const keep = turnsAfter(turns, borders.leftOutUpTo)
  const bare = keep.length - turnsAfter(keep, borders.namedUpTo).length
  return { keep, drop: turns.slice(0, turns.length - keep.length), bare, borders, began }
}

const textsOf = (turns: ReadonlyArray<readonly StoredMessage[]>) => turns.map(([first]) => first!.text)

test('what fits is kept whole', () => {
  const plan = planned([...turn('a'), ...turn('b')], ALL, 1_000)
  expect(textsOf(plan.keep)).toEqual(['a', 'b'])
  expect(plan.drop).toEqual([])
})

test('what does not fit goes oldest first, and leaves room for a while', () => {
  const long = 'x'.repeat(300)
  const history = Array.from({ length: 10 }, (_, index) => turn(`${index} ${long}`)).flat()
  const cost = estimateTokens(`0 ${long}`) + estimateTokens(`re 0 ${long}`)
  const plan = planned(history, ALL, cost * 9)
  expect(plan.drop.length + plan.keep.length).toBe(10)
  expect(plan.keep.length).toBe(4)
  expect(plan.keep.at(-1)![0]!.text).toMatch(/^9/)
})

test('what was left out is not shown again', () => {
  const [first, second] = [turn('old'), turn('new')]
  const plan = planned([...first, ...second], { ...ALL, leftOutUpTo: first[1]!.seq }, 1_000)
  expect(textsOf(plan.keep)).toEqual(['new'])
})

test('a turn is judged by its answer: a question that came before an earlier answer is not lost', () => {
  const [q1, q2] = [row('user', 'q1'), row('user', 'q2')]
  const a1 = row('assistant', 'a1')
  const a2 = row('assistant', 'a2')
  const plan = planned([q1, a1, q2, a2], { ...ALL, leftOutUpTo: a1.seq }, 1_000)
  expect(plan.keep).toEqual([[q2, a2]])
})

test('notices are not part of what was said', () => {
  const plan = planned([row('notice', 'n'), ...turn('a')], ALL, 1_000)
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

test('an answer whose question is past its retention begins nothing', () => {
  const [, left] = turn('gone')
  expect(textsOf(turnsOf([left!, ...turn('a')]))).toEqual(['a'])
})

test('a transcript that is too long loses its beginning', () => {
  const text = transcriptOf(
    [turn('first'), turn('second')],
    estimateTokens('Person: second Assistant: re second'),
  )
  expect(text).toBe('Person: second\n\nAssistant: re second')
})

const MB = 1024 * 1024

/** A turn whose question brings pictures of these sizes. */
function pictures(text: string, ...sizes: number[]) {
  const [question, answer] = turn(text)
  const attachments = sizes.map((size, index) => ({
    id: `${text}${index}`,
    mediaType: 'image/png',
    name: text,
    size,
  }))
  return [{ ...question!, attachments }, answer!]
}

/** What each turn of a conversation leaves out: dropped turns, turns without their attachments, and what began. */
function plans(turns: ReadonlyArray<readonly StoredMessage[]>, budget: number) {
  let last = ALL
  return turns.map((asked, index) => {
    const question = asked.filter(({ role }) => role === 'user')
    const { drop, bare, began, borders } = planned(turns.slice(0, index).flat(), last, budget, question)
    last = borders
    return { dropped: drop.length, bare: drop.length + bare, began }
  })
}

test('trimming drops much and seldom, also while no summary can be made', () => {
  const long = 'x'.repeat(300)
  const turns = Array.from({ length: 40 }, (_, index) => turn(`${index} ${long}`))
  const found = plans(turns, (estimateTokens(`0 ${long}`) + estimateTokens(`re 0 ${long}`)) * 12)
  const borders = [...new Set(found.map(({ dropped }) => dropped))]
  expect(borders.length).toBeLessThan(8)
  for (const [index, { dropped, began }] of found.entries()) {
    expect(began).toBe(index > 0 && dropped !== found[index - 1]!.dropped ? 'trim' : null)
  }
})

test('light pictures stay, until there are too many; then only those of the last turns do', () => {
  const turns = Array.from({ length: 24 }, (_, index) => pictures(`${index}`, 1_000))
  const found = plans(turns, 1_000_000)
  // With the question's own there are 21 of them.
  expect(found.map(({ bare }) => bare)).toEqual([...Array.from({ length: 20 }, () => 0), 16, 16, 16, 16])
  expect(found.map(({ began }) => began).filter(Boolean)).toEqual(['attachments'])
})

test('heavy pictures go after a few turns, and light ones with them', () => {
  const turns = [
    pictures('light', 1_000),
    pictures('heavy', 3 * MB),
    ...Array.from({ length: 6 }, () => turn('t')),
  ]
  expect(plans(turns, 1_000_000).map(({ bare }) => bare)).toEqual([0, 0, 0, 0, 0, 0, 2, 2])
})

test('no more is sent than the API takes, the newest first', () => {
  const turns = Array.from({ length: 4 }, () => pictures('huge', 9 * MB))
  expect(plans(turns, 1_000_000).map(({ bare }) => bare)).toEqual([0, 0, 1, 2])
})

test('what a trim leaves is what the next turn makes of it, the attachments included', () => {
  const long = 'x'.repeat(30_000)
  const turns = [
    turn(long.repeat(3)),
    ...Array.from({ length: 8 }, (_, index) => pictures(`${index}`, 1.5 * MB)),
  ]
  const [large, small] = [[row('user', long)], [row('user', 'small')]]
  const plan = planned(turns.slice(0, 7).flat(), ALL, 75_000, large)
  expect(plan).toMatchObject({ began: 'trim', bare: 2 })
  expect(plan.keep).toHaveLength(6)
  const next = planned(turns.slice(0, 8).flat(), plan.borders, 75_000, small)
  expect(next.keep.slice(0, -1)).toEqual(plan.keep)
  expect(next).toMatchObject({ began: null, bare: 2 })
})

test('where thinking alone filled the context, all of what was said may stay', () => {
  const history = [...turn('a'), ...turn('b')]
  const thought: RowTokens = { sent: () => 1_000, afresh: tokens }
  const plan = planned(history, ALL, 3_000, [], thought)
  expect([textsOf(plan.keep), plan.began]).toEqual([['a', 'b'], 'trim'])
  expect(lastAnswer(plan.drop)).toBe(BEGINNING)
})

test('where no attachment was sent none can go', () => {
  const [question] = pictures('many', ...Array.from({ length: 21 }, () => 10))
  expect(planned([...turn('a'), ...turn('b')], ALL, 1_000_000, [question!]).began).toBeNull()
})
