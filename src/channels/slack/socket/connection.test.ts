import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { PRIVATE, SlackFixture } from '../../../../test/support/platforms/slack/slack-fixture.ts'
import type { SlackServer } from '../../../../test/support/platforms/slack/slack-server.ts'
import { until } from '../../../../test/support/until.ts'
import { systemClock, type Clock } from '../../../support/clock.ts'
import { Secret } from '../../../support/secret.ts'
import type { ChannelStatus } from '../../channel.ts'

let fixture: SlackFixture
let server: SlackServer
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await SlackFixture.open()
  server = fixture.server
  receiver = new RecordingReceiver()
})

afterEach(() => fixture[Symbol.asyncDispose]())

for (const reason of ['warning', 'refresh_requested']) {
  test(`an end that Slack announces (${reason}) is followed by the next connection at once, and nobody is troubled`, async () => {
    const states: ChannelStatus['state'][] = []
    const channel = fixture.create(receiver, { onStatus: ({ state }) => void states.push(state) })
    await channel.start(receiver)
    await until(() => channel.status().state === 'connected', 'the connection')
    server.sockets.announce(reason)
    await until(() => server.sockets.greeted === 2 && server.sockets.connections === 1, 'the next connection')
    server.say(PRIVATE, 'after it')
    await until(() => receiver.texts.length === 1, 'the message')
    expect(states).toEqual(['starting', 'connected'])
  })
}

test('ends that are announced again and again, as soon as a connection is open, are followed by pauses', async () => {
  const states: ChannelStatus['state'][] = []
  const channel = fixture.create(receiver, { onStatus: ({ state }) => void states.push(state) })
  await channel.start(receiver)
  for (let greeted = 1; greeted <= 4; greeted++) {
    await until(() => server.sockets.greeted === greeted && server.sockets.connections === 1, 'a connection')
    await until(() => channel.status().state === 'connected', 'the status')
    server.sockets.announce('refresh_requested')
  }
  await until(() => channel.status().state === 'retrying', 'the pause')
  expect(states).toEqual(['starting', 'connected', 'retrying'])
  server.say(PRIVATE, 'after it')
  await until(() => receiver.texts.length === 1, 'the message')
})

test('a connection that breaks while what was missed is still being read does not wait for what failed before it', async () => {
  const waits: number[] = []
  const clock: Clock = {
    ...systemClock,
    setTimer(callback, delayMs) {
      waits.push(delayMs)
      return systemClock.setTimer(callback, delayMs / 10)
    },
  }
  server.fail('apps.connections.open', { kind: 'http', status: 500 }, 4)
  server.fail('users.conversations', { kind: 'hang' })
  const channel = fixture.create(receiver, { clock, random: () => 0.5 })
  await channel.start(receiver)
  await until(() => server.callsOf('users.conversations').length === 1, 'the reading of what was missed')
  expect(waits).toContain(8_000)
  waits.length = 0
  server.sockets.cut()
  await until(() => server.sockets.greeted === 2, 'the next connection')
  expect(waits).toContain(1_000)
  expect(waits).not.toContain(15_000)
})

describe('a connection that nobody has closed is given up', () => {
  /** Ten times as fast as the clock on the wall. */
  const FAST = 10
  const clock: Clock = {
    now: systemClock.now,
    monotonic: () => systemClock.monotonic() * FAST,
    setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs / FAST),
  }

  test.each([
    ['on which pings are not answered', () => server.sockets.freeze()],
    ['on which Slack does not ping any more', () => void (server.sockets.pingless = true)],
  ])('%s', async (_what, silence) => {
    const channel = fixture.create(receiver, { clock })
    await channel.start(receiver)
    await until(() => server.sockets.pings > 0, 'a ping of Slack')
    silence()
    await until(() => server.sockets.greeted === 2, 'the next connection', 15_000)
    server.say(PRIVATE, 'after it')
    await until(() => receiver.texts.length > 0, 'the message')
    expect(receiver.texts).toEqual(['after it'])
  })
})

describe('the status says in words for the operator that', () => {
  const TROUBLES: ReadonlyArray<
    readonly [what: string, make: (server: SlackServer) => void, state: string, words: RegExp]
  > = [
    [
      'Socket Mode is off',
      ({ sockets }) => void (sockets.refuseWith = 'link_disabled'),
      'failed',
      /Socket Mode is switched off.*api\.slack\.com\/apps/,
    ],
    [
      'too many are connected',
      ({ sockets }) => void (sockets.refuseWith = 'too_many_websockets'),
      'retrying',
      /more than ten programs are connected/,
    ],
    [
      'the app token lacks its scope',
      (slack) => void (slack.appScopes = ''),
      'failed',
      /connections:write \(missing_scope\).*SLACK_APP_TOKEN/,
    ],
    [
      "the bot's account was closed",
      (slack) => slack.fail('auth.test', { kind: 'error', error: 'account_inactive' }, 9),
      'failed',
      /not active any more \(account_inactive\)/,
    ],
    [
      'Slack cannot be reached',
      (slack) => slack.fail('*', { kind: 'drop' }, 9),
      'retrying',
      /Slack cannot be reached \(Slack auth\.test: no usable answer/,
    ],
    [
      'Slack answers nonsense',
      (slack) => slack.fail('auth.test', { kind: 'http', status: 200 }, 9),
      'retrying',
      /answered no JSON/,
    ],
  ]
  for (const [what, make, state, words] of TROUBLES) {
    test(`${what}`, async () => {
      make(server)
      const channel = fixture.create(receiver)
      await channel.start(receiver)
      await until(() => channel.status().problem, 'the problem')
      expect(channel.status()).toMatchObject({ state, problem: expect.stringMatching(words) })
    })
  }

  test('a token is wrong, and which', async () => {
    const wrong = new Secret('xoxb-TEST-another')
    for (const [options, name] of [
      [{ botToken: wrong }, 'SLACK_BOT_TOKEN'],
      [{ appToken: wrong }, 'SLACK_APP_TOKEN'],
    ] as const) {
      const channel = fixture.create(receiver, options)
      await channel.start(receiver)
      await until(() => channel.status().state === 'failed', 'the problem')
      expect(channel.status().problem).toContain(`Slack does not take ${name} (invalid_auth)`)
      await channel.stop()
    }
  })
})

test('the status says who the bot is, and its requests name this program', async () => {
  const channel = fixture.create(receiver)
  await channel.start(receiver)
  await until(() => channel.status().state === 'connected', 'the connection')
  expect(channel.status().account).toBe('@hermes')
  for (const { headers } of server.calls) expect(headers['user-agent']).toMatch(/^hermes-gateway\/\d/)
})

test('a stop is quick, whatever the other side does', async () => {
  const channel = fixture.create(receiver)
  server.fail('auth.test', { kind: 'hang' })
  await channel.start(receiver)
  await until(() => server.callsOf('auth.test').length === 1, 'the request')
  // The request hangs for longer than this test may last.
  await channel.stop()
  expect(channel.status().state).toBe('stopped')
})
