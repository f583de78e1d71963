import { afterEach, beforeEach, expect, test } from 'vitest'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { GENERAL, PRIVATE, SlackFixture } from '../../../../test/support/platforms/slack/slack-fixture.ts'
import { slowDown, type SlackServer } from '../../../../test/support/platforms/slack/slack-server.ts'
import { ADA } from '../../../../test/support/platforms/slack/slack-workspace.ts'
import { until } from '../../../../test/support/until.ts'
import { Undeliverable } from '../../../inbox/delivery/send-channel.ts'
import { TransientError } from '../../../support/errors.ts'
import type { Channel } from '../../channel.ts'

let fixture: SlackFixture
let server: SlackServer
let receiver: RecordingReceiver
const { signal } = new AbortController()

beforeEach(async () => {
  fixture = await SlackFixture.open()
  server = fixture.server
  receiver = new RecordingReceiver()
})

afterEach(() => fixture[Symbol.asyncDispose]())

const send = (channel: Channel, address: string, text: string, key = text) =>
  channel.send(address, text, { replyTo: null, key, signal })

for (const [place, address] of [
  ['a private chat', () => PRIVATE],
  ['a thread', () => `${GENERAL}:${server.say(GENERAL, 'root')}`],
] as const) {
  test(`an answer into ${place} whose fate is unknown is looked for before it is sent again`, async () => {
    const to = address()
    const channel = fixture.create(receiver)
    server.fail('chat.postMessage', { kind: 'drop', after: true })
    await expect(send(channel, to, 'once')).rejects.toBeInstanceOf(TransientError)
    const id = await send(channel, to, 'once')
    expect(server.workspace.sent().map(({ text }) => text)).toEqual(['once'])
    expect(server.workspace.sent()[0]!.id).toBe(id)
  })

  test(`an answer into ${place} that left before the process was killed is not sent again after the restart`, async () => {
    const to = address()
    const killed = fixture.create(receiver)
    await send(killed, to, 'once', 'key')
    // Its receipt was never written down, so the outbox asks again.
    const restarted = fixture.create(receiver)
    await send(restarted, to, 'once', 'key')
    await send(restarted, to, 'another', 'other key')
    expect(server.workspace.sent().map(({ text }) => text)).toEqual(['once', 'another'])
  })
}

test('an answer that never left is sent', async () => {
  const channel = fixture.create(receiver)
  server.fail('chat.postMessage', { kind: 'drop' })
  await expect(send(channel, PRIVATE, 'now')).rejects.toBeInstanceOf(TransientError)
  await send(channel, PRIVATE, 'now')
  expect(server.workspace.sent().map(({ text }) => text)).toEqual(['now'])
  // A send that is not in doubt asks nothing.
  await send(channel, PRIVATE, 'next')
  expect(server.callsOf('conversations.history')).toHaveLength(1)
})

test('the keys of what was sent do not grow without end', async () => {
  const channel = fixture.create(receiver, {
    pacing: { posts: { burst: 1_000, perSecond: 1_000 }, edits: { burst: 1, perSecond: 1 } },
  })
  for (let count = 0; count < 140; count++) await send(channel, PRIVATE, `text ${count}`)
  expect([...receiver.cursors.keys()].filter((name) => name.startsWith('sending '))).toHaveLength(128)
})

const HOPELESS = [
  'channel_not_found',
  'is_archived',
  'not_in_channel',
  'cannot_dm_bot',
  'user_disabled',
  'msg_too_long',
  'something_new',
]
for (const error of HOPELESS) {
  test(`${error} is final for that message`, async () => {
    const channel = fixture.create(receiver)
    server.fail('chat.postMessage', { kind: 'error', error })
    await expect(send(channel, PRIVATE, 'x')).rejects.toBeInstanceOf(Undeliverable)
  })
}

for (const error of ['invalid_auth', 'missing_scope', 'internal_error', 'ratelimited']) {
  test(`${error} is tried again`, async () => {
    const channel = fixture.create(receiver)
    server.fail('chat.postMessage', { kind: 'error', error })
    await expect(send(channel, PRIVATE, 'x')).rejects.toBeInstanceOf(TransientError)
  })
}

test('a person is written to by their id', async () => {
  const channel = fixture.create(receiver)
  await send(channel, ADA, 'an alert')
  expect(server.workspace.sent(PRIVATE).map(({ text }) => text)).toEqual(['an alert'])
})

test('nothing that is sent unfolds links or calls anybody', async () => {
  const channel = fixture.create(receiver)
  await send(channel, PRIVATE, 'see https://example.org, <!channel> and <@U0ADA>')
  const { given } = server.callsOf('chat.postMessage')[0]!
  expect(given).toMatchObject({ unfurl_links: 'false', unfurl_media: 'false' })
  expect(given['text']).toContain('&lt;!channel&gt; and &lt;@U0ADA&gt;')
})

test('drafts keep to the rate of edits, and the finished text arrives all the same', async () => {
  const channel = fixture.create(receiver, {
    pacing: { posts: { burst: 10, perSecond: 1 }, edits: { burst: 4, perSecond: 2 } },
  })
  const id = await send(channel, PRIVATE, 'The')
  for (let count = 1; count <= 20; count++)
    await channel.edit(PRIVATE, id, `The ${'very '.repeat(count)}`, { final: false, signal })
  expect(server.callsOf('chat.update').length).toBeLessThan(5)
  await channel.edit(PRIVATE, id, 'The end.', { final: true, signal })
  expect(server.workspace.sent().map(({ text }) => text)).toEqual(['The end.'])
})

test('a draft that Slack finds too fast is left out', async () => {
  const channel = fixture.create(receiver)
  const id = await send(channel, PRIVATE, 'The')
  server.fail('chat.update', slowDown(1))
  await channel.edit(PRIVATE, id, 'The more', { final: false, signal })
  await channel.edit(PRIVATE, id, 'The end.', { final: true, signal })
  expect(server.workspace.sent().map(({ text }) => text)).toEqual(['The end.'])
})

test("a person's message cannot be removed, and the answer says so", async () => {
  const channel = fixture.create(receiver)
  const ts = server.say(PRIVATE, 'a code')
  expect(await channel.remove!(PRIVATE, ts)).toBe('never')
})

test('a thread that the bot spoke in is read after a downtime', async () => {
  server.sockets.forgetful = true
  const root = server.say(GENERAL, 'people talk')
  const channel = fixture.create(receiver)
  await channel.start(receiver)
  await until(() => receiver.cursors.has('alive'), 'the catch-up')
  await send(channel, `${GENERAL}:${root}`, 'may I?')
  await channel.stop()
  server.say(GENERAL, 'yes, go on', { thread: root })
  const restarted = fixture.create(receiver)
  await restarted.start(receiver)
  const reply = await until(() => receiver.messages.find(({ text }) => text === 'yes, go on'), 'the reply')
  expect(reply.chat.addressed).toBe(true)
})
