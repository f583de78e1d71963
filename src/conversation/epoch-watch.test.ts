import { expect, test } from 'vitest'
import type { StoredMessage } from '../inbox/message.ts'
import { EpochWatch, type Beginning } from './epoch-watch.ts'

const row = (seq: number, role: StoredMessage['role']) => ({ seq, role }) as StoredMessage

/** The request that asks the message `asked`; each turn has two messages, of which `from` is the first sent. */
function request(asked: number, from = 1, more: Partial<Beginning> = {}): Beginning {
  const turns = []
  for (let seq = from; seq < asked; seq += 2) turns.push([row(seq, 'user'), row(seq + 1, 'assistant')])
  return {
    model: 'one',
    effort: null,
    system: 's',
    chatSystem: null,
    turns,
    lastTurn: asked > 1 ? [row(asked - 2, 'user'), row(asked - 1, 'assistant')] : [],
    missing: new Map(),
    question: [row(asked, 'user')],
    began: null,
    isTrimmed: false,
    ...more,
  }
}

function reasons(...beginnings: Beginning[]) {
  const watch = new EpochWatch()
  return beginnings.map((beginning) => watch.next('chat', beginning))
}

test('a conversation begins once, and continues', () => {
  expect(reasons(request(1), request(3), request(5))).toEqual(['new', null, null])
})

test('what an earlier process has asked is continued', () => {
  expect(reasons(request(9), request(11))).toEqual([null, null])
})

test.each<[string, Beginning]>([
  ['model', request(5, 1, { model: 'two' })],
  ['effort', request(5, 1, { effort: 'low' })],
  ['system', request(5, 1, { system: 'other' })],
  ['system', request(5, 1, { system: null })],
  ['trim', request(5, 3, { began: 'trim', isTrimmed: true, chatSystem: 'summary' })],
  ['trim', request(5, 3, { isTrimmed: true, chatSystem: 'summary' })],
  ['attachments', request(5, 1, { began: 'attachments' })],
  ['attachments', request(5, 1, { missing: new Map([[1, 'cat.png']]) })],
  ['summary', request(5, 1, { isTrimmed: true, chatSystem: 'summary' })],
  ['history', request(5, 3)],
  ['new', request(5, 5)],
])('another beginning is named %s', (reason, now) => {
  const before = request(3, 1, { missing: new Map([[1, '']]) })
  expect(reasons(request(1, 1, { missing: new Map([[1, '']]) }), before, now)).toEqual(['new', null, reason])
})

test('a question that was refused leaves only the end behind, and its attachments with it', () => {
  const refused = request(3, 1, { missing: new Map([[3, 'dog.png']]) })
  const { turns, lastTurn } = request(3)
  const next = request(4, 1, { turns, lastTurn })
  expect(reasons(request(1), refused, next)).toEqual(['new', null, null])
})

test('where nothing but the question fits any more, that is a trim', () => {
  const trimmed = { turns: [], isTrimmed: true, chatSystem: 'summary' }
  expect(reasons(request(3), request(5, 1, trimmed), request(5, 1, trimmed))).toEqual([null, 'trim', null])
})

test('what another process has answered in between is not held against this one', () => {
  const trimmed = request(9, 5, { isTrimmed: true, chatSystem: 'summary' })
  expect(reasons(request(3), trimmed)).toEqual([null, null])
})

test('each conversation is watched on its own', () => {
  const watch = new EpochWatch()
  watch.next('a', request(3))
  expect(watch.next('b', request(3, 1, { model: 'two' }))).toBeNull()
  expect(watch.next('a', request(5, 1, { model: 'two' }))).toBe('model')
})
