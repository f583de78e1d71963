import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import {
  ADA,
  BOB,
  GROUP_ROOM,
  MatrixFixture,
  PRIVATE_ROOM,
} from '../../../../test/support/platforms/matrix/matrix-fixture.ts'
import { MatrixRooms } from '../../../../test/support/platforms/matrix/matrix-rooms.ts'
import { badGateway, unknownToken } from '../../../../test/support/platforms/matrix/matrix-server.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'
import { StoreError } from '../../../support/errors.ts'

let fixture: MatrixFixture
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await MatrixFixture.open()
  receiver = new RecordingReceiver()
})
afterEach(() => fixture[Symbol.asyncDispose]())

const POSITION = `sync ${MatrixRooms.bot}`

describe('where the bot has left off', () => {
  test('is stored together with what came before it, and nothing is stored without it', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'one')
    await until(() => receiver.texts.length === 1, 'the message')
    const batch = receiver.batches.find(({ items }) => items.length > 0)!
    expect(batch.cursors.find(({ name }) => name === POSITION)?.value).toBe(`s${rooms.position}`)
    expect(batch.cursors.map(({ name }) => name)).toContain(`room ${PRIVATE_ROOM}`)
  })

  test('stays where it was when the store fails, so that the same events come again', async () => {
    const { rooms } = fixture.server
    const before = `s${rooms.position}`
    const channel = fixture.createKnowing(receiver)
    let refused = 0
    receiver.before = (items) => {
      if (items.length === 0) return
      refused++
      throw new StoreError('killed before the commit')
    }
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'one')
    await until(() => refused > 0, 'the refusal')
    await channel.stop()
    expect(receiver.cursors.get(POSITION)).toBe(before)
    receiver.before = null
    rooms.say(PRIVATE_ROOM, ADA, 'two')
    const restarted = fixture.create(receiver)
    await restarted.start(receiver)
    await until(() => receiver.texts.length === 2, 'both messages')
    expect(receiver.texts).toEqual(['one', 'two'])
  })

  test('is read again by a channel that stood by while another process continued', async () => {
    const { server } = fixture
    const { rooms } = server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'to this one')
    await until(() => receiver.texts.length === 1, 'the first message')
    await channel.stop()
    const other = fixture.create(receiver)
    await other.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'to the other one')
    rooms.setMember(PRIVATE_ROOM, BOB, 'join')
    await until(() => receiver.texts.length === 2, 'the second message')
    await until(() => receiver.cursors.get(POSITION) === `s${rooms.position}`, 'the position')
    await other.stop()
    const asked = server.callsOf('sync').length
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'to this one again')
    await until(() => receiver.texts.includes('to this one again'), 'the third message')
    expect(server.callsOf('sync')[asked]!.query.get('since')).toBe(`s${rooms.position - 1}`)
    expect(receiver.messages.at(-1)!.chat.kind).toBe('group')
  })

  test('is bound to the account: another one does not continue there', async () => {
    receiver.cursors.set('sync @former:test', 's1')
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => receiver.cursors.has(POSITION), 'a position')
    expect(fixture.server.callsOf('sync')[0]!.query.has('since')).toBe(false)
  })

  test('costs no write while nothing happens, and none for what the bot says itself', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver, { waitMs: 20 })
    await channel.start(receiver)
    await until(() => receiver.batches.length > 0, 'the first position')
    const before = receiver.batches.length
    rooms.say(PRIVATE_ROOM, MatrixRooms.bot, 'said by the bot')
    const asked = fixture.server.callsOf('sync').length
    await until(() => fixture.server.callsOf('sync').length > asked + 3, 'some rounds')
    expect(receiver.batches.length).toBe(before)
  })

  test('is found again by the newest known messages when the homeserver does not know it any more', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'known')
    await until(() => receiver.texts.length === 1, 'the first message')
    await channel.stop()
    receiver.cursors.set(POSITION, 's999999')
    rooms.say(PRIVATE_ROOM, ADA, 'said meanwhile')
    const restarted = fixture.create(receiver)
    await restarted.start(receiver)
    await until(() => receiver.texts.length === 2, 'what was said in the meantime', 30_000)
    expect(receiver.texts).toEqual(['known', 'said meanwhile'])
  })
})

describe('what was said before', () => {
  test('the gateway ever looked is not answered', async () => {
    const { rooms } = fixture.server
    rooms.say(PRIVATE_ROOM, ADA, 'long ago')
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => receiver.cursors.has(POSITION), 'the first position')
    rooms.say(PRIVATE_ROOM, ADA, 'now')
    await until(() => receiver.texts.length > 0, 'the message')
    expect(receiver.texts).toEqual(['now'])
  })

  test.each(['yes', 'no', 'refuses'] as const)(
    'a long absence ended is read from the history, in order and whole (server heeds the end: %s)',
    async (heedsTo) => {
      const { server } = fixture
      const { rooms } = server
      rooms.say(PRIVATE_ROOM, ADA, 'long ago')
      const first = fixture.create(receiver)
      await first.start(receiver)
      await until(() => receiver.cursors.has(POSITION), 'the first position')
      await first.stop()
      server.heedsTo = heedsTo
      const said = Array.from({ length: 330 }, (_, index) => `message ${index}`)
      for (const text of said) rooms.say(PRIVATE_ROOM, ADA, text)
      const channel = fixture.create(receiver)
      await channel.start(receiver)
      await until(() => receiver.texts.length >= said.length, 'everything that was said')
      expect(receiver.texts).toEqual(said)
      expect(receiver.batches.filter(({ items }) => items.length > 0).length).toBe(1)
    },
  )

  test('is fetched again when the history cannot be read at once, and nothing moves before', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    for (let index = 0; index < 150; index++) server.rooms.say(PRIVATE_ROOM, ADA, `message ${index}`)
    server.fail('messages', badGateway, 2)
    await channel.start(receiver)
    await until(() => receiver.texts.length === 150, 'everything that was said', 30_000)
    expect(receiver.texts[0]).toBe('message 0')
  })

  test.each(['at once', 'after a restart'])(
    'in a room that the homeserver cannot read waits, in order, and nobody else does (repaired %s)',
    async (when) => {
      const { server } = fixture
      const { rooms } = server
      const options = { waitMs: 50, clock: hurried(100) }
      let channel = fixture.createKnowing(receiver, options)
      for (let index = 0; index < 150; index++) rooms.say(PRIVATE_ROOM, ADA, `message ${index}`)
      server.fail('messages', badGateway, 1_000_000)
      await channel.start(receiver)
      await until(() => receiver.cursors.get(`behind ${PRIVATE_ROOM}`) === 'yes', 'the room to stay behind')
      rooms.say(GROUP_ROOM, ADA, '/status')
      rooms.say(PRIVATE_ROOM, ADA, 'message 150')
      await until(() => receiver.texts.length > 0, 'the other room')
      expect(receiver.texts).toEqual(['/status'])
      expect(fixture.lines.join('')).toContain('cannot read a room')
      if (when === 'after a restart') {
        await channel.stop()
        channel = fixture.create(receiver, options)
        await channel.start(receiver)
      }
      server.restore()
      await until(() => receiver.texts.length >= 152, 'what was said in the room', 30_000)
      expect(receiver.texts.slice(1)).toEqual(Array.from({ length: 151 }, (_, index) => `message ${index}`))
      rooms.say(PRIVATE_ROOM, ADA, 'and on')
      await until(() => receiver.texts.includes('and on'), 'what comes after')
      expect(receiver.cursors.get(`behind ${PRIVATE_ROOM}`)).toBe('')
    },
  )

  test('in a room whose history is closed is given up with a note, and the rest continues', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    for (let index = 0; index < 150; index++) server.rooms.say(PRIVATE_ROOM, ADA, `message ${index}`)
    server.fail('messages', { kind: 'error', status: 403, errcode: 'M_FORBIDDEN' })
    await channel.start(receiver)
    await until(() => receiver.texts.length > 0, 'what can be had')
    expect(receiver.texts.at(-1)).toBe('message 149')
    expect(fixture.lines.join('')).toContain('the history cannot be read')
  })
})

describe('in rooms', () => {
  test('two members make a private chat; a third, or an invitation, makes it a group', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'alone')
    await until(() => receiver.messages.length === 1, 'the first')
    rooms.invite(PRIVATE_ROOM, ADA, BOB)
    rooms.say(PRIVATE_ROOM, ADA, 'somebody is invited')
    await until(() => receiver.messages.length === 2, 'the second')
    rooms.setMember(PRIVATE_ROOM, BOB, 'leave')
    rooms.say(PRIVATE_ROOM, ADA, 'alone again')
    await until(() => receiver.messages.length === 3, 'the third')
    expect(receiver.messages.map(({ chat }) => chat.kind)).toEqual(['private', 'group', 'private'])
  })

  test('what the bot is shown after it was put out and came back is not answered', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'before')
    await until(() => receiver.texts.length === 1, 'the first')
    rooms.setMember(PRIVATE_ROOM, MatrixRooms.bot, 'leave', ADA)
    await until(() => receiver.cursors.get(`room ${PRIVATE_ROOM}`) === '', 'the leaving')
    expect(fixture.lines.join('')).toContain('the bot was put out of a room by @ada:test')
    rooms.say(PRIVATE_ROOM, ADA, 'while it was out')
    rooms.invite(PRIVATE_ROOM, ADA)
    rooms.say(PRIVATE_ROOM, ADA, 'after the invitation')
    await until(() => receiver.texts.length === 2, 'the message')
    expect(receiver.texts).toEqual(['before', 'after the invitation'])
  })

  test('one event that cannot be understood does not stop the others', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.push(GROUP_ROOM, 'm.room.message', ADA, { msgtype: 7, body: { not: 'text' } })
    rooms.push(PRIVATE_ROOM, 'm.room.message', ADA, { 'm.relates_to': 'nonsense', body: null })
    rooms.push(PRIVATE_ROOM, 'com.example.unknown', ADA, { body: 'unknown kind' })
    rooms.say(PRIVATE_ROOM, ADA, 'after them')
    await until(() => receiver.texts.includes('after them'), 'the message after them')
    expect(receiver.texts).toEqual(['after them'])
  })

  test('one message that the gateway cannot handle is passed over after some tries, and said so', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    receiver.before = (items) => {
      if (items.some((item) => item.kind === 'message' && item.text === 'poison'))
        throw new TypeError('cannot be handled')
    }
    rooms.say(PRIVATE_ROOM, ADA, 'poison')
    rooms.say(PRIVATE_ROOM, ADA, 'after it')
    await channel.start(receiver)
    await until(() => receiver.texts.includes('after it'), 'the message after it', 30_000)
    expect(fixture.lines.join('')).toContain('could not be stored or handled')
  })

  test('deletions are handed on, with the thread where it is remembered', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    const root = rooms.say(PRIVATE_ROOM, ADA, 'root')
    const inThread = rooms.say(PRIVATE_ROOM, ADA, 'in the thread', {
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    })
    await until(() => receiver.texts.length === 2, 'both')
    rooms.redact(PRIVATE_ROOM, ADA, inThread)
    const deletion = await until(() => receiver.items.find(({ kind }) => kind === 'deletion'), 'the deletion')
    expect(deletion).toEqual({
      kind: 'deletion',
      address: `${PRIVATE_ROOM} ${root}`,
      platformMessageId: inThread,
    })
    expect(receiver.messages[1]).toMatchObject({ address: `${PRIVATE_ROOM} ${root}` })
  })

  test('edits of a person reach the message they change, also in a thread and after a restart', async () => {
    const { rooms } = fixture.server
    const root = rooms.say(PRIVATE_ROOM, ADA, 'root')
    const original = rooms.say(PRIVATE_ROOM, ADA, 'helo', {
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    })
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.edit(PRIVATE_ROOM, ADA, original, 'hello')
    rooms.edit(PRIVATE_ROOM, BOB, original, 'not mine to change')
    rooms.say(PRIVATE_ROOM, ADA, 'after')
    await until(() => receiver.texts.includes('after'), 'the message after them')
    expect(receiver.items.filter(({ kind }) => kind === 'edit')).toEqual([
      expect.objectContaining({
        address: `${PRIVATE_ROOM} ${root}`,
        platformMessageId: original,
        text: 'hello',
      }),
    ])
  })
})

describe('an encrypted room', () => {
  test('is told once, whatever is said there, and again not even after a restart', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.encrypt(PRIVATE_ROOM, ADA)
    rooms.push(PRIVATE_ROOM, 'm.room.encrypted', ADA, { algorithm: 'm.megolm.v1.aes-sha2' })
    rooms.push(PRIVATE_ROOM, 'm.room.encrypted', ADA, { algorithm: 'm.megolm.v1.aes-sha2' })
    const [told] = await until(
      () => (receiver.messages.length > 0 ? receiver.messages : null),
      'the sentence',
    )
    expect(told).toMatchObject({ address: PRIVATE_ROOM, text: '', person: { id: ADA } })
    expect(told!.unsupported).toContain('encrypted')
    rooms.push(PRIVATE_ROOM, 'm.room.encrypted', ADA, {})
    rooms.say(PRIVATE_ROOM, ADA, 'in plain text')
    await until(() => receiver.texts.includes('in plain text'), 'the message after it')
    const again = fixture.create(receiver)
    await channel.stop()
    await again.start(receiver)
    rooms.push(PRIVATE_ROOM, 'm.room.encrypted', ADA, {})
    rooms.say(PRIVATE_ROOM, ADA, 'after the restart')
    await until(() => receiver.texts.includes('after the restart'), 'the message after the restart')
    // Under one id, of which the store takes the first.
    const sentences = receiver.messages.filter(({ unsupported }) => unsupported !== null)
    expect(new Set(sentences.map(({ platformMessageId }) => platformMessageId)).size).toBe(1)
    expect(receiver.distinct).toBe(3)
  })

  test('to which the bot is invited is told at once', async () => {
    const { rooms } = fixture.server
    rooms.openRoom('!sealed:test', [ADA], { withBot: false })
    rooms.encrypt('!sealed:test', ADA)
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.invite('!sealed:test', ADA)
    await until(() => receiver.messages.length === 1, 'the sentence')
    expect(receiver.messages[0]).toMatchObject({
      address: '!sealed:test',
      person: { id: ADA },
      unsupported: expect.stringContaining('encrypted'),
    })
  })
})

describe('the status', () => {
  test.each([
    [false, 'log the bot in again'],
    [true, 'soft logout'],
  ])('says what to do when the token is not taken (soft logout: %s)', async (soft, words) => {
    const channel = fixture.createKnowing(receiver)
    fixture.server.fail('sync', unknownToken(soft))
    await channel.start(receiver)
    await until(() => channel.status().state === 'failed', 'the failure')
    expect(channel.status().problem).toContain(words)
    expect(channel.status().problem).toContain('MATRIX_ACCESS_TOKEN')
  })

  test('names the account, and a server that is none', async () => {
    const channel = fixture.createKnowing(receiver, { apiRoot: `${fixture.server.apiRoot}/elsewhere` })
    await channel.start(receiver)
    await until(() => channel.status().state === 'failed', 'the failure')
    expect(channel.status().problem).toContain('MATRIX_HOMESERVER')
    await channel.stop()
    const right = fixture.createKnowing(receiver)
    await right.start(receiver)
    await until(() => right.status().state === 'connected', 'the connection')
    expect(right.status().account).toBe(MatrixRooms.bot)
  })

  test('a poll that is aborted by a stop ends at once', async () => {
    const channel = fixture.createKnowing(receiver, { waitMs: 30_000 })
    await channel.start(receiver)
    await until(() => fixture.server.callsOf('sync').length >= 2, 'the long poll')
    // The poll would last for as long as this whole test may.
    await channel.stop()
    expect(channel.status().state).toBe('stopped')
  })
})
