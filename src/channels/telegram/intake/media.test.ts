import { describe, expect, test } from 'vitest'
import { hurried } from '../../../../test/support/hurried-clock.ts'
import { RecordingReceiver } from '../../../../test/support/platforms/recording-receiver.ts'
import {
  GROUP_CHAT,
  PRIVATE_CHAT,
  TelegramFixture,
} from '../../../../test/support/platforms/telegram/telegram-fixture.ts'
import { badGateway } from '../../../../test/support/platforms/telegram/telegram-server.ts'
import { pause, until } from '../../../../test/support/until.ts'
import { Refused, TransientError } from '../../../support/errors.ts'

const PNG = Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1')
const PDF = Buffer.from('%PDF-1.7 and so on')
const quick = hurried(20)

/** Lets a person send each of `messages`, and plays with the loaders that arrive. */
async function using(
  messages: (fixture: TelegramFixture) => ReadonlyArray<Record<string, unknown>>,
  play: (receiver: RecordingReceiver, fixture: TelegramFixture, stop: () => Promise<void>) => Promise<void>,
): Promise<void> {
  await using fixture = await TelegramFixture.open()
  const receiver = new RecordingReceiver()
  for (const message of messages(fixture)) fixture.server.say(PRIVATE_CHAT, null, { message })
  const channel = fixture.create(receiver, { clock: quick })
  await channel.start(receiver)
  await until(() => receiver.messages.length > 0 && fixture.server.unconfirmed === 0, 'the messages')
  await play(receiver, fixture, () => channel.stop())
}

const document = (file_id: string, mime_type: string, more: object = {}) => ({
  document: { file_id, mime_type, file_name: 'x', ...more },
})

describe('a file on Telegram', () => {
  test('is fetched only when it is asked for, and is what its bytes say', () =>
    using(
      ({ server }) => [{ photo: [{ file_id: server.addFile(PNG, 'photos/a b.jpg') }], caption: 'look' }],
      async (receiver, { server }) => {
        expect(server.callsOf('getFile').length).toBe(0)
        const attachment = await receiver.messages[0]!.attachments[0]!()
        expect(attachment).toMatchObject({ mediaType: 'image/png', name: 'photo.jpg' })
        expect(Buffer.from(attachment.bytes)).toEqual(PNG)
        expect(receiver.texts).toEqual(['look'])
      },
    ))

  test('of plain text is handed over as text', () =>
    using(
      ({ server }) => [document(server.addFile(Buffer.from('a,b\n1,2')), 'text/csv')],
      async (receiver) => {
        const attachment = await receiver.messages[0]!.attachments[0]!()
        expect(attachment.mediaType).toBe('text/plain')
      },
    ))

  test('that is announced as too large is refused before anything is fetched', () =>
    using(
      ({ server }) => [document(server.addFile(PDF), 'application/pdf', { file_size: 30 * 1024 * 1024 })],
      async (receiver, { server }) => {
        await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow('larger than 20 MB')
        expect(server.callsOf('getFile').length).toBe(0)
      },
    ))

  test('that turns out to be too large is refused', () =>
    using(
      ({ server }) => [document(server.addFile(Buffer.alloc(3 * 1024 * 1024, 'a')), 'text/plain')],
      async (receiver) => {
        await expect(receiver.messages[0]!.attachments[0]!()).rejects.toBeInstanceOf(Refused)
      },
    ))

  test('that is not what it claims to be is refused with a sentence', () =>
    using(
      ({ server }) => [document(server.addFile(Buffer.from('MZ program')), 'image/png')],
      async (receiver) => {
        await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow('I can read pictures')
      },
    ))

  test('is tried again a few times, then the person is asked to send it again', () =>
    using(
      ({ server }) => [document(server.addFile(PDF), 'application/pdf')],
      async (receiver, { server, lines }) => {
        server.fail('download', badGateway, 2)
        expect((await receiver.messages[0]!.attachments[0]!()).mediaType).toBe('application/pdf')
        server.fail('getFile', badGateway, 9)
        await expect(receiver.messages[0]!.attachments[0]!()).rejects.toThrow('Please send it again')
        expect(server.callsOf('getFile').length).toBe(3 + 3)
        expect(lines.join('')).not.toContain('TEST_bot_token')
      },
    ))

  test('that is being fetched when the channel stops is left with the platform', () =>
    using(
      ({ server }) => [document(server.addFile(PDF), 'application/pdf')],
      async (receiver, { server }, stop) => {
        server.fail('getFile', { kind: 'hang' })
        const loading = receiver.messages[0]!.attachments[0]!().catch((error) => error)
        await until(() => server.callsOf('getFile').length === 1, 'the call')
        await stop()
        expect(await loading).toBeInstanceOf(TransientError)
      },
    ))

  test('of an album comes with its neighbours as one message', () =>
    using(
      ({ server }) => [
        { photo: [{ file_id: server.addFile(PNG) }], media_group_id: 'g', caption: 'compare' },
        { photo: [{ file_id: server.addFile(PNG) }], media_group_id: 'g' },
        { photo: [{ file_id: server.addFile(PNG) }], media_group_id: 'h' },
      ],
      async (receiver) => {
        expect(receiver.messages.map(({ text, attachments }) => [text, attachments.length])).toEqual([
          ['compare', 2],
          ['', 1],
        ])
      },
    ))
})

describe('an album whose pieces come one after the other', () => {
  /** What the channel hands over of pieces that come so far apart, and of what others say at the same time. */
  async function handedOver(
    gapMs: number,
    chat: number,
    pieces: ReadonlyArray<Record<string, unknown> | string>,
  ): Promise<RecordingReceiver> {
    await using fixture = await TelegramFixture.open()
    const { server } = fixture
    const receiver = new RecordingReceiver()
    await fixture.create(receiver).start(receiver)
    await until(() => server.callsOf('getUpdates').length > 0, 'the first poll')
    for (const piece of pieces) {
      const other = typeof piece === 'string'
      const from = { id: other ? 88 : 77 }
      const photo = [{ file_id: server.addFile(PNG) }]
      const message = other ? {} : { photo, media_group_id: 'g', ...piece }
      server.say(chat, other ? piece : null, { ...(chat < 0 ? { from } : {}), message })
      await pause(gapMs)
    }
    await until(() => server.unconfirmed === 0, 'the confirmation')
    return receiver
  }
  const shapes = ({ messages }: RecordingReceiver) =>
    messages.map(({ text, attachments, chat }) => [text, attachments.length, chat.addressed])

  test.each([15, 200])(
    '%i ms apart is one message of a group, with the words of whichever piece has them',
    async (gapMs) => {
      expect(shapes(await handedOver(gapMs, GROUP_CHAT, [{ caption: 'compare' }, {}, {}]))).toEqual([
        ['compare', 3, false],
      ])
      expect(shapes(await handedOver(gapMs, GROUP_CHAT, [{}, {}, { caption: 'compare' }]))).toEqual([
        ['compare', 3, false],
      ])
    },
  )

  test('in a private chat keeps nobody waiting: each says what it is a piece of', async () => {
    const { messages } = await handedOver(200, PRIVATE_CHAT, [{ caption: 'compare' }, {}, {}])
    expect(messages.map(({ text, attachments, piece }) => [text, attachments.length, piece])).toEqual([
      ['compare', 1, { of: 'g' }],
      ['', 1, { of: 'g' }],
      ['', 1, { of: 'g' }],
    ])
  })

  const called = (caption: string) => ({
    caption,
    caption_entities: [{ type: 'mention', offset: 0, length: caption.indexOf(' ') }],
  })

  test('is meant for the bot in a group where one piece calls it, the first or the last', async () => {
    const words = '@hermes_test_bot which one?'
    for (const pieces of [
      [called(words), {}],
      [{}, called(words)],
    ])
      expect(shapes(await handedOver(15, GROUP_CHAT, pieces))).toEqual([[words, 2, true]])
  })

  test('stays one where somebody else speaks between the pieces', async () => {
    const receiver = await handedOver(15, GROUP_CHAT, [{ caption: 'compare' }, 'not me', {}])
    expect(shapes(receiver)).toEqual([
      ['compare', 2, false],
      ['not me', 0, false],
    ])
  })
})
