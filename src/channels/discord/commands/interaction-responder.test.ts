import { expect, test } from 'vitest'
import { APPLICATION_ID, PERSON } from '../../../../test/support/platforms/discord/discord-chats.ts'
import { DiscordFixture } from '../../../../test/support/platforms/discord/discord-fixture.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'
import { COMMAND_LIST } from '../../../conversation/commands.ts'
import { StoreError } from '../../../support/errors.ts'

const COMMANDS = `/applications/${APPLICATION_ID}/commands`
const CALLBACK = /^POST \/interactions\//
const person = { id: PERSON, username: 'ada', global_name: 'Ada' }

function used(channelId: string, name: string, value: string | null, more: object = { user: person }) {
  return {
    id: '1200000000000000001',
    token: 'TEST-interaction',
    type: 2,
    application_id: APPLICATION_ID,
    channel: { id: channelId, type: 1 },
    data: { id: '1', name, type: 1, options: value === null ? [] : [{ name: 'name', type: 3, value }] },
    ...more,
  }
}

test('the commands are put into the menu once, and again only when they changed', async () => {
  await using fixture = await DiscordFixture.open()
  const { server } = fixture
  const puts = () => server.callsOf(new RegExp(`^PUT ${COMMANDS}$`)).length
  const gets = () => server.callsOf(new RegExp(`^GET ${COMMANDS}$`)).length
  const first = await fixture.started(new RecordingReceiver())
  await until(() => puts() === 1, 'the registration')
  expect(server.commands).toMatchObject(COMMAND_LIST.map(({ name, description }) => ({ name, description })))
  await first.stop()
  await fixture.started(new RecordingReceiver())
  await until(() => gets() === 2, 'the read of the menu')
  server.commands.pop()
  await fixture.started(new RecordingReceiver())
  await until(() => puts() === 2, 'the second registration')
})

test('a used command is handed over as one would type it, and answered when it is stored', async () => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  server.gateway.dispatch('INTERACTION_CREATE', used(chat, 'model', 'claude-x'))
  await until(() => server.callsOf(CALLBACK).length === 1, 'the answer')
  expect(receiver.messages).toMatchObject([
    {
      text: '/model claude-x',
      address: chat,
      person: { id: PERSON },
      chat: { kind: 'private', addressed: true },
    },
  ])
  const { body, headers } = server.callsOf(CALLBACK)[0]!
  expect(body).toMatchObject({ type: 4, data: { flags: 64, content: '`/model` ✓' } })
  // What follows the name may be a secret.
  expect(JSON.stringify(body)).not.toContain('claude-x')
  expect(headers.authorization).toBeUndefined()
})

test('in a server it names the person with his roles, and the channel of a thread', async () => {
  await using fixture = await DiscordFixture.open()
  const { server } = fixture
  const guild = server.chats.addGuild()
  const room = server.chats.addChannel(guild)
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  const thread = { id: '1200000000000000009', type: 11, parent_id: room, thread_metadata: {} }
  const member = { user: person, roles: ['8000'], nick: null }
  server.gateway.dispatch(
    'INTERACTION_CREATE',
    used(room, 'new', null, { guild_id: guild, member, channel: thread }),
  )
  await until(() => receiver.messages.length === 1, 'the command')
  expect(receiver.messages[0]).toMatchObject({
    text: '/new',
    address: thread.id,
    person: { groups: ['8000'] },
    chat: { id: room, kind: 'group', addressed: true },
  })
})

test('what takes longer is announced in time, and told in the end', async () => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  const commit = Promise.withResolvers<void>()
  receiver.before = (items) => (items.length > 0 ? commit.promise : undefined)
  server.gateway.dispatch('INTERACTION_CREATE', used(chat, 'status', null))
  await until(() => server.callsOf(CALLBACK).length === 1, 'the announcement')
  expect(server.callsOf(CALLBACK)[0]!.body).toMatchObject({ type: 5 })
  commit.resolve()
  await until(() => server.callsOf(/^PATCH \/webhooks\//).length === 1, 'the end')
  expect(server.callsOf(/^PATCH \/webhooks\//)[0]!.body['content']).toContain('✓')
})

test('a command that cannot be stored is not claimed to be', async () => {
  await using fixture = await DiscordFixture.open()
  const { server, chat } = fixture
  const receiver = new RecordingReceiver()
  await fixture.started(receiver)
  receiver.before = (items) => {
    if (items.length > 0) throw new StoreError('full')
  }
  server.gateway.dispatch('INTERACTION_CREATE', used(chat, 'stop', null))
  await until(() => server.callsOf(CALLBACK).length === 1, 'the answer')
  expect(JSON.stringify(server.callsOf(CALLBACK)[0]!.body)).toContain('send it again')
})
