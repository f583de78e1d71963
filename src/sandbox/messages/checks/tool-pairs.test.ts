import { describe, expect, it } from 'vitest'
import { toolPairFault } from './tool-pairs.ts'

const user = (...content: object[]) => ({ role: 'user', content })
const assistant = (...content: object[]) => ({ role: 'assistant', content })
const HI = { type: 'text', text: 'hi' }
const call = (id: string) => ({ type: 'tool_use', id, name: 'a', input: {} })
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id })

const MISSING = /^messages\.1: `tool_use` ids were found without `tool_result` blocks immediately after: /

describe('calls and results', () => {
  it.each([
    ['a call and its result', [user(HI), assistant(call('a')), user(result('a'))]],
    ['two calls, in any order', [user(HI), assistant(call('a'), call('b')), user(result('b'), result('a'))]],
    ['text behind results', [user(HI), assistant(HI, call('a')), user(result('a'), HI)]],
    [
      'steps of a turn',
      [user(HI), assistant(call('a')), user(result('a')), assistant(call('b')), user(result('b'))],
    ],
  ])('%s are accepted', (_what, messages) => {
    expect(toolPairFault(messages, true)).toBeNull()
  })

  it.each<readonly [string, Array<ReturnType<typeof user>>, RegExp]>([
    ['a call at the end', [user(HI), assistant(call('a'))], MISSING],
    ['a call that text follows', [user(HI), assistant(call('a')), user(HI)], MISSING],
    [
      'one result of two',
      [user(HI), assistant(call('a'), call('b')), user(result('a'))],
      /immediately after: b\./,
    ],
    [
      'results in two messages',
      [user(HI), assistant(call('a'), call('b')), user(result('a')), user(result('b'))],
      /immediately after: b\./,
    ],
    ['a result behind text', [user(HI), assistant(call('a')), user(HI, result('a'))], MISSING],
    [
      'a result between text',
      [user(HI), assistant(call('a'), call('b')), user(result('a'), HI, result('b'))],
      /immediately after: b\./,
    ],
    [
      'a call that an answer follows',
      [user(HI), assistant(call('a')), assistant(HI), user(result('a'))],
      MISSING,
    ],
    [
      'a result of nothing',
      [user(result('a'))],
      /^messages\.0\.content\.0: unexpected `tool_use_id` found in `tool_result` blocks: a\./,
    ],
    [
      'a result of an earlier step',
      [user(HI), assistant(call('a')), user(result('a')), assistant(HI), user(result('a'))],
      /^messages\.4\.content\.0: unexpected `tool_use_id`/,
    ],
    [
      'two results of one call',
      [user(HI), assistant(call('a')), user(result('a'), result('a'))],
      /each tool_use must have a single result. Found multiple `tool_result` blocks with id: a$/,
    ],
    [
      'an id twice in a message',
      [user(HI), assistant(call('a'), call('a')), user(result('a'))],
      /`tool_use` ids must be unique$/,
    ],
    [
      'an id again later',
      [user(HI), assistant(call('a')), user(result('a')), assistant(call('a')), user(result('a'))],
      /^messages\.3\.content\.0: `tool_use` ids must be unique$/,
    ],
  ])('%s are refused', (_what, messages, fault) => {
    expect(toolPairFault(messages, true)).toMatch(fault)
  })

  it('need the definitions of tools', () => {
    const messages = [user(HI), assistant(call('a')), user(result('a'))]
    expect(toolPairFault(messages, false)).toMatch(/must define tools\.$/)
    expect(toolPairFault([user(HI)], false)).toBeNull()
  })
})
