import { expect, test } from 'vitest'
import {
  changedMessages,
  conversationRow,
  extentOf,
  messageRow,
  noChanges,
  THEN,
} from '../../../test/support/stores/rows.ts'

test('what is changed of one message adds up, also where it was read twice', () => {
  const changes = noChanges()
  const [first, second] = [messageRow(1), messageRow(1)]
  changes.change(first, { state: 'held', failures: 2 })
  changes.change(second, { state: 'withdrawn' })
  expect(changedMessages(changes)).toEqual({ m1: { state: 'withdrawn', failures: 2 } })
  expect(changes.changed.get(1)!.row).toMatchObject({ state: 'withdrawn', failures: 2 })
})

test('a message that is not stored yet is stored as it is in the end', () => {
  const changes = noChanges()
  const message = changes.insert(conversationRow(), { role: 'user', state: 'received', text: 'a', at: THEN })
  changes.change(message, { state: 'withdrawn' })
  changes.changeText(message, 'b', '{}')
  expect(changes.added).toMatchObject([{ state: 'withdrawn', text: 'b', about: '{}' }])
  expect(extentOf(changes)).toEqual({ added: 1, saved: 1 })
})

test('messages follow each other in their conversation, with their files and context', () => {
  const changes = noChanges()
  const conversation = conversationRow({ last_at: THEN + 9 })
  const bytes = new Uint8Array(3)
  const context = { digest: 'd', system: null, turns: [], model: null, maxTokens: null, stop: [] }
  const message = { role: 'user', state: 'received', text: 'a', at: THEN } as const
  const attachments = [{ mediaType: 'text/plain', name: 'n', bytes }]
  const first = changes.insert(conversation, {
    ...message,
    attachments,
    context: { value: context, whole: true },
  })
  const second = changes.insert(conversation, { ...message, inHistory: true })
  expect([first.seq, second.seq, second.history_seq, conversation.next_seq]).toEqual([10, 11, 11, 12])
  expect(conversation.last_at).toBe(THEN + 9)
  expect(changes.files).toMatchObject([{ message: first.id, attachment: { bytes } }])
  expect(first.attachments).toEqual([
    { id: changes.files[0]!.id, mediaType: 'text/plain', name: 'n', size: 3 },
  ])
  expect([first.solo, second.solo]).toEqual([true, false])
  const { digest, ...json } = context
  expect(changes.contexts).toEqual([{ id: first.id, digest, json }])
})

test('what was written is not written again, but who has work is still woken', () => {
  const changes = noChanges()
  const conversation = conversationRow()
  changes.notify(conversation, 'a', { replyTo: null, at: THEN })
  changes.change(messageRow(1), { state: 'held' })
  changes.changeText(messageRow(2), 'b', null)
  changes.summaries.push([7, null])
  changes.cursors.push({ channel: 'telegram', name: 'offset', value: '1' })
  changes.wake(conversation)
  changes.written()
  expect(extentOf(changes)).toEqual({ woken: 1 })
  changes.save(conversation)
  changes.forget(conversation)
  expect(extentOf(changes)).toEqual({})
})
