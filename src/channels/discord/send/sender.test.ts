import { expect, test } from 'vitest'
import { DiscordFixture } from '../../../../test/support/platforms/discord/discord-fixture.ts'
import { refusal } from '../../../../test/support/platforms/discord/discord-server.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { Undeliverable } from '../../../inbox/delivery/send-channel.ts'
import { TransientError } from '../../../support/errors.ts'

const { signal } = new AbortController()
const WRITE = /^POST .*\/messages$/
const EDIT = /^PATCH .*\/messages\/\d+$/
const with_ = (key: string, replyTo: string | null = null) => ({ key, replyTo, signal })

async function open() {
  const fixture = await DiscordFixture.open()
  return { fixture, ...fixture, channel: fixture.create(new RecordingReceiver()) }
}

test('what the model writes rings nobody and shows no previews', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  const text = '@everyone @here <@500000000000000001> <@&1> https://example.org'
  const id = await channel.send(chat, text, with_('k'))
  await channel.edit(chat, id, `${text} more`, { final: true, signal })
  expect(server.rang).toEqual([])
  for (const { body } of [...server.callsOf(WRITE), ...server.callsOf(EDIT)])
    expect(body).toMatchObject({ allowed_mentions: { parse: [], replied_user: false }, flags: 1 << 2 })
})

test('an answer refers to its question, and to nothing where that is gone', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  await channel.send(chat, 'answer', with_('k', '700000'))
  expect(server.callsOf(WRITE)[0]!.body['message_reference']).toEqual({
    message_id: '700000',
    fail_if_not_exists: false,
  })
  await channel.send(chat, 'answer', with_('l', 'not an id'))
  expect(server.callsOf(WRITE)[1]!.body).not.toHaveProperty('message_reference')
})

test('a repeat of a send whose answer was lost makes no second message', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  server.fail(WRITE, { kind: 'drop', after: true })
  await expect(channel.send(chat, 'once', with_('item:0'))).rejects.toBeInstanceOf(TransientError)
  const id = await channel.send(chat, 'once', with_('item:0'))
  expect(server.chats.sentTo(chat).map((message) => message.id)).toEqual([id])
  expect(server.callsOf(WRITE).map(({ body }) => body['enforce_nonce'])).toEqual([true, true])
})

test.each([
  ['the person shut the bot out', 403, 50_007, Undeliverable],
  ['no access', 403, 50_001, Undeliverable],
  ['no permission', 403, 50_013, Undeliverable],
  ['the content is not liked', 400, 50_035, Undeliverable],
  ['Discord stumbles', 500, 0, TransientError],
  ['somebody in between refuses', 403, null, TransientError],
])('%s', async (_name, status, code, expected) => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  server.fail(
    WRITE,
    code === null ? { kind: 'answer', status, body: 'no' } : refusal(status, code, 'refused'),
  )
  await expect(channel.send(chat, 'x', with_('k'))).rejects.toBeInstanceOf(expected)
})

test('a page of somebody in between is no edit, although its status is 200', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  const id = await channel.send(chat, 'begun', with_('k'))
  const headers = { 'content-type': 'text/html' }
  server.fail(EDIT, { kind: 'answer', status: 200, body: '<h1>Welcome to the hotel</h1>', headers })
  const edit = () => channel.edit(chat, id, 'finished', { final: true, signal })
  await expect(edit()).rejects.toBeInstanceOf(TransientError)
  await edit()
  expect(server.chats.sentTo(chat)[0]!.content).toBe('finished')
})

test('a channel that is gone is undeliverable; under the id of a person the private chat is opened', async () => {
  const { fixture, server, channel } = await open()
  await using _ = fixture
  const person = '500000000000000777'
  const id = await channel.send(person, 'an alert', with_('k'))
  await channel.send(person, 'another', with_('l'))
  const chat = server.chats.openPrivate(person)
  expect(server.chats.sentTo(chat).map(({ content }) => content)).toEqual(['an alert', 'another'])
  await channel.edit(person, id, 'changed', { final: true, signal })
  expect(server.chats.sentTo(chat)[0]!.content).toBe('changed')
  expect(server.callsOf(/users\/@me\/channels/)).toHaveLength(1)
  server.fail(/users\/@me\/channels/, refusal(400, 50_033, 'Invalid Recipient(s)'))
  await expect(channel.send('123456789', 'x', with_('m'))).rejects.toBeInstanceOf(Undeliverable)
  await expect(channel.send('no address', 'x', with_('n'))).rejects.toBeInstanceOf(Undeliverable)
})

test('a limit that is used up is not run into: what is too much is told to wait', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  server.writeLimit = { count: 3, seconds: 20 }
  for (const key of ['1', '2', '3']) await channel.send(chat, key, with_(key))
  const early = await channel.send(chat, '4', with_('4')).catch((error: unknown) => error)
  expect(early).toMatchObject({ name: 'TransientError', reason: 'rate-limited' })
  expect((early as TransientError).retryAfterMs).toBeGreaterThan(15_000)
  expect(server.callsOf(WRITE)).toHaveLength(3)
})

test('a draft is cut to one message, left out while Discord asks to wait, and the finished text comes last', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  const id = await channel.send(chat, 'begun', with_('k'))
  const long = 'word '.repeat(1_000)
  await channel.edit(chat, id, long, { final: false, signal })
  expect(server.chats.sentTo(chat)[0]!.content.length).toBeLessThanOrEqual(2_000)
  const calls = server.callsOf(EDIT).length
  await channel.edit(chat, id, long, { final: false, signal })
  expect(server.callsOf(EDIT)).toHaveLength(calls)
  const drafts = new AbortController()
  const draft = channel.edit(chat, id, 'draft', { final: false, signal: drafts.signal }).catch(() => {})
  drafts.abort(new Error('the draft is over'))
  await channel.edit(chat, id, 'finished', { final: true, signal })
  await draft
  expect(server.chats.sentTo(chat)[0]!.content).toBe('finished')
})

test('the indicator is asked for rarely', async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  for (let index = 0; index < 5; index++) channel.typing(chat)
  channel.typing('no address')
  await channel.send(chat, 'x', with_('k'))
  expect(server.callsOf(/typing$/)).toHaveLength(1)
})

test("a person's message in a private chat can be removed by nobody else, its own can", async () => {
  const { fixture, server, chat, channel } = await open()
  await using _ = fixture
  const theirs = server.say(chat, 'code#state')
  expect(await channel.remove!(chat, theirs)).toBe('never')
  const own = await channel.send(chat, 'x', with_('k'))
  expect(await channel.remove!(chat, own)).toBe(true)
  const guild = server.chats.addGuild()
  const room = server.chats.addChannel(guild)
  expect(await channel.remove!(room, server.say(room, 'code#state'))).toBe(true)
  server.down()
  expect(await channel.remove!(chat, theirs)).toBe(false)
})
