import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  ADA,
  EVE,
  GROUP_ROOM,
  MatrixFixture,
  PRIVATE_ROOM,
} from '../../../../test/support/platforms/matrix/matrix-fixture.ts'
import { limitExceeded, unknownToken } from '../../../../test/support/platforms/matrix/matrix-server.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'
import { Undeliverable } from '../../../inbox/delivery/send-channel.ts'
import { systemClock } from '../../../support/clock.ts'
import { TransientError } from '../../../support/errors.ts'
import type { Channel } from '../../channel.ts'

const signal = new AbortController().signal
let fixture: MatrixFixture
let receiver: RecordingReceiver
let channel: Channel

beforeEach(async () => {
  fixture = await MatrixFixture.open()
  receiver = new RecordingReceiver()
  channel = fixture.createKnowing(receiver, { clock: systemClock })
})
afterEach(() => fixture[Symbol.asyncDispose]())

const send = (text: string, key: string, address = PRIVATE_ROOM, replyTo: string | null = null) =>
  channel.send(address, text, { replyTo, key, signal })
const shown = (room = PRIVATE_ROOM) => fixture.server.rooms.shown(room)

describe('sending', () => {
  test('twice what was sent before a crash makes one message, in a new process, too', async () => {
    fixture.server.fail('send', { kind: 'drop', after: true })
    await expect(send('the answer', 'item:0')).rejects.toBeInstanceOf(TransientError)
    const restarted = fixture.createKnowing(receiver)
    const id = await restarted.send(PRIVATE_ROOM, 'the answer', { replyTo: null, key: 'item:0', signal })
    expect(shown().map((message) => [message.id, message.text])).toEqual([[id, 'the answer']])
  })

  test('the same words for different parts makes different messages', async () => {
    await send('again', 'item:0')
    await send('again', 'item:1')
    expect(shown().length).toBe(2)
  })

  test('calls nobody, whatever the words are', async () => {
    await send('@room and [Ada](https://matrix.to/#/@ada:test) and @bob:test', 'k')
    expect(shown()[0]!.content).toMatchObject({ msgtype: 'm.text', 'm.mentions': {} })
    expect(shown()[0]!.html ?? '').not.toContain('href')
  })

  test('replies, and goes into a thread where the conversation is one', async () => {
    const { rooms } = fixture.server
    const root = rooms.say(PRIVATE_ROOM, ADA, 'root')
    const question = rooms.say(PRIVATE_ROOM, ADA, 'question')
    await send('plain', 'k1', PRIVATE_ROOM, question)
    await send('threaded', 'k2', `${PRIVATE_ROOM} ${root}`)
    await send('threaded reply', 'k3', `${PRIVATE_ROOM} ${root}`, question)
    await send('to nothing that has an id', 'k4', PRIVATE_ROOM, 'encrypted')
    expect(shown().map(({ content }) => content['m.relates_to'])).toEqual([
      { 'm.in_reply_to': { event_id: question } },
      {
        rel_type: 'm.thread',
        event_id: root,
        is_falling_back: true,
        'm.in_reply_to': { event_id: root },
      },
      {
        rel_type: 'm.thread',
        event_id: root,
        is_falling_back: false,
        'm.in_reply_to': { event_id: question },
      },
      undefined,
    ])
  })

  test('to what is no address, or a room that is closed, will never be possible', async () => {
    await expect(send('x', 'k', '12345')).rejects.toBeInstanceOf(Undeliverable)
    await expect(send('x', 'k', '!unknown:test')).rejects.toBeInstanceOf(Undeliverable)
    fixture.server.closed.add(PRIVATE_ROOM)
    await expect(send('x', 'k')).rejects.toBeInstanceOf(Undeliverable)
  })

  test('waits for the operator while the token is not taken', async () => {
    fixture.server.fail('send', unknownToken())
    await expect(send('x', 'k')).rejects.toMatchObject({ reason: 'token' })
    expect(await send('x', 'k')).toMatch(/^\$/)
  })

  test('to a person goes into their private room, and makes one where there is none', async () => {
    const { rooms } = fixture.server
    await send('alert', 'k1', ADA)
    expect(shown().map(({ text }) => text)).toEqual(['alert'])
    await send('alert', 'k2', EVE)
    await send('second alert', 'k3', EVE)
    const made = [...rooms.rooms.values()].find(({ members }) => members.has(EVE))!
    expect(made.members.get(EVE)?.membership).toBe('invite')
    expect(shown(made.id).map(({ text }) => text)).toEqual(['alert', 'second alert'])
    expect(fixture.server.callsOf('createRoom').length).toBe(1)
  })

  test('to a person goes where they wrote last', async () => {
    const { rooms } = fixture.server
    rooms.openRoom('!second:test', [ADA])
    await channel.start(receiver)
    rooms.say('!second:test', ADA, 'here I am')
    await until(() => receiver.texts.length === 1, 'the message')
    await send('alert', 'k', ADA)
    expect(shown('!second:test').map(({ text }) => text)).toEqual(['alert'])
  })
})

describe('an answer that is being written', () => {
  test('is completed in place, and the last words win over a draft on its way', async () => {
    const { server } = fixture
    const id = await send('The', 'draft')
    const hold = Promise.withResolvers<void>()
    server.delays.set('send', hold.promise)
    const draft = channel.edit(PRIVATE_ROOM, id, 'The answer', { final: false, signal })
    const final = channel.edit(PRIVATE_ROOM, id, 'The answer is **42**.', { final: true, signal })
    hold.resolve()
    await Promise.all([draft, final])
    expect(shown().map(({ text, html }) => [text, html])).toEqual([
      ['The answer is **42**.', '<p>The answer is <strong>42</strong>.</p>'],
    ])
    const last = server.rooms.stream.at(-1)!.content
    expect(last).toMatchObject({ body: '* The answer is **42**.', 'm.mentions': {} })
  })

  test('is left out while the server asks for silence, and a while after', async () => {
    const { server } = fixture
    const id = await send('The', 'draft')
    server.fail('send', limitExceeded(30))
    await channel.edit(PRIVATE_ROOM, id, 'The answer', { final: false, signal })
    const asked = server.callsOf('send').length
    await channel.edit(PRIVATE_ROOM, id, 'The answer is', { final: false, signal })
    expect(server.callsOf('send').length).toBe(asked)
    await channel.edit(PRIVATE_ROOM, id, 'The answer is 42.', { final: true, signal })
    expect(shown()[0]!.text).toBe('The answer is 42.')
  })

  test('leaves room for other answers: drafts alone never use up what a server allows', async () => {
    const id = await send('0', 'draft')
    for (let step = 1; step <= 30; step++)
      await channel.edit(PRIVATE_ROOM, id, String(step), { final: false, signal })
    expect(fixture.server.callsOf('send').length).toBeLessThan(10)
  })

  test.each(['while the gateway saw it', 'before a restart'])(
    'is owed again when somebody deleted it %s',
    async (when) => {
      const { rooms } = fixture.server
      const id = await send('The', 'draft')
      let writer = channel
      if (when === 'before a restart') writer = fixture.createKnowing(receiver)
      else await channel.start(receiver)
      rooms.redact(PRIVATE_ROOM, ADA, id)
      rooms.say(PRIVATE_ROOM, ADA, 'seen')
      if (writer === channel) await until(() => receiver.texts.includes('seen'), 'the deletion')
      await expect(
        writer.edit(PRIVATE_ROOM, id, 'The answer', { final: true, signal }),
      ).rejects.toBeInstanceOf(Undeliverable)
    },
  )
})

describe('in addition to the messages', () => {
  test('a pasted secret is deleted where the room lets the bot', async () => {
    const { server } = fixture
    const paste = server.rooms.say(PRIVATE_ROOM, ADA, 'secret')
    expect(await channel.remove!(PRIVATE_ROOM, paste)).toBe(true)
    expect(server.rooms.event(PRIVATE_ROOM, paste)!.content).toEqual({})
    server.botMayRedact = false
    const other = server.rooms.say(PRIVATE_ROOM, ADA, 'another secret')
    expect(await channel.remove!(PRIVATE_ROOM, other)).toBe('never')
    server.fail('redact', limitExceeded(1_000))
    expect(await channel.remove!(PRIVATE_ROOM, other)).toBe(false)
  })

  test('the writing is shown, and not asked for more often than needed', async () => {
    await channel.start(receiver)
    await until(() => channel.status().state === 'connected', 'the connection')
    for (let times = 0; times < 5; times++) channel.typing(GROUP_ROOM)
    await until(() => fixture.server.rooms.typing.length > 0, 'the indicator')
    expect(fixture.server.rooms.typing).toEqual([GROUP_ROOM])
  })
})
