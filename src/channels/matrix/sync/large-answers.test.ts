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
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'

let fixture: MatrixFixture
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await MatrixFixture.open()
  receiver = new RecordingReceiver()
})
afterEach(() => fixture[Symbol.asyncDispose]())

describe('an answer that is larger than is read', () => {
  const endless = {
    kind: 'body',
    status: 200,
    body: `{"next_batch":"${'x'.repeat(33 * 1024 * 1024)}"}`,
  } as const
  const filters = () =>
    fixture.server
      .callsOf('sync')
      .map(
        ({ query }) => JSON.parse(query.get('filter')!).room.timeline as { limit: number; types: string[] },
      )

  // How many events of each room, and whether any, one question after the other.
  test.each([
    [
      'is asked for again with the newest event of each room',
      [
        [100, true],
        [1, true],
      ],
    ],
    [
      'is passed by, and every room read from its history',
      [
        [100, true],
        [1, true],
        [1, false],
      ],
    ],
  ])('%s', async (_what, asked) => {
    const { server } = fixture
    const { rooms } = server
    const channel = fixture.createKnowing(receiver, { clock: hurried(50) })
    await channel.start(receiver)
    rooms.say(PRIVATE_ROOM, ADA, 'before')
    await until(() => receiver.texts.includes('before'), 'the message before')
    server.fail('sync', endless, asked.length - 1)
    for (let number = 0; number < 5; number++) rooms.say(PRIVATE_ROOM, ADA, `said ${number}`)
    rooms.say(GROUP_ROOM, BOB, `${MatrixRooms.bot} and you?`)
    await until(() => receiver.texts.includes('said 4'), 'what was said', 20_000)
    await until(() => receiver.texts.length === 7, 'what was said elsewhere', 20_000)
    expect(receiver.texts.filter((text) => text.startsWith('said'))).toEqual(
      Array.from({ length: 5 }, (_, number) => `said ${number}`),
    )
    const questions = filters().map(({ limit, types }) => [limit, types.length > 0] as const)
    const first = questions.findIndex(([limit]) => limit === 1) - 1
    expect(questions.slice(first, first + asked.length)).toEqual(asked)
    expect(questions.slice(first + asked.length).every(([limit]) => limit === 100)).toBe(true)
    rooms.say(PRIVATE_ROOM, ADA, 'after')
    await until(() => receiver.texts.includes('after'), 'the message after', 20_000)
    expect(receiver.texts.length).toBe(8)
    expect(channel.status()).toMatchObject({ state: 'connected', problem: null })
  })
})
