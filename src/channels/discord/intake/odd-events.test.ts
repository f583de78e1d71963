import { expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import { BOT, PERSON } from '../../../../test/support/platforms/discord/discord-chats.ts'
import { DiscordFixture } from '../../../../test/support/platforms/discord/discord-fixture.ts'
import { NO_FRAMES, oddVersions } from '../../../../test/support/platforms/odd-frames.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'

interface Places {
  readonly guild: string
  readonly channel: string
  readonly thread: string
  readonly chat: string
  /** The content of GUILD_CREATE. */
  readonly told: object
}

const OWN_ID = '1000000000000000000'
const USER = { id: PERSON, username: 'ada', global_name: 'Ada' }
const MEMBER = { nick: 'Ada L', roles: ['100000000007'] }
const ATTACHMENT = { id: '100000000008', filename: 'a.txt', size: 1, url: 'x', content_type: 'text/plain' }

/** Every kind of event that is read, as Discord sends it. */
const EVENTS: ReadonlyArray<readonly [type: string, content: (places: Places) => object]> = [
  ['RESUMED', () => ({})],
  ['GUILD_CREATE', ({ told }) => told],
  ['CHANNEL_CREATE', ({ guild }) => ({ id: OWN_ID, guild_id: guild, type: 0 })],
  ...['THREAD_CREATE', 'THREAD_UPDATE', 'THREAD_DELETE'].map(
    (type) =>
      [
        type,
        ({ guild, channel }: Places) => ({
          id: OWN_ID,
          guild_id: guild,
          parent_id: channel,
          type: 11,
          newly_created: true,
          last_message_id: '900000000000000003',
        }),
      ] as const,
  ),
  [
    'THREAD_LIST_SYNC',
    ({ guild, channel }) => ({
      guild_id: guild,
      threads: [{ id: '900000000000000004', parent_id: channel, type: 11 }],
    }),
  ],
  ...['MESSAGE_CREATE', 'MESSAGE_UPDATE'].map(
    (type) =>
      [
        type,
        ({ guild, channel }: Places) => ({
          id: OWN_ID,
          channel_id: channel,
          guild_id: guild,
          type: 19,
          content: `<@${BOT.id}> odd`,
          author: USER,
          member: MEMBER,
          mentions: [{ id: BOT.id }],
          mention_roles: ['100000000009'],
          attachments: [ATTACHMENT],
          edited_timestamp: '2026-01-01T00:00:00Z',
          flags: 0,
          sticker_items: [],
          message_reference: { type: 1 },
          message_snapshots: [{ message: { content: 'passed along', attachments: [ATTACHMENT] } }],
          referenced_message: {
            author: { ...USER, id: '502' },
            content: 'before',
            attachments: [],
            flags: 0,
          },
        }),
      ] as const,
  ),
  ['MESSAGE_DELETE', ({ guild, channel }) => ({ id: OWN_ID, channel_id: channel, guild_id: guild })],
  [
    'MESSAGE_DELETE_BULK',
    ({ guild, channel }) => ({ ids: ['900000000000000007'], channel_id: channel, guild_id: guild }),
  ],
  [
    'INTERACTION_CREATE',
    ({ guild, thread, channel }) => ({
      id: OWN_ID,
      token: 'TEST-interaction',
      type: 2,
      guild_id: guild,
      channel: { id: thread, type: 11, parent_id: channel, thread_metadata: {} },
      member: { ...MEMBER, user: USER },
      user: USER,
      data: { id: '1', name: 'model', type: 1, options: [{ name: 'name', type: 3, value: 'x' }] },
    }),
  ],
]

test.each(EVENTS)('an odd %s costs nothing but itself', { timeout: 60_000 }, async (type, contentOf) => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const guild = server.chats.addGuild()
  const channel = server.chats.addChannel(guild)
  const thread = server.chats.addThread(channel)
  const receiver = new RecordingReceiver()
  const adapter = await fixture.started(receiver, { clock: hurried(200) })
  const content = contentOf({ guild, channel, thread, chat, told: server.chats.told(guild) })
  for (const odd of [...oddVersions(content), ...NO_FRAMES]) {
    // Each is another one: what was there already is passed over unread.
    const isOwn = typeof odd === 'object' && odd !== null && 'id' in odd && odd.id === OWN_ID
    server.gateway.dispatch(type, isOwn ? { ...odd, id: server.chats.nextId() } : odd)
  }
  server.say(chat, 'after them')
  server.say(channel, `<@${BOT.id}> in the channel`)
  server.say(thread, `<@${BOT.id}> in the thread`)
  const expected = ['after them', 'in the channel', 'in the thread']
  await until(
    () => expected.every((text) => receiver.texts.includes(text)),
    'the messages after them',
    20_000,
  )
  expect(receiver.mistyped).toEqual([])
  // A gap that follows is filled in every place, too.
  server.gateway.forgetSessions()
  server.gateway.drop()
  server.say(channel, `<@${BOT.id}> in the gap`)
  await until(() => receiver.texts.includes('in the gap'), 'the message in the gap', 20_000)
  await until(() => adapter.status().state === 'connected', 'the connection')
})

test('an odd channel of a server hides what was missed in no other one', async () => {
  await using fixture = await DiscordFixture.open()
  const { server } = fixture
  const guild = server.chats.addGuild()
  const channel = server.chats.addChannel(guild)
  const thread = server.chats.addThread(channel)
  const receiver = new RecordingReceiver()
  await fixture.started(receiver, { clock: hurried(200) })
  server.say(channel, `<@${BOT.id}> before`)
  server.say(thread, `<@${BOT.id}> before it`)
  await until(() => receiver.texts.length === 2, 'the messages before')
  const told = server.chats.told.bind(server.chats)
  server.chats.told = (id) => {
    const whole = told(id) as { channels: unknown[]; threads: unknown[] }
    const odd = [null, { id: 7, type: 0 }, {}]
    return { ...whole, channels: [...odd, ...whole.channels], threads: [...odd, ...whole.threads] }
  }
  server.gateway.forgetSessions()
  server.gateway.drop()
  server.chats.write(channel, `<@${BOT.id}> missed`)
  server.chats.write(thread, `<@${BOT.id}> missed, too`)
  await until(() => receiver.texts.length === 4, 'what was missed', 20_000)
  expect(receiver.texts.slice(2).toSorted()).toEqual(['missed', 'missed, too'])
})
