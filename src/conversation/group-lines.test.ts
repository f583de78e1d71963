import { expect, test } from 'vitest'
import { GroupLines } from './group-lines.ts'

const line = (text: string) => ({ person: '9', from: 'Ben', text })
const lines = () => new GroupLines(new Map([['chat', 3]]))
const texts = (kept: GroupLines, place = 'a') => kept.take('chat', place).lines.map(({ text }) => text)

test('a message brings the newest lines, oldest first, and the next one none of them again', () => {
  const kept = lines()
  for (const text of ['1', '2', '3', '4']) kept.hear('chat', 'a', text, line(text))
  expect(texts(kept)).toEqual(['2', '3', '4'])
  expect(texts(kept)).toEqual([])
  kept.hear('chat', 'a', '5', line('5'))
  expect(texts(kept)).toEqual(['5'])
})

test('a line that is delivered again is one, also after it was brought', () => {
  const kept = lines()
  kept.hear('chat', 'a', '1', line('1'))
  kept.hear('chat', 'a', '1', line('1'))
  expect(texts(kept)).toEqual(['1'])
  kept.hear('chat', 'a', '1', line('1'))
  expect(texts(kept)).toEqual([])
})

test('what was not stored is brought by the next message', () => {
  const kept = lines()
  kept.hear('chat', 'a', '1', line('1'))
  kept.take('chat', 'a').giveBack()
  expect(texts(kept)).toEqual(['1'])
})

test('places and channels have lines of their own, a channel without a limit none', () => {
  const kept = lines()
  kept.hear('chat', 'a', '1', line('1'))
  kept.hear('other', 'a', '2', line('2'))
  expect(texts(kept, 'b')).toEqual([])
  expect(kept.take('other', 'a').lines).toEqual([])
  expect([kept.keeps('chat'), kept.keeps('other')]).toEqual([true, false])
  expect(texts(kept)).toEqual(['1'])
})

test('an edit changes a line, a deletion and a new conversation remove it', () => {
  const kept = lines()
  for (const text of ['1', '2']) kept.hear('chat', 'a', text, line(text))
  kept.edit('chat', 'a', '1', 'one')
  kept.edit('chat', 'a', 'unknown', 'x')
  kept.remove('chat', 'a', '2')
  expect(texts(kept)).toEqual(['one'])
  kept.hear('chat', 'a', '3', line('3'))
  kept.clear('chat', 'a')
  expect(texts(kept)).toEqual([])
})

test('the memory for lines is bounded by chats and by length', () => {
  const kept = lines()
  for (let chat = 0; chat < 501; chat++) kept.hear('chat', `c${chat}`, '1', line('x'.repeat(9_000)))
  expect(texts(kept, 'c0')).toEqual([])
  expect(texts(kept, 'c500')[0]).toHaveLength(500)
})
