import { expect, test } from 'vitest'
import { RecordingReceiver } from '../../../test/support/platforms/recording-receiver.ts'
import { systemClock } from '../../support/clock.ts'
import { OpenAiChannel } from './openai-channel.ts'

test.each([
  [
    'a picture above the limit',
    Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(4 << 20)]),
    'larger than 3.75 MB',
  ],
  ['a locked PDF', Buffer.from('%PDF-1.7 trailer << /Encrypt 4 0 R >>'), 'locked with a password'],
  ['a program', Buffer.from('MZ'), 'of a kind that the model cannot read'],
])('%s is refused with its reason', async (_what, bytes, reason) => {
  const receiver = new RecordingReceiver()
  const channel = new OpenAiChannel(systemClock)
  await channel.start(receiver)
  await channel.post({
    address: 'a',
    requestId: '1',
    person: { id: 'p', name: null },
    text: 'What is it?',
    attachments: [{ mediaType: 'application/octet-stream', name: 'x', bytes }],
    context: { digest: 'd', system: null, turns: [], model: null, maxTokens: null, stop: [] },
  })
  await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow(reason)
})
