import { describe, expect, test } from 'vitest'
import { TransientError } from '../support/errors.ts'
import { AnswerBuilder, type AnswerTerms } from './answer-builder.ts'

const start = (block: unknown) => ({ type: 'content_block_start', index: 0, content_block: block })
const delta = (fields: unknown) => ({ type: 'content_block_delta', index: 0, delta: fields })
const text = (words: string) => delta({ type: 'text_delta', text: words })
const json = (piece: unknown) => delta({ type: 'input_json_delta', partial_json: piece })
const call = (id = 'toolu_1', more: object = {}) =>
  start({ type: 'tool_use', id, name: 'read_file', input: {}, caller: { type: 'direct' }, ...more })
const end = (reason: string, more: object = {}) => ({
  type: 'message_delta',
  delta: { stop_reason: reason, ...more },
  usage: { output_tokens: 5 },
})
const stop = { type: 'message_stop' }

function answerOf(events: readonly unknown[], terms: Partial<AnswerTerms> = {}) {
  const builder = new AnswerBuilder({ model: 'claude-sonnet-5-5', maxTokens: 100, ...terms })
  const shown = events.map((event) => builder.add(event)).join('')
  const answer = builder.build(1)
  return { builder, shown, answer, blocks: JSON.parse(answer.content) as unknown[] }
}

describe('the content of an answer', () => {
  test('of one text is that text, and is said to be', () => {
    const plain = answerOf([start({ type: 'text', text: '', citations: null }), text('a "b"'), text('\n')])
    expect(plain.answer).toMatchObject({ isPlain: true, content: '[{"type":"text","text":"a \\"b\\"\\n"}]' })
  })

  test('has every block in its order, with the fields that it came with in theirs', () => {
    const found = { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [{ 2: 'b', 1: 'a' }] }
    const { answer, shown } = answerOf([
      start({ type: 'thinking', thinking: '', signature: '' }),
      delta({ type: 'thinking_delta', thinking: 'hm, ' }),
      delta({ type: 'thinking_delta', thinking: 'yes' }),
      delta({ type: 'signature_delta', signature: 'c2ln' }),
      start({ type: 'redacted_thinking', data: 'ZGF0YQ==' }),
      start({ type: 'text', text: '', citations: null }),
      text('Let me see.'),
      start({ type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }),
      json(''),
      json('{"query": "x"'),
      json('}'),
      start(found),
      start({ type: 'poem', lines: ['roses'], text: 'unseen' }),
      call(),
      json('{"path":"a b", "10":1, "2":1.0}'),
      end('tool_use'),
      stop,
    ])
    expect(answer.content).toBe(
      '[{"type":"thinking","thinking":"hm, yes","signature":"c2ln"},' +
        '{"type":"redacted_thinking","data":"ZGF0YQ=="},' +
        '{"type":"text","text":"Let me see.","citations":null},' +
        '{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query": "x"}},' +
        `${JSON.stringify(found)},` +
        '{"type":"poem","lines":["roses"],"text":"unseen"},' +
        '{"type":"tool_use","id":"toolu_1","name":"read_file","input":{"path":"a b", "10":1, "2":1.0},' +
        '"caller":{"type":"direct"}}]',
    )
    expect(answer).toMatchObject({
      text: 'Let me see.',
      isPlain: false,
      stopReason: 'tool_use',
      calls: [{ id: 'toolu_1', name: 'read_file', input: '{"path":"a b", "10":1, "2":1.0}' }],
    })
    expect(shown).toBe(answer.text)
  })

  test('keeps the sources of a text', () => {
    const citation = { type: 'web_search_result_location', url: 'https://example.com', encrypted_index: 'x' }
    const { blocks, answer } = answerOf([
      start({ type: 'text', text: '', citations: null }),
      delta({ type: 'citations_delta', citation }),
      text('It rains.'),
      delta({ type: 'citations_delta', citation }),
      stop,
    ])
    expect(blocks).toEqual([{ type: 'text', text: 'It rains.', citations: [citation, citation] }])
    expect(answer.isPlain).toBe(false)
  })

  test('takes an input that did not come in pieces from the beginning of its block', () => {
    const { blocks, answer } = answerOf([
      call('toolu_1', { input: { a: [1] } }),
      json(''),
      end('tool_use'),
      stop,
    ])
    expect(blocks).toMatchObject([{ input: { a: [1] } }])
    expect(answer.calls).toMatchObject([{ input: '{"a":[1]}' }])
  })

  test('gives a call without any input an empty one', () => {
    const { blocks, answer } = answerOf([
      start({ type: 'tool_use', id: 'toolu_1', name: 'a' }),
      start({ type: 'server_tool_use', id: 'srvtoolu_1', name: 'b' }),
      stop,
    ])
    expect(blocks).toMatchObject([{ input: {} }, { input: {} }])
    expect(answer.calls).toMatchObject([{ input: '{}' }])
  })

  test.each(['{"path": "a', '[1]', '7', 'null', '{"a":1}}'])(
    'has an empty input where the one of a call is %s, which its caller gets as it is',
    (input) => {
      const { blocks, answer } = answerOf([call(), json(input), end('max_tokens'), stop])
      expect(blocks).toMatchObject([{ type: 'tool_use', id: 'toolu_1', input: {} }])
      expect(answer.calls).toEqual([{ id: 'toolu_1', name: 'read_file', input }])
      expect(answer.stopReason).toBe('max_tokens')
    },
  )

  test.each([
    ['cut behind it', 'max_tokens', []],
    ['silent at its end', 'end_turn', [start({ type: 'text', text: '' })]],
  ])('does not end with thinking where it is %s', (_name, reason, more) => {
    const { answer, blocks } = answerOf([
      start({ type: 'text', text: '' }),
      text('So far.'),
      start({ type: 'thinking', thinking: '', signature: 'c2ln' }),
      start({ type: 'redacted_thinking', data: 'ZGF0YQ==' }),
      ...more,
      end(reason),
      stop,
    ])
    expect([answer.text, blocks]).toEqual(['So far.', [{ type: 'text', text: 'So far.' }]])
  })

  test('leaves out what no request could have: blank text, thinking without its signature', () => {
    const { blocks } = answerOf([
      start({ type: 'text', text: '\n' }),
      start({ type: 'thinking', thinking: 'half a' }),
      start({ type: 'thinking', thinking: '', signature: 'c2ln' }),
      start({ type: 'text', text: 'yes' }),
      start({ type: 'text', text: '' }),
      stop,
    ])
    expect(blocks).toEqual([
      { type: 'thinking', thinking: '', signature: 'c2ln' },
      { type: 'text', text: 'yes' },
    ])
  })

  test('ends before the block in which it becomes too long', () => {
    const { builder, blocks, answer } = answerOf([
      start({ type: 'text', text: 'yes' }),
      start({ type: 'web_fetch_tool_result', content: 'x'.repeat(33 * 1024 * 1024) }),
    ])
    expect([builder.full, answer.stopReason]).toEqual([true, 'max_tokens'])
    expect(blocks).toEqual([{ type: 'text', text: 'yes' }])
    const calls = Array.from({ length: 102 }, (_, index) => call(`toolu_${index}`))
    expect(answerOf(calls).builder.full).toBe(true)
  })
})

describe('the text around other blocks', () => {
  const first = start({ type: 'text', text: 'Let me see.' })
  const result = start({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] })

  test('begins a paragraph behind each of them, and is verbatim in its own block', () => {
    const { shown, answer, blocks } = answerOf([
      first,
      result,
      start({ type: 'text', text: '' }),
      text('It '),
      text('rains'),
      start({ type: 'text', text: ' today' }),
      result,
      start({ type: 'text', text: '\nBye' }),
      stop,
    ])
    expect(answer.text).toBe('Let me see.\n\nIt rains today\nBye')
    expect(shown).toBe(answer.text)
    expect(blocks).toMatchObject([
      { text: 'Let me see.' },
      {},
      { text: 'It rains' },
      { text: ' today' },
      {},
      { text: '\nBye' },
    ])
  })

  test('begins none at the start of an answer, also of one that is continued', () => {
    expect(answerOf([result, start({ type: 'text', text: 'yes' }), stop]).shown).toBe('yes')
    const before = (words: string, endsInText: boolean) => ({ before: { text: words, endsInText } })
    const more = [start({ type: 'text', text: 'yes' }), stop]
    const continued = answerOf(more, before('Hm.', false))
    expect([continued.shown, continued.answer.text]).toEqual(['\n\nyes', '\n\nyes'])
    expect(continued.blocks).toEqual([{ type: 'text', text: 'yes' }])
    expect(answerOf(more, before('Hm.\n', false)).shown).toBe('yes')
    expect(answerOf(more, before('Hm, ', true)).shown).toBe('yes')
    expect(answerOf(more, before('', false)).shown).toBe('yes')
  })
})

describe('an answer is broken by', () => {
  test.each<[string, unknown[]]>([
    ['a call without an id', [call(7 as never)]],
    ['an id that none is', [call('a b')]],
    ['two calls of one id', [call(), call()]],
    ['a call of nothing', [call('toolu_1', { name: '' })]],
    ['an input that is no text', [call(), json(null)]],
    [
      'thinking that is no text',
      [start({ type: 'thinking' }), delta({ type: 'thinking_delta', thinking: 1 })],
    ],
    ['a signature that is none', [start({ type: 'thinking' }), delta({ type: 'signature_delta' })]],
  ])('%s', (_, events) => {
    expect(() => answerOf(events)).toThrow(TransientError)
  })

  test.each<[string, unknown]>([
    ['a block without a kind', start({ text: 'hm' })],
    ['a block that is none', start(null)],
    ['a piece of no block', json('{}')],
    ['a piece of an unknown kind', delta({ type: 'poem_delta', line: 'hm' })],
  ])('nothing like %s', (_, event) => {
    expect(answerOf([event, text('hello'), stop]).answer).toMatchObject({ text: 'hello', isPlain: true })
  })
})

describe('what comes with an answer', () => {
  test('is the place where its code has run, where it has a name', () => {
    const container = { id: 'container_1', expires_at: 'soon' }
    expect(answerOf([end('end_turn', { container }), stop]).answer.container).toBe('container_1')
    for (const odd of [null, {}, { id: 7 }, { id: 'a b' }, 'container_1']) {
      expect(answerOf([end('end_turn', { container: odd }), stop]).answer.container).toBeNull()
    }
  })

  test('is how much thinking was dropped', () => {
    const dropped = (transformations: unknown) =>
      answerOf([{ type: 'message_start', message: { input_transformations: transformations } }, stop]).answer
        .droppedThinking
    expect(dropped([{ type: 'thinking_dropped' }, { type: 'thinking_mismatch_allowed' }, null])).toBe(1)
    for (const none of [[], null, undefined, 'thinking_dropped']) expect(dropped(none)).toBeUndefined()
  })

  test('are the figures of its end, where it has them', () => {
    const usage = { input_tokens: 9_000, output_tokens: 5, cache_read_input_tokens: null }
    const message = { usage: { input_tokens: 10, cache_read_input_tokens: 3 } }
    const { answer } = answerOf([
      { type: 'message_start', message },
      { type: 'message_delta', delta: {}, usage },
      stop,
    ])
    expect(answer.usage).toEqual({
      inputTokens: 9_000,
      outputTokens: 5,
      cacheReadTokens: 3,
      cacheWriteTokens: 0,
    })
  })

  test.each([
    ['pause_turn', true],
    ['end_turn', false],
  ])('can be continued after %s: %s', (reason, expected) => {
    const server = start({ type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} })
    expect(answerOf([server, end(reason), stop]).builder.canContinue).toBe(expected)
    expect(answerOf([text('hm'), end(reason), stop]).builder.canContinue).toBe(false)
  })
})
