import { describe, expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import {
  PRIVATE_CHAT,
  TelegramFixture,
} from '../../../../test/support/platforms/telegram/telegram-fixture.ts'
import { badGateway, tooManyRequests } from '../../../../test/support/platforms/telegram/telegram-server.ts'
import { pause, until } from '../../../../test/support/until.ts'
import { DAY, systemClock, type Clock } from '../../../support/clock.ts'
import { Secret } from '../../../support/secret.ts'

describe('polling Telegram', () => {
  test('hands over a batch with its offset in one go, and confirms it afterwards', async () => {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    for (const text of ['one', 'two', 'three']) server.say(PRIVATE_CHAT, text)
    await fixture.create(receiver).start(receiver)
    await until(() => server.unconfirmed === 0, 'the confirmation')
    expect(receiver.batches.map((batch) => batch.items.length)).toEqual([3])
    expect(receiver.cursors.get('offset')).toBe('1003')
    expect(server.confirmed).toBe(1003)
  })

  test.each([
    [
      401,
      '{"message":"Unauthorized"}',
      'failed',
      /TELEGRAM_BOT_TOKEN .*answered 401, and not as the Bot API does/,
    ],
    [404, '<html>Not Found</html>', 'retrying', /answered 404, and not as the Bot API does/],
    [403, '{"ok":false,"error_code":null}', 'retrying', /answered 403, and not as the Bot API does/],
    [401, '', 'failed', /TELEGRAM_BOT_TOKEN .*answered 401, and not as the Bot API does/],
    [401, '{"ok":false,"error_code":"401","description":"no"}', 'failed', /answered 401, and not as/],
    [502, '[]', 'retrying', /answered 502, and not as the Bot API does/],
    [200, '<html>Welcome</html>', 'retrying', /no usable answer \(not JSON\)/],
    [200, '{}', 'retrying', /answered nonsense/],
    [200, '{"ok":false,"description":"x"}', 'retrying', /answered nonsense/],
  ])('says of %i from something that is no Bot API what it was', async (status, body, state, words) => {
    await using fixture = await TelegramFixture.open()
    fixture.server.fail('*', { kind: 'body', status, body }, 9)
    const receiver = new RecordingReceiver()
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => channel.status().state === state, 'the trouble')
    expect(channel.status().problem).toMatch(words)
  })

  test('says of a server that leads elsewhere what it does, and follows it nowhere', async () => {
    await using fixture = await TelegramFixture.open()
    const location = 'https://elsewhere.example/'
    fixture.server.fail('*', { kind: 'body', status: 301, body: '', headers: { location } }, 9)
    const receiver = new RecordingReceiver()
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => channel.status().problem !== null, 'the trouble')
    expect(channel.status().problem).toContain('no usable answer (redirected to another address)')
  })

  describe('what is larger than is read', () => {
    const MIB = 1024 * 1024
    const LARGE = { description: 'x'.repeat(17 * MIB) }
    const passedOver = (lines: readonly string[]) => lines.filter((line) => line.includes('passed over'))

    test('is passed over alone, said once, and nothing else is lost', async () => {
      await using fixture = await TelegramFixture.open()
      const { server, lines } = fixture
      const receiver = new RecordingReceiver()
      for (const text of ['one', 'two']) server.say(PRIVATE_CHAT, text)
      const id = server.push('message', {
        ...server.message(PRIVATE_CHAT, 99, '"ok":true,"result":[{"update_id":5,'),
        ...LARGE,
      })
      for (const text of ['three', 'four']) server.say(PRIVATE_CHAT, text)
      const channel = fixture.create(receiver, { clock: hurried(50) })
      await channel.start(receiver)
      await until(() => server.unconfirmed === 0, 'the confirmation')
      expect(receiver.texts).toEqual(['one', 'two', 'three', 'four'])
      expect(passedOver(lines)).toHaveLength(1)
      expect(passedOver(lines)[0]).toContain(`"updateId":${id}`)
      expect(receiver.cursors.get('offset')).toBe(String(id + 3))
      server.say(PRIVATE_CHAT, 'five')
      await until(() => receiver.texts.includes('five'), 'the next message')
      await until(() => channel.status().state === 'connected', 'the connection')
    })

    test('together is asked for in smaller batches', async () => {
      await using fixture = await TelegramFixture.open()
      const { server, lines } = fixture
      const receiver = new RecordingReceiver()
      const said = Array.from({ length: 40 }, (_, number) => `${number}`)
      for (const text of said) server.say(PRIVATE_CHAT, text, { message: { note: 'x'.repeat(MIB) } })
      await fixture.create(receiver, { clock: hurried(50) }).start(receiver)
      await until(() => server.unconfirmed === 0, 'the confirmation', 20_000)
      expect(receiver.texts).toEqual(said)
      expect(passedOver(lines)).toEqual([])
    })
  })

  test('asks only for the three kinds of update that it understands', async () => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    await fixture.create(receiver).start(receiver)
    const call = await until(() => fixture.server.callsOf('getUpdates')[0], 'the first poll')
    expect(call.payload['allowed_updates']).toEqual(['message', 'edited_message', 'my_chat_member'])
    expect(call.payload).not.toHaveProperty('offset')
  })

  test('continues where the stored offset ends', async () => {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    server.say(PRIVATE_CHAT, 'known already')
    server.say(PRIVATE_CHAT, 'new')
    receiver.cursors.set('offset', '1001')
    await fixture.create(receiver).start(receiver)
    await until(() => receiver.texts.length === 1, 'the message')
    expect(receiver.texts).toEqual(['new'])
  })

  test('follows ids that begin again below the stored offset', async () => {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    receiver.cursors.set('offset', '900000')
    server.restartUpdateIds(5)
    server.say(PRIVATE_CHAT, 'after an idle week')
    await fixture.create(receiver).start(receiver)
    await until(() => receiver.cursors.get('offset') === '6', 'the new offset')
    server.say(PRIVATE_CHAT, 'and on')
    await until(() => receiver.texts.length === 2, 'the next message')
    expect(receiver.texts).toEqual(['after an idle week', 'and on'])
  })

  test('asks without an offset after an idle week, so that nothing unseen is confirmed', async () => {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    // Within reach of the old offset: asking with it would confirm the update unseen.
    receiver.cursors.set('offset', '1005')
    receiver.cursors.set('seen', String(Date.now()))
    server.say(PRIVATE_CHAT, 'low id')
    const clock: Clock = { ...systemClock, now: () => Date.now() + 7 * DAY }
    await fixture.create(receiver, { clock }).start(receiver)
    await until(() => receiver.texts.length === 1, 'the message')
    expect(receiver.cursors.get('offset')).toBe('1001')
  })

  test('passes over an update of an unknown shape, says so, and continues', async () => {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    for (const shape of [
      null,
      'text',
      7,
      {},
      { chat: 5 },
      { message_id: 'x', chat: { id: 'y' }, text: 'z', from: {} },
    ])
      server.push('message', shape)
    server.push('something_new', { a: 1 })
    server.say(PRIVATE_CHAT, 'after them')
    await fixture.create(receiver).start(receiver)
    await until(() => server.unconfirmed === 0, 'the confirmation')
    expect(receiver.texts).toEqual(['after them'])
    expect(fixture.lines.join('')).toContain('unknown shape')
  })

  test('passes over an update that cannot be taken in only while the store takes others', async () => {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    receiver.before = (items) => {
      if (items.some((item) => item.kind === 'message' && item.text === 'poison'))
        throw new RangeError('a bug')
    }
    for (const text of ['before', 'poison', 'behind']) server.say(PRIVATE_CHAT, text)
    await fixture.create(receiver, { random: () => 0, clock: hurried(50) }).start(receiver)
    await until(() => server.unconfirmed === 0, 'the confirmation', 20_000)
    expect(receiver.texts).toEqual(['before', 'behind'])
    expect(fixture.lines.join('')).toContain('could not be stored or handled: a bug')
  })

  test('never passes anything over while nothing at all can be stored', async () => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    let tries = 0
    receiver.before = () => {
      tries++
      throw new RangeError('the whole store is gone')
    }
    fixture.server.say(PRIVATE_CHAT, 'keep me')
    const channel = fixture.create(receiver, { random: () => 0, clock: hurried(50) })
    await channel.start(receiver)
    await until(() => tries > 8, 'several tries', 10_000)
    expect(fixture.server.unconfirmed).toBe(1)
    expect(channel.status().state).toBe('retrying')
    receiver.before = null
    await until(() => receiver.texts.length === 1, 'the message', 10_000)
  })

  test('says of a wrong token what the operator must do, and asks rarely', async () => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    const channel = fixture.create(receiver, {
      token: new Secret('999999:TEST_a_token_that_nobody_knows_000000'),
    })
    await channel.start(receiver)
    await until(() => channel.status().state === 'failed', 'the state')
    expect(channel.status().problem).toContain('TELEGRAM_BOT_TOKEN')
    // A channel that keeps asking does so after a few milliseconds.
    await pause(300)
    expect(fixture.server.callsOf('getUpdates').length).toBe(1)
  })

  test('receives as slowly as it is asked to', async () => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    fixture.server.fail('getUpdates', tooManyRequests(1))
    await fixture.create(receiver).start(receiver)
    await until(() => fixture.server.callsOf('getUpdates').length >= 2, 'the second poll')
    const [first, second] = fixture.server.callsOf('getUpdates')
    expect(second!.at - first!.at).toBeGreaterThan(950)
  })

  test.each([
    ['an error page', badGateway],
    ['a cut connection', { kind: 'drop' }],
    ['an answer that is no list', { kind: 'body', status: 200, body: '{"ok":true,"result":{}}' }],
    ['a list of something else', { kind: 'body', status: 200, body: '{"ok":true,"result":[1,null]}' }],
  ] as const)('bears %s', async (_what, fault) => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    fixture.server.fail('getUpdates', fault, 2)
    fixture.server.say(PRIVATE_CHAT, 'hello')
    const channel = fixture.create(receiver, { clock: hurried(20) })
    await channel.start(receiver)
    await until(() => receiver.texts.length === 1, 'the message')
    expect(channel.status()).toMatchObject({ state: 'connected', problem: null })
  })

  test('reports each change of its state once, and the name of its account', async () => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    const states: string[] = []
    const channel = fixture.create(receiver, { onStatus: (status) => void states.push(status.state) })
    await channel.start(receiver)
    await until(() => channel.status().account, 'the account')
    await until(() => channel.status().state === 'connected', 'the connection')
    await channel.stop()
    expect(channel.status().account).toBe('@hermes_test_bot')
    expect(states).toEqual(['starting', 'connected', 'stopped'])
  })

  test('works with a server that does not know how to name the bot', async () => {
    await using fixture = await TelegramFixture.open()
    const receiver = new RecordingReceiver()
    fixture.server.fail('getMe', { kind: 'error', code: 404, description: 'Not Found' }, 99)
    fixture.server.fail('setMyCommands', { kind: 'hang' })
    fixture.server.say(PRIVATE_CHAT, 'hello')
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => receiver.texts.length === 1, 'the message')
    expect(channel.status().account).toBeNull()
  })
})
