import { expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import { DiscordFixture } from '../../../../test/support/platforms/discord/discord-fixture.ts'
import { refusal } from '../../../../test/support/platforms/discord/discord-server.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { pause, until } from '../../../../test/support/until.ts'
import { systemClock, type Clock } from '../../../support/clock.ts'
import { Secret } from '../../../support/secret.ts'

const IDENTIFY = 2
const RESUME = 6

function readyOf(parts: object): object {
  const bot = { user: { id: '100000000001' }, application: { id: '100000000001' }, guilds: [] }
  return { op: 0, s: 1, t: 'READY', d: { session_id: 's', resume_gateway_url: 'wss://x', ...bot, ...parts } }
}

/** A channel that is connected and has taken in one private message. */
async function talking(options: Parameters<DiscordFixture['create']>[1] = {}) {
  const fixture = await DiscordFixture.open()
  const receiver = new RecordingReceiver()
  const channel = await fixture.started(receiver, options)
  const { server, chat } = fixture
  server.say(chat, 'hello')
  await until(() => receiver.texts.length === 1, 'the first message')
  return { fixture, server, chat, receiver, channel }
}

test('a broken connection continues its session, and what happened in the meantime comes once and in order', async () => {
  const { fixture, server, chat, receiver } = await talking()
  await using _ = fixture
  server.gateway.drop()
  server.say(chat, 'while it was broken')
  server.say(chat, 'and more')
  await until(() => receiver.texts.length === 3, 'what was missed')
  expect(receiver.texts).toEqual(['hello', 'while it was broken', 'and more'])
  expect(server.gateway.receivedOf(IDENTIFY)).toHaveLength(1)
  expect(server.gateway.receivedOf(RESUME)).toHaveLength(1)
  // The session told everything: no history was asked for.
  expect(server.callsOf(/^GET .*\/messages$/)).toEqual([])
})

test('after a session has ended a new one begins, and the history fills the gap', async () => {
  const { fixture, server, chat, receiver, channel } = await talking({ clock: hurried(200) })
  await using _ = fixture
  server.gateway.forgetSessions()
  server.gateway.drop()
  server.say(chat, 'told to nobody')
  await until(() => receiver.texts.length === 2, 'what was missed')
  expect(receiver.texts).toEqual(['hello', 'told to nobody'])
  expect(server.gateway.receivedOf(IDENTIFY)).toHaveLength(2)
  expect(channel.status().state).toBe('connected')
})

test('asked to reconnect it continues at once, without losing the session or a word about it', async () => {
  const { fixture, server, chat, receiver, channel } = await talking()
  await using _ = fixture
  server.gateway.askToReconnect()
  await until(() => server.gateway.receivedOf(RESUME).length === 1, 'the resumption')
  server.say(chat, 'after it')
  await until(() => receiver.texts.length === 2, 'the next message')
  expect(server.gateway.begun).toBe(1)
  expect(channel.status().state).toBe('connected')
  expect(fixture.lines.filter((line) => /"level":"(?:warn|error)"/.test(line))).toEqual([])
})

test('asked to reconnect again and again, as soon as it is connected, it makes pauses', async () => {
  const { fixture, server, chat, receiver, channel } = await talking({ random: () => 0 })
  await using _ = fixture
  for (let resumed = 1; resumed <= 3; resumed++) {
    server.gateway.askToReconnect()
    await until(() => server.gateway.receivedOf(RESUME).length === resumed, 'the resumption')
    await until(() => server.gateway.connected === 1, 'the connection')
  }
  server.gateway.askToReconnect()
  await until(() => channel.status().state === 'retrying', 'the pause')
  server.say(chat, 'after it')
  await until(() => receiver.texts.length === 2, 'the next message')
  expect(receiver.texts).toEqual(['hello', 'after it'])
})

test.each([
  ['null', null],
  ['a greeting of null', { op: 10, d: null }],
  ['a greeting without a pause between heartbeats', { op: 10, d: { heartbeat_interval: 0 } }],
  ['a READY of null', { op: 0, s: 1, t: 'READY', d: null }],
  ['a number', 7],
  ['an event without a number', { op: 0, s: null, t: 'MESSAGE_CREATE', d: {} }],
  ['a READY that does not say who the bot is', readyOf({ user: null })],
  ['a READY in which the bot has no id', readyOf({ user: { id: 7, username: 'hermes' } })],
  ['a READY of no application', readyOf({ application: {} })],
])('%s ends the connection and nothing else', async (_what, frame) => {
  const { fixture, server, chat, receiver } = await talking({ clock: hurried(200) })
  await using _ = fixture
  server.gateway.raw(frame)
  await until(() => server.gateway.receivedOf(RESUME).length === 1, 'the resumption')
  server.say(chat, 'after it')
  await until(() => receiver.texts.length === 2, 'the next message')
  expect(receiver.texts).toEqual(['hello', 'after it'])
})

test.each([
  ['a deletion', 'MESSAGE_DELETE', { id: 'x'.repeat(40) }],
  ['deletions', 'MESSAGE_DELETE_BULK', { ids: ['x'.repeat(40)] }],
])('%s of what has no id hides nothing that is said later', async (_what, type, event) => {
  const { fixture, server, chat, receiver } = await talking({ clock: hurried(200) })
  await using _ = fixture
  server.gateway.dispatch(type, { ...event, channel_id: chat })
  server.say(chat, 'behind it')
  await until(() => receiver.texts.length === 2, 'the next message')
  server.gateway.forgetSessions()
  server.gateway.drop()
  server.say(chat, 'in the gap')
  await until(() => receiver.texts.length === 3, 'the message in the gap')
  expect(receiver.texts).toEqual(['hello', 'behind it', 'in the gap'])
})

test('a line on which nothing is acknowledged any more is given up', async () => {
  await using fixture = await DiscordFixture.open()
  const { server } = fixture
  server.gateway.heartbeatMs = 150
  await fixture.started(new RecordingReceiver())
  server.gateway.deaf = true
  await until(() => server.gateway.receivedOf(RESUME).length > 0, 'the resumption')
  server.gateway.deaf = false
  expect(server.gateway.begun).toBe(1)
})

test.each([
  [4014, /Message Content Intent/],
  [4004, /DISCORD_BOT_TOKEN/],
  [4013, /intents/],
  [4011, /sharding/],
])('closed with %i it says what the operator must do, and asks rarely', async (code, words) => {
  await using fixture = await DiscordFixture.open()
  fixture.server.gateway.refuseWith = code
  const waits: number[] = []
  const clock: Clock = {
    ...systemClock,
    setTimer(callback, delayMs) {
      waits.push(delayMs)
      return systemClock.setTimer(callback, delayMs)
    },
  }
  const channel = fixture.create(new RecordingReceiver(), { clock, random: () => 0.5 })
  await channel.start(new RecordingReceiver())
  await until(() => channel.status().state === 'failed', 'the failure')
  expect(channel.status().problem).toMatch(words)
  await until(() => waits.includes(30_000), 'the wait before the next try')
  expect(fixture.server.gateway.receivedOf(IDENTIFY)).toHaveLength(1)
  expect(fixture.lines.filter((line) => /"level":"(?:warn|error)"/.test(line))).toHaveLength(1)
})

test('a token that is refused by the API is named before any connection', async () => {
  await using fixture = await DiscordFixture.open()
  const token = new Secret('TEST-another.bot-token')
  const channel = fixture.create(new RecordingReceiver(), { token })
  await channel.start(new RecordingReceiver())
  await until(() => channel.status().state === 'failed', 'the failure')
  expect(channel.status().problem).toContain('DISCORD_BOT_TOKEN')
  expect(fixture.server.gateway.received).toEqual([])
})

test('the token goes to no gateway in the clear, except on this machine', async () => {
  await using fixture = await DiscordFixture.open()
  fixture.server.gatewayUrl = 'ws://gateway.example.org'
  const channel = fixture.create(new RecordingReceiver())
  await channel.start(new RecordingReceiver())
  await until(() => channel.status().state === 'failed', 'the failure')
  expect(channel.status().problem).toContain('encrypted')
})

test('no further session is begun while Discord allows none', async () => {
  await using fixture = await DiscordFixture.open()
  const { server } = fixture
  server.sessionsLeft = 0
  const channel = fixture.create(new RecordingReceiver())
  await channel.start(new RecordingReceiver())
  await until(() => channel.status().state === 'retrying', 'the status')
  expect(channel.status().problem).toContain('too often')
  expect(server.gateway.received).toEqual([])
  server.sessionsLeft = 5
  await until(() => channel.status().state === 'connected', 'the connection')
})

test('it presents itself under its own name', async () => {
  const { fixture, server } = await talking()
  await using _ = fixture
  const identify = server.gateway.receivedOf(IDENTIFY)[0]!.d as { properties: object }
  expect(identify.properties).toMatchObject({ browser: 'hermes-gateway', device: 'hermes-gateway' })
  for (const { headers } of server.calls) expect(headers['user-agent']).toMatch(/ hermes-gateway\/\d/)
})

test('an outage of Discord fills no log, and a stop in the middle of it is a stop', async () => {
  await using fixture = await DiscordFixture.open()
  const { server } = fixture
  server.fail(/./, refusal(503, 0, 'down'), 1_000)
  const channel = fixture.create(new RecordingReceiver(), { clock: hurried(200) })
  await channel.start(new RecordingReceiver())
  await until(() => server.calls.length >= 3, 'three tries')
  expect(fixture.lines.filter((line) => /"level":"(?:warn|error)"/.test(line))).toHaveLength(1)
  await channel.stop()
  const calls = server.calls.length
  // The three tries before the stop came within less.
  await pause(300)
  expect(server.calls).toHaveLength(calls)
  expect(server.gateway.connected).toBe(0)
})
