import { describe, expect, test } from 'vitest'
import type { ModelMessage, ModelRequest } from '../conversation/model.ts'
import { bodyOf, thinkingOf } from './request-body.ts'

const user = (text: string, blocks?: string): ModelMessage => ({
  role: 'user',
  text,
  attachments: [],
  ...(blocks === undefined ? {} : { blocks }),
})
const assistant = (blocks: string): ModelMessage => ({
  role: 'assistant',
  text: 'x',
  attachments: [],
  blocks,
})
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: 'claude-sonnet-5-5',
  maxTokens: 100,
  system: null,
  messages: [user('hi')],
  ...more,
})
const parsed = (more: Partial<ModelRequest>) =>
  JSON.parse(bodyOf(request(more), null)) as Record<string, unknown>

describe('the body of a request', () => {
  test('has what is asked for, and nothing else', () => {
    expect(bodyOf(request(), null)).toBe(
      '{"model":"claude-sonnet-5-5","max_tokens":100,"stream":true,"messages":[{"role":"user","content":"hi"}]}',
    )
    const more = {
      effort: 'low',
      stop: ['.'],
      container: 'c',
      system: 'Be kind.',
      chatSystem: 'And short.',
    } as const
    expect(parsed(more)).toMatchObject({
      output_config: { effort: 'low' },
      stop_sequences: ['.'],
      container: 'c',
      system: 'Be kind.\n\nAnd short.',
    })
    expect(parsed({ stop: [], effort: null })).not.toHaveProperty('stop_sequences')
    expect(parsed({ previousResponse: 'msg_1' })).toMatchObject({
      diagnostics: { previous_message_id: 'msg_1' },
    })
    expect(parsed({ previousResponse: null })).toMatchObject({ diagnostics: { previous_message_id: null } })
  })

  test('has blocks as they are, byte by byte', () => {
    const blocks = '[{"type":"tool_use", "id":"a","name":"b","input":{"10":1.0,"2":1e2,"a":"\\u0000"}}]'
    const results = '[{"type":"tool_result","tool_use_id":"a","content":"ü"}]'
    const body = bodyOf(request({ messages: [user('hi'), assistant(blocks), user('', results)] }), null)
    expect(body).toContain(`{"role":"assistant","content":${blocks}},{"role":"user","content":${results}}]}`)
  })

  test('has the tools in their order, ours first, each with its schema as it is', () => {
    const schema = '{"type":"object","properties":{"2":{},"1":{}}}'
    const search = '{"type":"web_search_20260318","name":"web_search"}'
    const tools = [{ name: 'b', description: '"B"', inputSchema: schema }]
    const body = bodyOf(request({ tools, serverTools: [search], toolChoice: 'none' }), null)
    expect(body).toContain(
      `"tools":[{"name":"b","description":"\\"B\\"","input_schema":${schema}},${search}]`,
    )
    expect(JSON.parse(body)).toMatchObject({ tool_choice: { type: 'none' } })
    expect(parsed({ toolChoice: 'none' })).not.toHaveProperty('tool_choice')
  })
})

describe('the marks of the cache', () => {
  const cache = { ttl: '5m', scope: 'conversation' } as const
  const mark = '"cache_control":{"type":"ephemeral","ttl":"5m"}'

  test('are on the newest results and on what was newest before, and change nothing else', () => {
    const call =
      '[{"type":"thinking","thinking":"","signature":"s"},{"type":"tool_use","id":"a","name":"b","input":{}}]'
    const results = '[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"}]"}]}]'
    const messages = [user('older'), assistant(call), user('hi'), assistant(call), user('', results)]
    const body = bodyOf(request({ messages, system: 's', cache }), null)
    expect(body.split(mark)).toHaveLength(4)
    expect(body).toContain(`"text":"hi",${mark}}`)
    expect(body).toContain(`"content":[{"type":"text","text":"}]"}],${mark}}]}]}`)
    expect(body.replaceAll(`,${mark}`, '')).toContain(`"content":${results}}]}`)
    expect(JSON.parse(body)).toMatchObject({ system: [{ text: 's', cache_control: { ttl: '5m' } }] })
  })

  test('are neither on thinking nor on an empty text nor on what is no JSON', () => {
    const blocks =
      '[{"type":"text","text":"a"},{"type":"text","text":""},{"type":"redacted_thinking","data":"x"}]'
    expect(bodyOf(request({ messages: [user('', blocks)], cache }), null)).toContain(`"text":"a",${mark}}`)
    for (const odd of ['[]', '[{"type":"thinking"}]', '[{"type":'])
      expect(bodyOf(request({ messages: [user('', odd)], cache }), null)).not.toContain(mark)
  })
})

describe('thinking', () => {
  test('is asked for where the request says so, with what it notes between calls', () => {
    expect(thinkingOf({ thinking: 'auto' }, false)).toEqual({ type: 'adaptive', display: 'summarized' })
    expect(thinkingOf({}, false)).toBeNull()
  })

  test('is dropped where the request says so', () => {
    const thinking = thinkingOf({ thinking: 'auto' }, true)
    expect(JSON.parse(bodyOf(request(), thinking))).toMatchObject({
      thinking: { block_binding: { prefix_mismatch_behavior: 'drop_block' } },
    })
  })
})
