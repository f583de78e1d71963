import { expect, test } from 'vitest'
import { contentOf } from './content.ts'

test('a text file reaches the model as it was meant, whatever set it is written in', () => {
  const bytes = Buffer.from('M\xfcller', 'latin1')
  const attachments = [{ mediaType: 'text/plain', name: 'names.csv', bytes }]
  expect(contentOf({ role: 'user', text: 'Who?', attachments })).toEqual([
    {
      type: 'document',
      title: 'names.csv',
      source: { type: 'text', media_type: 'text/plain', data: 'Müller' },
    },
    { type: 'text', text: 'Who?' },
  ])
})
