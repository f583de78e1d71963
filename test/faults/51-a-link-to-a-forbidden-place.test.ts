import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { Attachment } from '../../src/inbox/message.ts'
import { TransientError } from '../../src/support/errors.ts'
import { hurried } from '../support/hurried-clock.ts'
import { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { PRIVATE_CHAT, TelegramFixture } from '../support/platforms/telegram/telegram-fixture.ts'
import { TelegramServer } from '../support/platforms/telegram/telegram-server.ts'
import { pause, until } from '../support/until.ts'

/** An address that must never be requested; it counts requests. */
async function canary(): Promise<{ url: string; asked: string[] } & AsyncDisposable> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end('caught')
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    asked,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const quick = hurried(20)

test('links that a person sends are handed over as text and never fetched', async () => {
  await using trap = await canary()
  await using fixture = await TelegramFixture.open()
  const receiver = new RecordingReceiver()
  const links = [`${trap.url}/latest/meta-data`, 'http://169.254.169.254/latest/', 'file:///etc/passwd']
  const text = `see ${links.join(' and ')}`
  fixture.server.say(PRIVATE_CHAT, text, {
    message: {
      link_preview_options: { url: `${trap.url}/preview` },
      entities: [{ type: 'text_link', offset: 0, length: 4, url: `${trap.url}/entity` }],
    },
  })
  const channel = fixture.create(receiver)
  await channel.start(receiver)
  await until(() => receiver.texts.length === 1, 'the message')
  // The model may repeat them: sending must not fetch them either, nor let the platform show a preview.
  const answer = `![x](${trap.url}/image) [y](${trap.url}/link) ${links.join(' ')}`
  const signal = new AbortController().signal
  for (const part of channel.split(answer))
    await channel.send(String(PRIVATE_CHAT), part, { replyTo: null, key: 'k', signal })
  // A link would be fetched at once.
  await pause(200)
  expect(receiver.texts).toEqual([text])
  expect(receiver.messages[0]!.about?.links).toEqual([{ words: 'see', address: `${trap.url}/entity` }])
  expect(receiver.messages[0]!.attachments).toEqual([])
  expect(trap.asked).toEqual([])
  expect(fixture.server.callsOf('sendMessage')[0]!.payload.link_preview_options).toEqual({
    is_disabled: true,
  })
})

test('a file that is redirected elsewhere is not followed, and the person is told', async () => {
  await using trap = await canary()
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const receiver = new RecordingReceiver()
  const redirect = {
    kind: 'body',
    status: 302,
    body: '',
    headers: { location: `${trap.url}/redirected` },
  } as const
  server.fail('download', redirect, 9)
  const file_id = server.addFile(Buffer.from('%PDF-1.7'), 'documents/paper.pdf')
  server.say(PRIVATE_CHAT, null, { message: { document: { file_id, mime_type: 'application/pdf' } } })
  await fixture.create(receiver, { clock: quick }).start(receiver)
  await until(() => receiver.messages.length === 1, 'the message')
  await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow("couldn't get your file")
  expect(server.callsOf('download').length).toBeGreaterThan(0)
  expect(trap.asked).toEqual([])
})

test('a path that leads out of the place of files stays a path of the file server', async () => {
  await using trap = await canary()
  await using fixture = await TelegramFixture.open()
  const { server } = fixture
  const receiver = new RecordingReceiver()
  const paths = [`${trap.url}/x`, '../../../etc/passwd', '@127.0.0.1/x', '?x=1', 'file:///etc/passwd']
  for (const path of paths) {
    const file_id = server.addFile(Buffer.from('%PDF-1.7 fine'), path)
    server.say(PRIVATE_CHAT, null, { message: { document: { file_id, mime_type: 'application/pdf' } } })
  }
  await fixture.create(receiver, { clock: quick }).start(receiver)
  await until(() => receiver.messages.length === paths.length, 'the messages')
  const loads = receiver.messages.map((message) => message.attachments[0]!())
  const results = await Promise.allSettled(loads)
  expect(trap.asked).toEqual([])
  for (const call of server.strayRequests)
    expect(call).toMatch(new RegExp(`^/file/bot${TelegramServer.token}/`))
  expect(results.filter((result) => isAttachment(result)).length).toBeGreaterThan(0)
})

test('a redirect of the Bot API itself is not followed', async () => {
  await using trap = await canary()
  await using fixture = await TelegramFixture.open()
  const channel = fixture.create(new RecordingReceiver())
  const redirect = { kind: 'body', status: 307, body: '', headers: { location: `${trap.url}/api` } } as const
  fixture.server.fail('sendMessage', redirect)
  const signal = new AbortController().signal
  const sending = channel.send(String(PRIVATE_CHAT), 'x', { replyTo: null, key: 'k', signal })
  await expect(sending).rejects.toBeInstanceOf(TransientError)
  expect(trap.asked).toEqual([])
})

function isAttachment(result: PromiseSettledResult<Attachment>): boolean {
  return result.status === 'fulfilled' && result.value.bytes.length > 0
}
