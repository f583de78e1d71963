import { describe, expect, test } from 'vitest'
import { TransientError } from '../support/errors.ts'
import { AnswerBuilder } from './answer-builder.ts'

const MODEL = 'claude-sonnet-5-5'
const ODD = [undefined, null, '12', [], {}, true, Number.NaN, -3]

const start = (message: unknown = { model: MODEL, usage: { input_tokens: 3, output_tokens: 1 } }) => ({
  type: 'message_start',
  message,
})
const text = (words: unknown) => ({ type: 'content_block_delta', delta: { type: 'text_delta', text: words } })
const end = (reason: unknown = 'end_turn', usage: unknown = { output_tokens: 5 }) => ({
  type: 'message_delta',
  delta: { stop_reason: reason },
  usage,
})
const stop = { type: 'message_stop' }

function built(...events: readonly unknown[]) {
  const builder = new AnswerBuilder({ model: MODEL, maxTokens: 100 })
  const shown = events.map((event) => builder.add(event)).join('')
  return { builder, shown, answer: builder.build(1) }
}

describe('a figure that only counts costs no answer', () => {
  test.each(ODD.map((value) => [value]))('%j as the tokens written', (value) => {
    const { answer } = built(start(), text('hello'), end('end_turn', { output_tokens: value }), stop)
    expect(answer).toMatchObject({ text: 'hello', usage: { inputTokens: 3, outputTokens: 0 } })
  })

  test.each(ODD.map((value) => [value]))('%j as every figure of the beginning', (value) => {
    const usage = {
      input_tokens: value,
      output_tokens: value,
      cache_read_input_tokens: value,
      cache_creation_input_tokens: value,
    }
    const { answer } = built(start({ model: MODEL, usage }), text('hello'), end('end_turn', null), stop)
    expect(answer.usage).toEqual({ inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 })
  })

  test.each(ODD.map((value) => [value]))(
    '%j in the place of the figures, the message or the end',
    (value) => {
      const odd = [
        start({ model: MODEL, usage: value }),
        start(value),
        { type: 'message_delta', delta: value, usage: value },
      ]
      for (const event of odd) {
        expect(built(event, text('hello'), stop).answer).toMatchObject({ text: 'hello', model: MODEL })
      }
    },
  )

  test('figures without an end are as large as sums of them can still hold', () => {
    const { usage } = built(end('end_turn', { output_tokens: Number.MAX_VALUE })).answer
    expect(Number.isSafeInteger(usage.outputTokens * 1_000_000)).toBe(true)
    expect(built(end('end_turn', { output_tokens: 7.9 })).answer.usage.outputTokens).toBe(7)
  })

  test.each([[''], ['a\nb'], ['x'.repeat(10_000)], [null], [7]])('%j is no name of a model', (model) => {
    expect(built(start({ model })).answer.model).toBe(MODEL)
  })
})

describe('the text', () => {
  test('of the beginning of a block is shown like any other', () => {
    const block = { type: 'content_block_start', content_block: { type: 'text', text: 'Once ' } }
    const { shown, answer } = built(start(), block, text('upon'), stop)
    expect(shown).toBe('Once upon')
    expect(answer.text).toBe('Once upon')
  })

  test('is the only thing that is shown: thoughts and kinds of a later version are not', () => {
    const { answer } = built(
      { type: 'content_block_start', content_block: { type: 'thinking', thinking: 'hm', text: 'hm' } },
      { type: 'content_block_delta', delta: { type: 'thinking_delta', thinking: 'hm' } },
      { type: 'content_block_delta', delta: { type: 'poem_delta', text: 'hm' } },
      { type: 'content_block_delta', delta: null },
      { type: 'something_new', text: 'hm' },
      text('hello'),
    )
    expect(answer.text).toBe('hello')
  })

  test.each([[null], [1], [[]], [undefined]])('%j is no text, and the answer is broken', (words) => {
    expect(() => built(text(words))).toThrow(TransientError)
  })

  test.each([[null], [1], ['x'], [[]], [{}], [{ type: 7 }], [true]])('%j is no event', (event) => {
    expect(() => built(event)).toThrow(
      expect.objectContaining({ name: 'TransientError', reason: 'provider' }),
    )
  })

  test('beyond all that was asked for ends the answer', () => {
    const { builder, answer } = built(...Array.from({ length: 40 }, () => text('x'.repeat(100_000))), stop)
    expect(builder.full).toBe(true)
    expect(answer.stopReason).toBe('max_tokens')
    expect(answer.text.length).toBeLessThanOrEqual(1024 * 1024)
    expect(answer.text.length).toBeGreaterThan(900_000)
  })
})

describe('the reason to stop', () => {
  test.each([
    ['end_turn', 'end_turn'],
    ['stop_sequence', 'end_turn'],
    ['max_tokens', 'max_tokens'],
    ['model_context_window_exceeded', 'context_full'],
    ['pause_turn', 'paused'],
    ['refusal', 'refusal'],
  ])('%s means %s', (reason, meaning) => {
    const { builder, answer } = built(end(reason), stop)
    expect(answer.stopReason).toBe(meaning)
    expect(builder.unknownReason).toBeNull()
  })

  test.each([['tool_use'], ['constructor'], ['__proto__'], [7], [{}], [['end_turn']]])(
    '%j is an end, and is told',
    (reason) => {
      const { builder, answer } = built(end(reason), stop)
      expect(answer.stopReason).toBe('end_turn')
      expect(builder.unknownReason).toBe(JSON.stringify(reason))
    },
  )

  test('that is not given is an end', () => {
    expect(built(end(null), stop).builder).toMatchObject({ unknownReason: null, complete: true })
  })
})

describe('the id of an answer, and why the cache was missed', () => {
  test('are its own', () => {
    const cache_miss_reason = { type: 'tools_changed', cache_missed_input_tokens: 900 }
    const { answer } = built(
      start({ id: 'msg_1', diagnostics: { cache_miss_reason } }),
      text('a'),
      end(),
      stop,
    )
    expect(answer).toMatchObject({
      responseId: 'msg_1',
      cacheMiss: { reason: 'tools_changed', tokens: 900 },
    })
  })

  test.each([
    [{ type: 'unavailable' }, { reason: 'unavailable', tokens: null }],
    [
      { type: 'something_new', cache_missed_input_tokens: 'x' },
      { reason: 'other', tokens: null },
    ],
  ])('%j is %j', (cache_miss_reason, expected) => {
    const { answer } = built(start({ diagnostics: { cache_miss_reason } }), end(), stop)
    expect(answer.cacheMiss).toEqual(expected)
  })

  test.each([...ODD, 'a b', 'x'.repeat(300)].map((value) => [value]))('%j is none', (value) => {
    for (const diagnostics of [value, { cache_miss_reason: value }, { cache_miss_reason: { type: null } }]) {
      const { answer } = built(start({ id: value === '12' ? '' : value, diagnostics }), end(), stop)
      expect(answer).not.toHaveProperty('responseId')
      expect(answer).not.toHaveProperty('cacheMiss')
    }
  })
})
