import { describe, expect, test } from 'vitest'
import type { MessageItem } from '../../src/http/wire.ts'
import { emptyThread, isBusy, isThinking, stateWords, withDelta, withItems, withPending } from './thread.ts'
import type { UnsentEntry } from './unsent/outbox.ts'

let revision = 0
const item = (seq: number, given: Partial<MessageItem> = {}): MessageItem => ({
  id: `m${seq}`,
  role: 'user',
  text: `text ${seq}`,
  state: 'answered',
  at: '2026-11-22T12:00:00.000Z',
  seq,
  revision: ++revision,
  ...given,
})
const thread = emptyThread('c')

const unsent = (messageId: string, conversation = 'c'): UnsentEntry => ({
  messageId,
  principal: 'p',
  conversation,
  order: 1,
  text: 'a',
  files: [],
  refusal: null,
  sending: true,
  notKept: null,
})

describe('rows', () => {
  test('are in order, each once, the newer version of each', () => {
    const early = item(1, { state: 'held' })
    const late = item(1, { state: 'answered' })
    const seen = withItems(withItems(thread, [item(3), late]), [item(2), early])
    expect(seen.items.map(({ seq, state }) => [seq, state])).toEqual([
      [1, 'answered'],
      [2, 'answered'],
      [3, 'answered'],
    ])
  })

  test('take the place of what this page had sent under the same name, and of nothing else', () => {
    const sent = withPending(thread, [unsent('x'), unsent('y'), unsent('z', 'another conversation')])
    expect(withItems(sent, [item(1, { messageId: 'x' })]).pending.map((left) => left.messageId)).toEqual([
      'y',
    ])
    expect(withPending(withItems(thread, [item(1, { messageId: 'x' })]), [unsent('x')]).pending).toEqual([])
  })

  test('of an answer end its draft; a change of an older one does not', () => {
    const old = item(1, { role: 'assistant' })
    const writing = withDelta(withItems(thread, [old]), { turnId: 't', offset: 0, text: 'half' })
    expect(withItems(writing, [{ ...old, revision: ++revision }]).draft).not.toBeNull()
    expect(withItems(writing, [item(2, { role: 'assistant' })]).draft).toBeNull()
  })
})

describe('the draft', () => {
  test('is assembled from pieces, also when it restarts or a piece comes twice', () => {
    const say = (state: typeof thread, offset: number, text: string, turnId = 't') =>
      withDelta(state, { turnId, offset, text })
    let state = say(say(thread, 0, 'one '), 4, 'two')
    state = say(state, 4, 'two three')
    expect(state.draft?.text).toBe('one two three')
    expect(say(state, 0, 'again').draft?.text).toBe('again')
    expect(say(state, 0, 'next', 'u').draft).toEqual({ turnId: 'u', text: 'next' })
    expect(withDelta(state, { turnId: 't', offset: 0, text: '', done: true }).draft).toBeNull()
  })
})

test('a message that waits for an outage is nobody’s work just now', () => {
  expect(isBusy(withItems(thread, [item(1, { state: 'held' })]))).toBe(false)
  expect(isThinking(withItems(thread, [item(1, { state: 'held' })]), false)).toBe(false)
  expect(isBusy(withItems(thread, [item(1, { state: 'answering' })]))).toBe(true)
  expect(isThinking(withItems(thread, [item(1, { state: 'received' })]), false)).toBe(true)
  const received = withItems(thread, [item(1, { state: 'received' })])
  expect(isThinking(received, true)).toBe(false)
  expect(stateWords('received', true)).toBe(stateWords('held', false))
  expect(stateWords('received', false)).toBeNull()
})
