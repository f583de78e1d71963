import { describe, expect, it } from 'vitest'
import { openServerCalls, serverCallFault } from './server-calls.ts'

const user = (...content: object[]) => ({ role: 'user', content })
const assistant = (...content: object[]) => ({ role: 'assistant', content })
const HI = { type: 'text', text: 'hi' }
const search = (id: string) => ({ type: 'server_tool_use', id, name: 'web_search', input: {} })
const found = (id: string) => ({ type: 'web_search_tool_result', tool_use_id: id, content: [] })
const call = { type: 'tool_use', id: 'a', name: 'mine', input: {} }
const result = { type: 'tool_result', tool_use_id: 'a' }
const TOOLS = [{ type: 'web_search_20260318', name: 'web_search' }]

describe('calls of server tools', () => {
  it.each([
    ['with their results', [user(HI), assistant(search('s1'), found('s1'), HI), user(HI)], 0],
    ['open in a paused turn', [user(HI), assistant(HI, search('s1'))], 1],
    ['open in a paused turn that came in parts', [user(HI), assistant(HI), assistant(search('s1'))], 1],
    ['open next to calls of the client', [user(HI), assistant(search('s1'), call), user(result)], 1],
    [
      'closed behind results of the client',
      [user(HI), assistant(search('s1'), call), user(result), assistant(found('s1'), HI), user(HI)],
      0,
    ],
  ])('%s are accepted', (_what, messages, open) => {
    expect(serverCallFault(messages, TOOLS)).toBeNull()
    expect(openServerCalls(messages)).toHaveLength(open)
  })

  it.each<readonly [string, Array<ReturnType<typeof user>>, RegExp]>([
    [
      'open behind a new message',
      [user(HI), assistant(search('s1')), user(HI)],
      /`web_search` tool use with id `s1` was found without a corresponding `web_search_tool_result` block$/,
    ],
    [
      'open, with text behind the results of the client',
      [user(HI), assistant(search('s1'), call), user(result, HI)],
      /was found without/,
    ],
    [
      'closed too late',
      [user(HI), assistant(search('s1'), call), user(result), assistant(HI, found('s1'))],
      /was found without/,
    ],
    [
      'closed one by one, with text between',
      [
        user(HI),
        assistant(search('s1'), search('s2'), call),
        user(result),
        assistant(found('s1'), HI, found('s2')),
      ],
      /with id `s2` was found without/,
    ],
    [
      'results of nothing',
      [user(HI), assistant(found('s1'))],
      /^messages\.1\.content\.0: unexpected `tool_use_id` found in `web_search_tool_result` blocks: s1\./,
    ],
    [
      'results of another tool',
      [user(HI), assistant(search('s1'), { ...found('s1'), type: 'web_fetch_tool_result' })],
      /unexpected `tool_use_id` found in `web_fetch_tool_result`/,
    ],
    [
      'closed twice',
      [user(HI), assistant(search('s1'), found('s1'), found('s1'))],
      /unexpected `tool_use_id`/,
    ],
  ])('%s are refused', (_what, messages, fault) => {
    expect(serverCallFault(messages, TOOLS)).toMatch(fault)
  })

  it('continue only with the tool that they call', () => {
    const paused = [user(HI), assistant(search('s1'))]
    expect(serverCallFault(paused, [])).toMatch(/`web_search` cannot continue/)
    const code = { type: 'server_tool_use', id: 's1', name: 'bash_code_execution', input: {} }
    const defined = [{ type: 'code_execution_20260521', name: 'code_execution' }]
    expect(serverCallFault([user(HI), assistant(code)], defined)).toBeNull()
  })
})
