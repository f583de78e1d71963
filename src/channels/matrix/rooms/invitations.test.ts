import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ADA, EVE, MatrixFixture } from '../../../../test/support/platforms/matrix/matrix-fixture.ts'
import { MatrixRooms } from '../../../../test/support/platforms/matrix/matrix-rooms.ts'
import { badGateway } from '../../../../test/support/platforms/matrix/matrix-server.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'

const ROOM = '!new:test'
let fixture: MatrixFixture
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await MatrixFixture.open()
  receiver = new RecordingReceiver()
})
afterEach(() => fixture[Symbol.asyncDispose]())

const membership = () => fixture.server.rooms.rooms.get(ROOM)?.members.get(MatrixRooms.bot)?.membership

describe('an invitation', () => {
  test('of somebody who has access is accepted, and what they wrote before the bot came is heard', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.openRoom(ROOM, [ADA], { withBot: false })
    rooms.say(ROOM, ADA, 'before the invitation')
    rooms.invite(ROOM, ADA)
    rooms.say(ROOM, ADA, 'are you there?')
    await until(() => membership() === 'join', 'the joining')
    rooms.say(ROOM, ADA, 'good')
    await until(() => receiver.texts.length === 2, 'both messages')
    expect(receiver.texts).toEqual(['are you there?', 'good'])
    expect(receiver.messages[0]!.chat).toMatchObject({ kind: 'private', addressed: true })
  })

  test('that waited at the very first start is accepted, too', async () => {
    const { rooms } = fixture.server
    rooms.openRoom(ROOM, [ADA], { withBot: false })
    rooms.invite(ROOM, ADA)
    rooms.say(ROOM, ADA, 'hello?')
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => receiver.texts.length === 1, 'the message')
    expect(receiver.texts).toEqual(['hello?'])
  })

  test('of anybody else is declined in silence, and noted', async () => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    rooms.openRoom(ROOM, [EVE], { withBot: false })
    rooms.invite(ROOM, EVE)
    rooms.say(ROOM, EVE, 'come in')
    await until(() => membership() === 'leave', 'the declining')
    await until(() => receiver.cursors.get(`invite ${ROOM}`) === '', 'its end')
    expect(fixture.server.callsOf('send')).toEqual([])
    expect(receiver.texts).toEqual([])
    expect(fixture.lines.join('')).toMatch(/an invitation by @eve:test was declined/)
  })

  test.each([
    ['everybody has access', { welcome: null }],
    ['the room is open to everybody', { openRooms: new Set([ROOM]) }],
  ])('of anybody is accepted where %s', async (_why, options) => {
    const { rooms } = fixture.server
    const channel = fixture.createKnowing(receiver, options)
    await channel.start(receiver)
    rooms.openRoom(ROOM, [EVE], { withBot: false })
    rooms.invite(ROOM, EVE)
    await until(() => membership() === 'join', 'the joining')
    expect(fixture.server.callsOf('leave')).toEqual([])
  })

  test('is dealt with after a crash in which only its coming was stored', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    server.fail('join', { kind: 'hang' })
    await channel.start(receiver)
    server.rooms.openRoom(ROOM, [ADA], { withBot: false })
    server.rooms.invite(ROOM, ADA)
    await until(() => server.callsOf('join').length === 1, 'the first try')
    await channel.stop()
    expect(receiver.cursors.get(`invite ${ROOM}`)).toBe(`open ${ADA}`)
    const restarted = fixture.create(receiver)
    await restarted.start(receiver)
    await until(() => membership() === 'join', 'the joining')
  })

  test('that was dealt with is ignored by the next start', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    server.rooms.openRoom(ROOM, [EVE], { withBot: false })
    server.rooms.invite(ROOM, EVE)
    await until(() => receiver.cursors.get(`invite ${ROOM}`) === '', 'its end')
    await channel.stop()
    const restarted = fixture.create(receiver)
    await restarted.start(receiver)
    await until(() => restarted.status().state === 'connected', 'the connection')
    expect(server.callsOf('leave').length).toBe(1)
  })

  test('whose room cannot be reached is tried again, and holds up nobody else', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    server.fail('join', badGateway, 1)
    await channel.start(receiver)
    server.rooms.openRoom(ROOM, [ADA], { withBot: false })
    server.rooms.invite(ROOM, ADA)
    await until(() => server.callsOf('join').length === 1, 'the first try')
    server.rooms.say('!private:test', ADA, 'meanwhile')
    await until(() => receiver.texts.includes('meanwhile'), 'the other room')
    await until(() => membership() === 'join', 'the second try')
    expect(fixture.server.callsOf('leave')).toEqual([])
  })

  test('that was withdrawn in the meantime comes to nothing, and is not asked about again', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    server.fail('join', { kind: 'error', status: 403, errcode: 'M_FORBIDDEN' })
    await channel.start(receiver)
    server.rooms.openRoom(ROOM, [ADA], { withBot: false })
    server.rooms.invite(ROOM, ADA)
    await until(() => receiver.cursors.get(`invite ${ROOM}`) === '', 'its end')
    expect(server.callsOf('join').length).toBe(1)
  })
})
