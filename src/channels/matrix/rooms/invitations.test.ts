import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ADA, EVE, MatrixFixture } from '../../../../test/support/matrix-fixture.ts'
import { MatrixRooms } from '../../../../test/support/matrix-rooms.ts'
import { badGateway } from '../../../../test/support/matrix-server.ts'
import { RecordingReceiver } from '../../../../test/support/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'

const ROOM = '!new:test'
let fixture: MatrixFixture
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await MatrixFixture.open()
  receiver = new RecordingReceiver()
})
afterEach(() => fixture[Symbol.asyncDispose]())

const membership = () => fixture.server.world.rooms.get(ROOM)?.members.get(MatrixRooms.bot)?.membership

describe('an invitation', () => {
  test('of somebody who may talk is accepted, and what they wrote before the bot came is heard', async () => {
    const { world } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    world.openRoom(ROOM, [ADA], { withBot: false })
    world.say(ROOM, ADA, 'before the invitation')
    world.invite(ROOM, ADA)
    world.say(ROOM, ADA, 'are you there?')
    await until(() => membership() === 'join', 'the joining')
    world.say(ROOM, ADA, 'good')
    await until(() => receiver.texts.length === 2, 'both messages')
    expect(receiver.texts).toEqual(['are you there?', 'good'])
    expect(receiver.messages[0]!.chat).toMatchObject({ kind: 'private', addressed: true })
  })

  test('that waited at the very first start is accepted, too', async () => {
    const { world } = fixture.server
    world.openRoom(ROOM, [ADA], { withBot: false })
    world.invite(ROOM, ADA)
    world.say(ROOM, ADA, 'hello?')
    const channel = fixture.create(receiver)
    await channel.start(receiver)
    await until(() => receiver.texts.length === 1, 'the message')
    expect(receiver.texts).toEqual(['hello?'])
  })

  test('of anybody else is declined in silence, and noted', async () => {
    const { world } = fixture.server
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    world.openRoom(ROOM, [EVE], { withBot: false })
    world.invite(ROOM, EVE)
    world.say(ROOM, EVE, 'come in')
    await until(() => membership() === 'leave', 'the declining')
    await until(() => receiver.cursors.get(`invite ${ROOM}`) === '', 'its end')
    expect(fixture.server.callsOf('send')).toEqual([])
    expect(receiver.texts).toEqual([])
    expect(fixture.lines.join('')).toMatch(/an invitation by @eve:test was declined/)
  })

  test.each([
    ['everybody may talk', { welcome: null }],
    ['the room is open to everybody', { openRooms: new Set([ROOM]) }],
  ])('of anybody is accepted where %s', async (_why, options) => {
    const { world } = fixture.server
    const channel = fixture.createKnowing(receiver, options)
    await channel.start(receiver)
    world.openRoom(ROOM, [EVE], { withBot: false })
    world.invite(ROOM, EVE)
    await until(() => membership() === 'join', 'the joining')
    expect(fixture.server.callsOf('leave')).toEqual([])
  })

  test('is dealt with after a crash in which only its coming was stored', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    server.fail('join', { kind: 'hang' })
    await channel.start(receiver)
    server.world.openRoom(ROOM, [ADA], { withBot: false })
    server.world.invite(ROOM, ADA)
    await until(() => server.callsOf('join').length === 1, 'the first try')
    await channel.stop()
    expect(receiver.cursors.get(`invite ${ROOM}`)).toBe(`open ${ADA}`)
    const restarted = fixture.create(receiver)
    await restarted.start(receiver)
    await until(() => membership() === 'join', 'the joining')
  })

  test('that was dealt with is left alone by the next start', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    await channel.start(receiver)
    server.world.openRoom(ROOM, [EVE], { withBot: false })
    server.world.invite(ROOM, EVE)
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
    server.world.openRoom(ROOM, [ADA], { withBot: false })
    server.world.invite(ROOM, ADA)
    await until(() => server.callsOf('join').length === 1, 'the first try')
    server.world.say('!private:test', ADA, 'meanwhile')
    await until(() => receiver.texts.includes('meanwhile'), 'the other room')
    await until(() => membership() === 'join', 'the second try')
    expect(fixture.server.callsOf('leave')).toEqual([])
  })

  test('that was withdrawn meanwhile comes to nothing, and is not asked about again', async () => {
    const { server } = fixture
    const channel = fixture.createKnowing(receiver)
    server.fail('join', { kind: 'error', status: 403, errcode: 'M_FORBIDDEN' })
    await channel.start(receiver)
    server.world.openRoom(ROOM, [ADA], { withBot: false })
    server.world.invite(ROOM, ADA)
    await until(() => receiver.cursors.get(`invite ${ROOM}`) === '', 'its end')
    expect(server.callsOf('join').length).toBe(1)
  })
})
