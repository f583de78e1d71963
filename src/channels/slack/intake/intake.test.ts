import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { GENERAL, PRIVATE, SlackFixture } from '../../../../test/support/platforms/slack/slack-fixture.ts'
import { slowDown, type SlackServer } from '../../../../test/support/platforms/slack/slack-server.ts'
import { ADA, BOB, BOT } from '../../../../test/support/platforms/slack/slack-workspace.ts'
import { pause, until } from '../../../../test/support/until.ts'
import { StoreError } from '../../../support/errors.ts'
import type { Channel } from '../../channel.ts'

const CALL = `<@${BOT.user}>`

let fixture: SlackFixture
let server: SlackServer
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await SlackFixture.open()
  server = fixture.server
  receiver = new RecordingReceiver()
})

afterEach(() => fixture[Symbol.asyncDispose]())

/** A channel that has read all that was missed. */
async function start(options: Parameters<SlackFixture['create']>[1] = {}): Promise<Channel> {
  const before = receiver.batches.length
  const channel = fixture.create(receiver, options)
  await channel.start(receiver)
  const isAlive = ({ cursors }: RecordingReceiver['batches'][number]) =>
    cursors.some(({ name }) => name === 'alive')
  await until(() => receiver.batches.slice(before).some(isAlive), 'the end of the catch-up')
  return channel
}

/** How long a place was not asked after Slack refused its history, as the first call from `index` on. */
function waitAfterRefusal(index: number): number {
  const calls = server.callsOf('conversations.history').slice(index)
  const [refused, again] = calls.filter(({ given }) => given['channel'] === calls[0]!.given['channel'])
  return again!.at - refused!.at
}

const addresses = () => receiver.messages.map(({ address }) => address)

describe('in a channel', () => {
  test('a mention, which Slack tells twice, is handed over once and opens a thread', async () => {
    await start()
    const ts = server.say(GENERAL, `${CALL} what is it?`)
    await until(() => server.sockets.acknowledged && receiver.messages.length > 0, 'the hand-over')
    expect(receiver.items).toMatchObject([
      {
        address: `${GENERAL}:${ts}`,
        text: 'what is it?',
        chat: { kind: 'group', id: GENERAL, addressed: true },
      },
    ])
  })

  test('what is said without the bot is not for it, until it has a part in the thread', async () => {
    await start()
    const other = server.say(GENERAL, 'about lunch')
    server.say(GENERAL, 'pizza!', { thread: other })
    const ts = server.say(GENERAL, `${CALL} and you?`)
    await until(() => receiver.texts.includes('and you?'), 'the mention')
    server.say(GENERAL, 'tell me more', { thread: ts })
    server.say(GENERAL, `<@${BOB}> look at this`, { thread: ts, user: ADA })
    await until(() => receiver.messages.length === 5, 'all of them')
    expect(receiver.messages.map(({ chat }) => chat.addressed)).toEqual([false, false, true, true, false])
    expect(addresses().slice(2)).toEqual(Array(3).fill(`${GENERAL}:${ts}`))
  })

  test('the answer to a message of the bot is for it', async () => {
    const channel = await start()
    const { signal } = new AbortController()
    const alert = await channel.send(GENERAL, 'an alert', { replyTo: null, key: 'k', signal })
    server.say(GENERAL, 'what does that mean?', { thread: alert })
    await until(() => receiver.messages.length === 1, 'the reply')
    expect(receiver.messages[0]).toMatchObject({ address: `${GENERAL}:${alert}`, chat: { addressed: true } })
  })

  test("own and other bots' messages are handed over by nothing, so that no two keep each other busy", async () => {
    const channel = await start()
    const { signal } = new AbortController()
    const own = await channel.send(PRIVATE, `I am ${CALL}`, { replyTo: null, key: 'k', signal })
    await channel.edit(PRIVATE, own, 'edited', { final: true, signal })
    server.say(GENERAL, `${CALL} beep`, { user: 'U0ROBOT', more: { bot_id: 'B0ROBOT' } })
    server.say(PRIVATE, 'I am a person')
    await until(() => receiver.messages.length === 1 && server.sockets.acknowledged, 'the person')
    expect(receiver.texts).toEqual(['I am a person'])
    expect(receiver.items).toHaveLength(1)
  })
})

describe('what was missed', () => {
  beforeEach(() => {
    server.sockets.forgetful = true
  })

  test('is asked for again when something in between answers in the place of Slack', async () => {
    const first = await start()
    server.say(PRIVATE, 'known')
    await until(() => receiver.messages.length === 1, 'the first message')
    await first.stop()
    server.say(PRIVATE, 'missed')
    // `{"ok": false}`, without a reason.
    server.fail('conversations.history', { kind: 'error', error: '', more: { error: undefined } }, 2)
    await start()
    expect(receiver.texts).toEqual(['known', 'missed'])
  })

  test('in a known conversation is read while the list of conversations hangs', async () => {
    const first = await start()
    server.say(PRIVATE, 'known')
    await until(() => receiver.messages.length === 1, 'the first message')
    await first.stop()
    server.say(PRIVATE, 'missed')
    server.fail('users.conversations', { kind: 'hang' })
    await fixture.create(receiver).start(receiver)
    await until(() => receiver.messages.length === 2, 'the message that was missed')
    expect(receiver.texts).toEqual(['known', 'missed'])
  })

  test('between two connections is found also where a message of the first was waiting for its history', async () => {
    await start({ clock: hurried(100) })
    server.say(PRIVATE, 'known')
    await until(() => receiver.messages.length === 1, 'the first message')
    server.fail('conversations.history', { kind: 'hang' }, 1)
    const asked = server.callsOf('conversations.history').length
    server.sockets.cut()
    await until(() => server.callsOf('conversations.history').length > asked, 'the catch-up')
    server.say(PRIVATE, 'waits behind it')
    await until(() => !server.sockets.acknowledged, 'the envelope')
    // It is not acknowledged for as long as it is not stored.
    await pause(100)
    server.sockets.cut()
    // It reads the history automatically as soon as its turn comes.
    await until(() => receiver.texts.includes('waits behind it'), 'the message that waited')
    expect(server.sockets.connections).toBe(0)
    server.say(PRIVATE, 'in the gap')
    await until(() => receiver.texts.includes('in the gap'), 'the message that nobody heard')
    expect(receiver.texts).toEqual(['known', 'waits behind it', 'in the gap'])
  })

  test('during a downtime is found in private chats, channels and threads, in order, each once', async () => {
    const first = await start()
    const thread = server.say(GENERAL, `${CALL} begin`)
    server.say(PRIVATE, 'before')
    await until(() => receiver.messages.length === 2, 'both live messages')
    await first.stop()
    const opened = server.say(GENERAL, `${CALL} while you were away`)
    server.say(GENERAL, 'and more of the old one', { thread })
    server.say(GENERAL, 'and more of the new one', { thread: opened })
    server.say(PRIVATE, 'one')
    server.say(PRIVATE, 'two')
    await start()
    expect(receiver.texts.filter((text) => ['one', 'two'].includes(text))).toEqual(['one', 'two'])
    expect(
      receiver.messages
        .slice(2)
        .map(({ address, text }) => `${address} ${text}`)
        .toSorted(),
    ).toEqual(
      [
        `${GENERAL}:${opened} while you were away`,
        `${GENERAL}:${opened} and more of the new one`,
        `${GENERAL}:${thread} and more of the old one`,
        `${PRIVATE} one`,
        `${PRIVATE} two`,
      ].toSorted(),
    )
    expect(receiver.messages.every(({ chat }) => chat.addressed)).toBe(true)
  })

  test("somebody's first private message of all is found", async () => {
    const first = await start()
    await first.stop()
    const chat = server.workspace.open('D0BOB', 'im', { user: BOB })
    server.say(chat, 'hello, I am new', { user: BOB })
    await start()
    expect(receiver.messages).toMatchObject([{ address: chat, text: 'hello, I am new', person: { id: BOB } }])
  })

  test('in a thread of a private chat is found', async () => {
    const first = await start()
    await first.stop()
    const root = server.say(PRIVATE, 'a question')
    server.say(PRIVATE, 'a note on it', { thread: root })
    await start()
    expect(addresses()).toEqual([PRIVATE, `${PRIVATE}:${root}`])
  })

  test('before the first start of all is not for the bot', async () => {
    server.say(PRIVATE, 'an old story')
    // Slack tells the beginning of a bot in whole seconds.
    await pause(1_100)
    await start()
    expect(receiver.texts).toEqual([])
  })

  test('is read page by page, and as slowly as Slack asks', async () => {
    const first = await start()
    await first.stop()
    const said = Array.from({ length: 7 }, (_, index) => `message ${index}`)
    for (const text of said) server.say(PRIVATE, text)
    server.pageLimit = 2
    const before = server.callsOf('conversations.history').length
    server.fail('conversations.history', slowDown(1), 2)
    await start()
    expect(receiver.texts).toEqual(said)
    expect(waitAfterRefusal(before)).toBeGreaterThan(990)
  })

  test('while the connection was being renewed is found before what comes live', async () => {
    await start()
    server.say(PRIVATE, 'zero')
    await until(() => receiver.messages.length === 1, 'the first')
    server.sockets.cut()
    await until(() => server.sockets.connections === 0, 'the cut')
    server.say(PRIVATE, 'one')
    await until(() => server.sockets.connections === 1, 'the next connection')
    server.say(PRIVATE, 'two')
    await until(() => receiver.messages.length === 3, 'all three')
    expect(receiver.texts).toEqual(['zero', 'one', 'two'])
  })

  test('waits for as long as Slack asks, and the next connection does not', async () => {
    await start()
    server.say(PRIVATE, 'hello')
    await until(() => receiver.messages.length === 1, 'the first message')
    const before = server.callsOf('conversations.history').length
    server.fail('conversations.history', slowDown(2), 1)
    server.sockets.cut()
    await until(() => server.callsOf('conversations.history').length > before, 'the history')
    server.say(PRIVATE, 'this waits')
    server.sockets.cut()
    await until(() => server.sockets.greeted === 3, 'the third connection')
    await until(() => receiver.texts.includes('this waits'), 'the message')
    expect(waitAfterRefusal(before)).toBeGreaterThan(1_990)
  })

  test('does not hold up a stop while Slack lets it wait', async () => {
    const channel = await start()
    await channel.stop()
    server.fail('conversations.history', slowDown(600), 9)
    await channel.start(receiver)
    const before = server.callsOf('conversations.history').length
    await until(() => server.callsOf('conversations.history').length > before, 'the history')
    // Slack's ten minutes are longer than this test may last.
    await channel.stop()
    expect(channel.status().state).toBe('stopped')
  })

  test('is kept away from by a kind of conversation that the app may not read, and the status says so', async () => {
    server.scopes = server.scopes.replace(',groups:read', '').replace(',mpim:read', '')
    const channel = await start()
    server.say(PRIVATE, 'still here')
    await until(() => receiver.messages.length === 1, 'the message')
    expect(channel.status()).toMatchObject({ state: 'connected' })
    expect(channel.status().problem).toMatch(/lacks the scope groups:read \(missing_scope\)/)
  })
})

describe('an event', () => {
  test('that is not acknowledged in time is delivered again, and handed over once', async () => {
    server.sockets.ackMs = 50
    await start()
    const slow = Promise.withResolvers<void>()
    receiver.before = async (items) => {
      if (items.length > 0) await slow.promise
    }
    server.say(PRIVATE, 'patience')
    await until(() => server.sockets.redelivered >= 2, 'the repeats')
    slow.resolve()
    await until(() => server.sockets.acknowledged, 'the acknowledgement')
    expect(receiver.texts).toEqual(['patience'])
  })

  test('in a thread without a history of its own is kept in memory until the store accepts it', async () => {
    await start({ clock: hurried(100) })
    const root = server.say(GENERAL, 'people talk')
    let refusals = 2
    receiver.before = (items) => {
      if (items.some((item) => item.kind === 'message' && item.text === 'and you?') && refusals-- > 0)
        throw new StoreError('full')
    }
    server.say(GENERAL, `${CALL} and you?`, { thread: root })
    await until(() => receiver.texts.includes('and you?'), 'the third try')
    await until(() => server.sockets.acknowledged, 'the acknowledgement')
    expect(receiver.texts.filter((text) => text === 'and you?')).toHaveLength(1)
  })

  test('about a change or a deletion reaches the receiver', async () => {
    await start()
    const ts = server.say(PRIVATE, 'frist')
    await until(() => receiver.messages.length === 1, 'the message')
    server.change(PRIVATE, ts, 'first')
    server.remove(PRIVATE, ts)
    await until(() => receiver.items.length === 3, 'both events')
    expect(receiver.items.slice(1)).toMatchObject([
      { kind: 'edit', address: PRIVATE, platformMessageId: ts, text: 'first' },
      { kind: 'deletion', address: PRIVATE, platformMessageId: ts },
    ])
  })

  test('of an unknown or broken shape is acknowledged and changes nothing', async () => {
    await start()
    server.sockets.push('events_api', { type: 'app_rate_limited', minute_rate_limited: 1 })
    server.sockets.push('events_api', { event: { type: 'message', channel: 7 } })
    server.sockets.push('events_api', { event: { type: 'reaction_added', user: ADA } })
    server.sockets.push('slash_commands', { command: '/hermes' })
    server.sockets.raw('no JSON')
    server.sockets.raw({ type: 'news' })
    server.say(PRIVATE, 'still there?')
    await until(() => receiver.texts.length === 1 && server.sockets.acknowledged, 'the message behind it')
    expect(receiver.texts).toEqual(['still there?'])
  })

  test('/hermes is handed over as a command, and acknowledged after the commit', async () => {
    await start()
    const commit = Promise.withResolvers<void>()
    receiver.before = (items) => (items.length > 0 ? commit.promise : undefined)
    server.command(GENERAL, 'status')
    // It is not acknowledged for as long as it is not stored.
    await pause(100)
    expect(server.sockets.acknowledged).toBe(false)
    commit.resolve()
    await until(() => server.sockets.acknowledged, 'the acknowledgement')
    expect(receiver.messages).toMatchObject([
      { address: GENERAL, text: '/status', person: { id: ADA }, chat: { kind: 'group', addressed: true } },
    ])
  })
})

describe('a file', () => {
  const PNG = Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1')

  test('is loaded with the token when it is asked for', async () => {
    await start()
    server.say(PRIVATE, 'look', { files: [server.addFile(PNG, 'cat.png', 'image/png')] })
    await until(() => receiver.messages.length === 1, 'the message')
    expect(server.callsOf('download')).toEqual([])
    const file = await receiver.messages[0]!.attachments[0]!()
    expect(file).toMatchObject({ mediaType: 'image/png', name: 'cat.png' })
    expect(Buffer.from(file.bytes)).toEqual(PNG)
  })

  const ELSEWHERE = [
    'http://127.0.0.1:9/x.png',
    'https://files.slack.com.example.org/x.png',
    'http://files.slack.com/x.png',
    'file:///etc/passwd',
    'http://169.254.169.254/latest/meta-data',
  ]
  for (const address of ELSEWHERE) {
    test(`is not fetched from ${address}`, async () => {
      const asked: string[] = []
      await start({
        fetch: (input, init) => {
          asked.push(String(input))
          return fetch(input, init)
        },
      })
      server.say(PRIVATE, 'look', {
        files: [{ name: 'x.png', mimetype: 'image/png', url_private_download: address }],
      })
      await until(() => receiver.messages.length === 1, 'the message')
      await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow(/couldn't get your file/)
      expect(asked.some((url) => url.includes('x.png') || url.includes('meta-data'))).toBe(false)
    })
  }

  test('that Slack leads elsewhere for is not followed, and the log names the scope', async () => {
    await start()
    const { url_private_download: address, ...file } = server.addFile(PNG, 'cat.png', 'image/png') as Record<
      string,
      string
    >
    server.say(PRIVATE, 'look', {
      files: [{ ...file, url_private_download: address!.replace('/F0/', '/F9/') }],
    })
    await until(() => receiver.messages.length === 1, 'the message')
    await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow(/couldn't get your file/)
    expect(fixture.lines.join('')).toMatch(/files:read/)
  })
})
