import { expect, test } from 'vitest'
import { RecordingReceiver } from '../../../test/support/platforms/recording-receiver.ts'
import { systemClock } from '../../support/clock.ts'
import { OpenAiChannel } from './openai-channel.ts'

/** What the channel hands over of a file that a client sends. */
async function handedOver(mediaType: string, name: string, bytes: Uint8Array) {
  const receiver = new RecordingReceiver()
  const channel = new OpenAiChannel(systemClock)
  await channel.start(receiver)
  await channel.post({
    address: 'a',
    requestId: '1',
    person: { id: 'p', name: null },
    text: 'What is it?',
    attachments: [{ mediaType, name, bytes }],
    context: { digest: 'd', system: null, turns: [], model: null, maxTokens: null, stop: [] },
  })
  return await receiver.messages[0]!.attachments[0]!()
}

test.each([
  [
    'a picture above the limit',
    Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(4 << 20)]),
    'larger than 3.75 MB',
  ],
  ['a locked PDF', Buffer.from('%PDF-1.7 trailer << /Encrypt 4 0 R >>'), 'locked with a password'],
  ['a program', Buffer.from('MZ'), 'of a kind that the model cannot read'],
])('%s is refused with its reason', async (_what, bytes, reason) => {
  await expect(handedOver('application/octet-stream', 'x', bytes)).rejects.toThrow(reason)
})

test.each([
  ['text/plain', 'notes'],
  ['text/csv', 'people.csv'],
  ['text/markdown', 'file'],
  ['application/json', 'file'],
  ['application/octet-stream', 'main.py'],
])('a text is one under whatever type and name a client sends it: %s, %s', async (type, name) => {
  const bytes = Buffer.from('a,b\n1,2\n')
  expect(await handedOver(type, name, bytes)).toEqual({ mediaType: 'text/plain', name, bytes })
})

test('a picture is one whatever it is called, and a program that is called a text is none', async () => {
  const png = Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1')
  expect(await handedOver('image/jpg', 'image', png)).toMatchObject({ mediaType: 'image/png' })
  await expect(handedOver('text/csv', 'people.csv', Buffer.from('MZ\0\0'))).rejects.toThrow('of another kind')
})
