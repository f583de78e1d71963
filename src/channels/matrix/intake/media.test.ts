import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ADA, MatrixFixture, PRIVATE_ROOM } from '../../../../test/support/platforms/matrix/matrix-fixture.ts'
import { badGateway } from '../../../../test/support/platforms/matrix/matrix-server.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import { until } from '../../../../test/support/until.ts'
import { Refused } from '../../../support/errors.ts'

const PNG = Buffer.from('89504e470d0a1a0a0000000d', 'hex')
let fixture: MatrixFixture
let receiver: RecordingReceiver

beforeEach(async () => {
  fixture = await MatrixFixture.open()
  receiver = new RecordingReceiver()
  await fixture.createKnowing(receiver).start(receiver)
})
afterEach(() => fixture[Symbol.asyncDispose]())

async function loaderOf(content: Record<string, unknown>) {
  fixture.server.rooms.push(PRIVATE_ROOM, 'm.room.message', ADA, content)
  await until(() => receiver.messages.length === 1, 'the message')
  return receiver.messages[0]!.attachments[0]!
}

const image = (bytes: Uint8Array, info: object = {}) => ({
  msgtype: 'm.image',
  body: 'cat.jpg',
  url: fixture.server.addMedia(bytes),
  info,
})

describe('a file', () => {
  test.each([true, false])('is loaded when it is wanted (authenticated media: %s)', async (authenticated) => {
    fixture.server.authenticatedMedia = authenticated
    const load = await loaderOf(image(PNG, { mimetype: 'image/jpeg' }))
    expect(fixture.server.callsOf('download')).toEqual([])
    const attachment = await load()
    // What it is says its content, not its sender.
    expect(attachment).toMatchObject({ mediaType: 'image/png', name: 'cat.jpg' })
    expect(Buffer.from(attachment.bytes)).toEqual(PNG)
  })

  test('is loaded again after a hiccup, and given up with a sentence after some', async () => {
    const load = await loaderOf(image(PNG))
    fixture.server.fail('download', badGateway, 1)
    expect((await load()).mediaType).toBe('image/png')
    fixture.server.fail('download', badGateway, 100)
    await expect(load()).rejects.toBeInstanceOf(Refused)
  })

  test('that is gone is not asked for again', async () => {
    const load = await loaderOf({ ...image(PNG), url: 'mxc://test/unknown' })
    await expect(load()).rejects.toThrow("couldn't get your file")
    expect(fixture.server.callsOf('download').length).toBe(1)
  })

  test('that says it is too large is never asked for; one that lies is cut off', async () => {
    const honest = await loaderOf(image(PNG, { size: 6_000_000 }))
    await expect(honest()).rejects.toThrow('larger than 3.75 MB')
    expect(fixture.server.callsOf('download')).toEqual([])
    fixture.server.rooms.push(
      PRIVATE_ROOM,
      'm.room.message',
      ADA,
      image(Buffer.alloc(6_000_000), { size: 1 }),
    )
    await until(() => receiver.messages.length === 2, 'the second')
    await expect(receiver.messages[1]!.attachments[0]!()).rejects.toThrow('larger than 3.75 MB')
  })

  test('whose content is of another kind is refused', async () => {
    const load = await loaderOf(image(Buffer.from('<html>no picture</html>')))
    await expect(load()).rejects.toThrow('another kind')
  })
})
