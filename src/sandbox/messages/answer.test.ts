import { describe, expect, it } from 'vitest'
import { durationText, parseDuration } from '../duration.ts'
import { answerFor, DEFAULT_PLAN, piecesOf, textOfSize } from './answer.ts'

describe('the parts of an answer', () => {
  it.each(['one', 'one two', ' leading', 'trailing \n', 'a\n\nb  c\td', '   ', '👩‍👩‍👧‍👦 ok', ''])(
    'pieces of %j are the text again',
    (text) => {
      for (const words of [1, 2, 5]) expect(piecesOf(text, words).join('')).toBe(text)
    },
  )

  it('has exactly the size that is asked for', () => {
    for (const size of [1, 100, 12_345]) expect(textOfSize(size)).toHaveLength(size)
  })

  it('is the same for the same question', () => {
    const asked = { model: 'claude-x', text: 'hi', turns: 2, attachments: 1 }
    const question = { ...asked, system: null, messages: [], results: [] }
    const answer = answerFor(DEFAULT_PLAN, question)
    expect(answer).toBe(answerFor(DEFAULT_PLAN, question))
    expect(answer).toContain('1 attachment**')
  })

  it('reads and writes durations', () => {
    expect(['60s', '2m', '1.5h', '500ms', '1d', '60', 'soon', ''].map(parseDuration)).toEqual([
      60_000,
      120_000,
      5_400_000,
      500,
      86_400_000,
      null,
      null,
      null,
    ])
    expect([500, 60_000, 150_000, 7_200_000].map(durationText)).toEqual(['500 ms', '60 s', '3 min', '2 h'])
  })
})
