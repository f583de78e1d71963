import { expect, test } from 'vitest'
import { BOT, PERSON } from '../../../../test/support/platforms/discord/discord-chats.ts'
import { DiscordFixture } from '../../../../test/support/platforms/discord/discord-fixture.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { pause, until } from '../../../../test/support/until.ts'

const HISTORY = /^GET .*\/messages$/
const MEMBERS = /^GET .*\/members\//
const asked = (text: string) => `<@${BOT.id}> ${text}`

/** A server with a channel in which something was said before the bot came. */
async function withServer() {
  const fixture = await DiscordFixture.open()
  const { chats } = fixture.server
  const guild = chats.addGuild()
  const channel = chats.addChannel(guild)
  chats.write(channel, asked('before the bot came'))
  return { fixture, server: fixture.server, chats, guild, channel, receiver: new RecordingReceiver() }
}

test('in a server it hears anybody who addresses it, and what was said before it came is not for it', async () => {
  const { fixture, server, channel, receiver } = await withServer()
  await using _ = fixture
  await fixture.started(receiver)
  server.say(channel, 'just talk')
  server.say(channel, '@everyone listen')
  server.say(channel, asked('are you there?'))
  server.say(channel, asked('from a bot'), { author: { id: '5550000', bot: true } })
  await until(() => receiver.texts.length === 1, 'the question')
  expect(receiver.messages[0]).toMatchObject({
    text: 'are you there?',
    address: channel,
    chat: { kind: 'group', addressed: true },
  })
  // What was said before it would have come before this.
  server.say(channel, asked('and now?'))
  await until(() => receiver.texts.includes('and now?'), 'the next question')
  expect(receiver.texts).toEqual(['are you there?', 'and now?'])
})

test('what people say to each other is handed over for the next message to it, and costs no write', async () => {
  const { fixture, server, channel, receiver } = await withServer()
  await using _ = fixture
  await fixture.started(receiver, { overhears: true })
  server.say(channel, asked('first'))
  await until(() => receiver.texts.length === 1, 'the first question')
  server.say(channel, 'just talk')
  server.say(channel, 'more talk')
  await until(() => receiver.texts.length === 3, 'the talk')
  expect(receiver.messages.map(({ chat }) => chat.addressed)).toEqual([true, false, false])
  const talk = receiver.batches.filter(({ items }) =>
    items.some((item) => item.kind === 'message' && !item.chat.addressed),
  )
  expect(talk.map(({ cursors }) => cursors)).toEqual([[], []])
})

test('without the need of a mention everything is handed over', async () => {
  const { fixture, server, channel, receiver } = await withServer()
  await using _ = fixture
  await fixture.started(receiver, { requireMention: false })
  server.say(channel, 'just talk')
  await until(() => receiver.texts.length === 1, 'the talk')
  expect(receiver.messages[0]!.chat.addressed).toBe(false)
})

test('after a downtime every place is read from where it was left, new threads and channels included', async () => {
  const { fixture, server, chats, guild, channel, receiver } = await withServer()
  await using _ = fixture
  const first = await fixture.started(receiver)
  server.say(channel, asked('first'))
  server.say(fixture.chat, 'privately first')
  await until(() => receiver.texts.length === 2, 'the first messages')
  const known = server.openThread(channel)
  server.say(known, asked('in a thread'))
  await until(() => receiver.distinct === 3, 'the message in the thread')
  const before = receiver.messages.length
  await first.stop()

  server.say(channel, asked('second'))
  server.say(known, asked('second in the thread'))
  server.say(fixture.chat, 'privately second')
  const thread = chats.addThread(channel)
  server.say(thread, asked('in a new thread'))
  const fresh = chats.addChannel(guild)
  server.say(fresh, asked('in a new channel'))
  // The first post of a forum has the id of its thread.
  const forum = chats.addChannel(guild, { type: 15 })
  const post = chats.addThread(forum)
  chats.write(post, asked('a post in a forum'), { message: { id: post } })

  await fixture.started(receiver)
  await until(() => receiver.distinct === 9, 'what was missed')
  expect(receiver.texts.slice(before).toSorted()).toEqual([
    'a post in a forum',
    'in a new channel',
    'in a new thread',
    'privately second',
    'second',
    'second in the thread',
  ])
})

test('a thread that was put away after somebody spoke in it is read all the same', async () => {
  const { fixture, server, chats, channel, receiver } = await withServer()
  await using _ = fixture
  const first = await fixture.started(receiver)
  const thread = server.openThread(channel)
  server.say(thread, asked('first'))
  await until(() => receiver.distinct === 1, 'the first message')
  await first.stop()
  server.say(thread, asked('second'))
  chats.channels.get(thread)!.archived = true
  await fixture.started(receiver)
  await until(() => receiver.distinct === 2, 'what was missed')
  expect(receiver.messages.at(-1)).toMatchObject({ text: 'second', address: thread, chat: { id: channel } })
})

test('a place with nothing new costs no request, and one that the bot may not read is never asked', async () => {
  const { fixture, server, chats, guild, receiver } = await withServer()
  await using _ = fixture
  const hidden = chats.addChannel(guild, {
    overwrites: [{ id: guild, type: 0, allow: '0', deny: String(1 << 10) }],
  })
  chats.write(hidden, asked('a secret'))
  for (let index = 0; index < 20; index++) chats.write(chats.addChannel(guild), 'talk')
  const first = await fixture.started(receiver)
  await until(() => receiver.cursors.size === 21, 'the beginnings')
  await first.stop()
  await fixture.started(receiver)
  // Requests would leave at once after the start.
  await pause(200)
  expect(server.callsOf(HISTORY)).toEqual([])
  expect([...receiver.cursors.keys()].some((name) => name.includes(hidden))).toBe(false)
})

test('roles of the history are looked up once a person, and only for what is meant for the bot', async () => {
  const { fixture, server, chats, guild, channel, receiver } = await withServer()
  await using _ = fixture
  chats.guilds.get(guild)!.members.set(PERSON, ['8000'])
  const options = { allowedRoles: ['8000'] }
  const first = await fixture.started(receiver, options)
  server.say(channel, asked('live'))
  await until(() => receiver.texts.length === 1, 'the live message')
  expect(receiver.messages[0]!.person.groups).toEqual(['8000'])
  expect(server.callsOf(MEMBERS)).toEqual([])
  await first.stop()
  for (let index = 0; index < 30; index++) {
    server.say(channel, `talk ${index}`)
    server.say(channel, asked(`question ${index}`))
  }
  server.say(channel, asked('from a stranger'), { author: { id: '500000000000000009' } })
  await fixture.started(receiver, options)
  await until(() => receiver.texts.length === 32, 'the history')
  expect(receiver.messages.at(1)!.person.groups).toEqual(['8000'])
  expect(receiver.messages.at(-1)!.person.groups).toEqual([])
  expect(server.callsOf(MEMBERS)).toHaveLength(2)
  expect(server.callsOf(HISTORY)).toHaveLength(1)
})

test('talk that is not for the bot costs no write a message', async () => {
  const { fixture, server, channel, receiver } = await withServer()
  await using _ = fixture
  await fixture.started(receiver)
  await until(() => receiver.cursors.size === 1, 'the beginning')
  const before = receiver.batches.length
  for (let index = 0; index < 50; index++) server.say(channel, `talk ${index}`)
  server.say(channel, asked('and now'))
  await until(() => receiver.texts.length === 1, 'the question')
  expect(receiver.batches.length).toBe(before + 1)
})

test('what comes live while the history is read waits behind it', async () => {
  const { fixture, server, chats, channel, receiver } = await withServer()
  await using _ = fixture
  const first = await fixture.started(receiver)
  await until(() => receiver.cursors.size === 1, 'the beginning')
  await first.stop()
  const gate = Promise.withResolvers<void>()
  chats.write(channel, asked('missed'))
  receiver.before = (items) => (items.length > 0 ? gate.promise : undefined)
  await fixture.started(receiver)
  server.say(channel, asked('live'))
  // Nothing is handed over for as long as the history is not stored.
  await pause(150)
  expect(receiver.texts).toEqual([])
  gate.resolve()
  await until(() => receiver.distinct === 2, 'both')
  // Nothing comes twice.
  await pause(50)
  expect(receiver.texts).toEqual(['missed', 'live'])
})

test('edits and deletions reach the receiver, a link preview does not', async () => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  const id = server.say(chat, 'frist')
  await until(() => receiver.items.length === 1, 'the message')
  const stored = server.chats.channels.get(chat)!.messages[0]!
  server.gateway.dispatch('MESSAGE_UPDATE', { ...stored, embeds: [{}] })
  server.change(chat, id, 'first')
  await until(() => receiver.items.length === 2, 'the edit')
  server.erase(chat, id)
  await until(() => receiver.items.length === 3, 'the deletion')
  expect(receiver.items.slice(1)).toMatchObject([
    { kind: 'edit', platformMessageId: id, text: 'first' },
    { kind: 'deletion', platformMessageId: id, address: chat },
  ])
})

test('an event of an unknown shape is passed over', async () => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  for (const odd of [null, {}, { channel_id: chat }, { channel_id: chat, id: '7', author: {} }])
    server.gateway.dispatch('MESSAGE_CREATE', odd)
  server.gateway.dispatch('GUILD_CREATE', { id: '1' })
  server.gateway.dispatch('SOMETHING_NEW', [])
  server.say(chat, 'still here')
  await until(() => receiver.texts.includes('still here'), 'the next message')
  expect(receiver.texts).toEqual(['still here'])
  expect(fixture.lines.filter((line) => line.includes('passed over')).length).toBeGreaterThan(2)
})

test('a file is loaded from Discord, and from nowhere else', async () => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  const pdf = Buffer.from('%PDF-1.7 fine')
  const url = server.addFile('paper.pdf', pdf)
  const file = (address: string, size = pdf.length) => ({
    message: {
      attachments: [{ id: '1', url: address, filename: 'paper.pdf', content_type: 'application/pdf', size }],
    },
  })
  const other = url.replace('127.0.0.1', 'localhost')
  server.say(chat, 'read this', file(url))
  for (const address of [
    other,
    'http://169.254.169.254/latest',
    'file:///etc/passwd',
    'https://example.org/x',
  ])
    server.say(chat, 'and this', file(address))
  server.say(chat, 'too large', file(url, 1e9))
  await until(() => receiver.messages.length === 6, 'the messages')
  // Nothing is loaded for those who have no access: that is for the receiver to decide.
  expect(server.callsOf(/attachments/)).toEqual([])
  const [good, ...bad] = receiver.messages.map((message) => message.attachments[0]!)
  expect(await good!()).toMatchObject({ mediaType: 'application/pdf', name: 'paper.pdf', bytes: pdf })
  for (const load of bad.slice(0, -1)) await expect(load()).rejects.toThrow("couldn't get your file")
  await expect(bad.at(-1)!()).rejects.toThrow('larger than 20 MB')
  const [call, ...more] = server.callsOf(/attachments/)
  expect(more).toEqual([])
  expect(call!.headers.authorization).toBeUndefined()
})
