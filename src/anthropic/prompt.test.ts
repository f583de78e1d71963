import { expect, test } from 'vitest'
import { contentOf, promptOf } from './prompt.ts'

test('what is said of a message is a block before it, and its words are the last one', () => {
  const file = { mediaType: 'text/plain', name: 'a.txt', bytes: Buffer.from('a') }
  const document = { type: 'document', title: 'a.txt' }
  const further = [
    { text: 'two', attachments: [file] },
    { context: 'about three', text: 'three', attachments: [] },
  ]
  expect(
    contentOf({ role: 'user', context: 'about one', text: 'one', attachments: [file], further }),
  ).toMatchObject([
    { type: 'text', text: 'about one' },
    document,
    { type: 'text', text: 'one' },
    document,
    { type: 'text', text: 'two' },
    { type: 'text', text: 'about three' },
    { type: 'text', text: 'three' },
  ])
  expect(contentOf({ role: 'user', context: 'a card', text: '', attachments: [] })).toEqual([
    { type: 'text', text: 'a card' },
  ])
})

test('the mark of the cache is on the person’s words, which come last', () => {
  const message = { role: 'user' as const, context: 'about it', text: 'words', attachments: [] }
  const request = { model: 'm', maxTokens: 1, system: null, messages: [message] }
  const { messages } = promptOf({ ...request, cache: { ttl: '5m', scope: 'conversation' } })
  expect(messages).toEqual([
    {
      role: 'user',
      content: [
        { type: 'text', text: 'about it' },
        { type: 'text', text: 'words', cache_control: { type: 'ephemeral', ttl: '5m' } },
      ],
    },
  ])
})
