import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertProperty } from '../../../test/support/test-chance.ts'
import type { StoredMessage } from '../../inbox/message.ts'
import { blocksWithoutThinking, sentAnswer, type BlockChoice } from './answer-blocks.ts'

const THINKING = { type: 'thinking', thinking: '', signature: 'sig' }
const REDACTED = { type: 'redacted_thinking', data: 'xyz' }
const said = (text: string) => ({ type: 'text', text })
const call = (id: string) => ({ type: 'tool_use', id, name: 'look', input: { b: 1, a: [] } })
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'found' })
const model = (...content: object[]) => ({ role: 'assistant', content })
const person = (...content: object[]) => ({ role: 'user', content })

function sent(blocks: unknown, choice: BlockChoice, text = 'whole text') {
  const row = { text, blocks: JSON.stringify(blocks) } as unknown as StoredMessage
  return sentAnswer(row, choice).messages.map(({ role, text: plain, blocks: json }) => ({
    role,
    content: json === undefined ? plain : (JSON.parse(json) as unknown),
  }))
}

const CALLED = [
  model(THINKING, said('I look.'), call('1'), call('2')),
  person(result('1'), result('2')),
  model(REDACTED, said('There it is.')),
]

test('an answer without words whose blocks are gone is sent as a word of the model', () => {
  const { messages } = sentAnswer({ text: '', blocks: null } as StoredMessage, 'all')
  expect(messages).toEqual([{ role: 'assistant', text: '(no text)', attachments: [] }])
})

test('within its epoch an answer is sent as it came, to the letter', () => {
  const input = '{"10":1,"9":1.50,"n":12345678901234567890,"u":"\\u0000]"}'
  const blocks = JSON.stringify(CALLED).replace('{"b":1,"a":[]}', input)
  expect(blocks).toContain(input)
  const { messages } = sentAnswer({ text: 't', blocks } as StoredMessage, 'all')
  expect(`[${messages.map(({ role, blocks: json }) => `{"role":"${role}","content":${json}}`).join()}]`).toBe(
    blocks,
  )
  expect(
    sentAnswer({ text: 't', blocks } as StoredMessage, 'without-thinking').messages[0]!.blocks,
  ).toContain(input)
})

test('later its thinking is left out, and its calls keep their results', () => {
  expect(sent(CALLED, 'without-thinking')).toEqual([
    model(said('I look.'), call('1'), call('2')),
    person(result('1'), result('2')),
    model(said('There it is.')),
  ])
})

test('where no tool is offered any more it is sent as its text, with its calls left out', () => {
  expect(sent(CALLED, 'text')).toEqual([{ role: 'assistant', content: 'whole text' }])
  expect(sent([model(THINKING, said('a'), said('b'))], 'text')).toEqual([model(said('a'), said('b'))])
})

test.each<[string, unknown[], unknown]>([
  ['only thinking', [model(THINKING)], model(said('whole text'))],
  ['only blank text next to it', [model(THINKING, said('\n'))], model(said('whole text'))],
  ['thinking at its end', [...CALLED.slice(0, 2), model(REDACTED)], model(said('whole text'))],
])('what has %s ends with its text', (_, blocks, last) => {
  expect(sent(blocks, 'without-thinking').at(-1)).toEqual(last)
})

test('an answer of which nothing is left to say is still no empty message', () => {
  expect(sent([model(THINKING)], 'without-thinking', '')).toEqual([model(said('(no text)'))])
  expect(sent([model(call('1'))], 'all', '')).toEqual([{ role: 'assistant', content: '(no text)' }])
  // Its blocks went when its conversation became a part of another one.
  expect(sentAnswer({ text: '', blocks: null } as StoredMessage, 'all').messages[0]!.text).toBe('(no text)')
})

test.each<[string, unknown]>([
  ['a call without its result', [model(call('1'), call('2')), person(result('1')), model(said('a'))]],
  ['a call at the end', [model(said('a'), call('1'))]],
  ['a result without its call', [model(said('a')), person(result('1')), model(said('b'))]],
  ['another call’s result', [model(call('1')), person(result('2')), model(said('b'))]],
  [
    'one result for two calls',
    [model(call('1'), call('1')), person(result('1'), result('1')), model(said('b'))],
  ],
  ['results at the end', [model(call('1')), person(result('1'))]],
  ['a person at the beginning', [person(said('a')), model(said('b'))]],
  ['an empty message', [model(), person(said('a')), model(said('b'))]],
  ['nothing', []],
  ['no blocks', [{ role: 'assistant', content: 'text' }]],
  ['a block without a type', [model({ text: 'a' })]],
  ['another role', [{ role: 'system', content: [said('a')] }]],
  ['no messages', [null]],
  ['no array', { role: 'assistant' }],
])('stored blocks with %s are no part of a conversation: the text is sent', (_, blocks) => {
  for (const choice of ['all', 'without-thinking', 'text'] as const) {
    expect(sent(blocks, choice)).toEqual([{ role: 'assistant', content: 'whole text' }])
  }
})

test('an answer without blocks, or with broken ones, is its text', () => {
  for (const blocks of [null, undefined, '[{']) {
    const { messages } = sentAnswer({ text: 't', blocks } as StoredMessage, 'all')
    expect(messages).toEqual([{ role: 'assistant', text: 't', attachments: [] }])
  }
})

test('a picture in a result counts as a picture, and thinking as what it weighs', () => {
  const data = 'A'.repeat(400_000)
  const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data } }
  const shown = { type: 'tool_result', tool_use_id: '1', content: [picture] }
  const tokens = (blocks: unknown, choice: BlockChoice) =>
    sentAnswer({ text: 't', blocks: JSON.stringify(blocks) } as StoredMessage, choice).tokens
  const found = tokens([model(call('1')), person(shown), model(said('a'))], 'all')
  expect(found).toBeGreaterThan(1_600)
  expect(found).toBeLessThan(2_000)
  const thought = [model({ ...THINKING, signature: 's'.repeat(3_000) }, said('a'))]
  expect(tokens(thought, 'all') - tokens(thought, 'without-thinking')).toBeGreaterThan(1_000)
})

/** Any answer that a turn may store: steps with calls and their results, then a last response. */
const thinking = fc.constantFrom<readonly object[]>([], [THINKING], [THINKING, REDACTED])
const words = fc.constantFrom<readonly object[]>([], [said('words')], [said(' '), said('more')])
const found = { type: 'web_search_tool_result', tool_use_id: 's', content: [] }
const searched = fc.constantFrom<readonly object[]>(
  [],
  [{ type: 'server_tool_use', id: 's', name: 'web_search' }, found],
)
const answers = fc
  .tuple(
    fc.array(fc.tuple(thinking, words, searched, fc.integer({ min: 1, max: 3 })), { maxLength: 4 }),
    fc.tuple(thinking, words),
  )
  .map(([steps, [thought, text]]) => [
    ...steps.flatMap(([before, between, server, calls], step) => {
      const ids = Array.from({ length: calls }, (_, index) => `${step}-${index}`)
      return [model(...before, ...between, ...server, ...ids.map(call)), person(...ids.map(result))]
    }),
    model(...thought, ...text, ...(thought.length + text.length === 0 ? [said('end')] : [])),
  ])

test('without its thinking every answer has the same calls, each with its result, and no message is empty', () => {
  assertProperty(
    fc.property(answers, fc.constantFrom('', 'whole text'), (blocks, text) => {
      const messages = sent(blocks, 'without-thinking', text)
      const calls = (of: ReadonlyArray<{ readonly content: unknown }>) =>
        of.map(({ content }) => (content as Array<{ type: string }>).filter(({ type }) => /tool/.test(type)))
      expect(calls(messages)).toEqual(calls(blocks as Array<{ content: unknown }>))
      expect(messages.map(({ role }) => role)).toEqual(blocks.map(({ role }) => role))
      for (const { content } of messages) expect(content).not.toHaveLength(0)
      expect(JSON.stringify(messages)).not.toMatch(/thinking|"text":"\s*"/)
      expect(sent(messages, 'without-thinking', text)).toEqual(messages)
    }),
  )
})

test('stored blocks without their thinking are stored blocks still', () => {
  const rest = sent(CALLED, 'without-thinking')
  expect(blocksWithoutThinking(JSON.stringify(CALLED))).toBe(JSON.stringify(rest))
})
