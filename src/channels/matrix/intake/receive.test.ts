import { describe, expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import type { MatrixEvent } from '../api/events.ts'
import type { Pointed, Room } from '../rooms/rooms.ts'
import { withLinks } from './links.ts'
import type { FileRef } from './media.ts'
import { mapEvent, type MappingContext } from './receive.ts'

const ADA = '@ada:test'
const BOT = '@hermes:test'
const ROOM = '!room:test'

const PRIVATE: Room = { private: true, ownName: 'Hermes', names: new Map([[ADA, 'Ada']]) }
const GROUP: Room = { private: false, ownName: 'Hermes', names: new Map([[ADA, 'Ada']]) }

const files: FileRef[] = []
const known = new Map<string, Pointed>([
  ['$bots', { sender: BOT, threadRoot: null }],
  ['$adas', { sender: ADA, threadRoot: '$root' }],
  ['$bobs', { sender: '@bob:test', threadRoot: null }],
])

const bobsPicture = { msgtype: 'm.image', body: 'cat.png', url: 'mxc://test/cat' }
const events = new Map<string, MatrixEvent>(
  (
    [
      ['$bots', BOT, { msgtype: 'm.text', body: 'an answer' }],
      ['$bobs', '@bob:test', { msgtype: 'm.text', body: 'Nomen est omen.\nYes.' }],
      ['$picture', '@bob:test', bobsPicture],
      ['$gone', '@bob:test', {}],
      [
        '$reply',
        ADA,
        { msgtype: 'm.text', body: 'x', 'm.relates_to': { 'm.in_reply_to': { event_id: '$bobs' } } },
      ],
    ] as const
  ).map(([id, sender, content]) => [id, { type: 'm.room.message', event_id: id, sender, content }]),
)

function map(
  content: object,
  room = PRIVATE,
  over: Partial<MatrixEvent> = {},
  more: Partial<MappingContext> = {},
): Promise<InboundEvent | null> {
  const context: MappingContext = {
    roomId: ROOM,
    userId: BOT,
    room,
    load: (file) => {
      files.push(file)
      return () => Promise.reject(new Error('not loaded here'))
    },
    pointed: async (id) => known.get(id) ?? null,
    event: async (id) => events.get(id) ?? null,
    recall: (id) => known.get(id) ?? null,
    ...more,
  }
  const event = { type: 'm.room.message', event_id: '$1', sender: ADA, content, ...over }
  return mapEvent(event as MatrixEvent, context)
}

const text = (body: string, more: object = {}) => ({ msgtype: 'm.text', body, ...more })
const relation = (value: object) => ({ 'm.relates_to': value })

describe('who is meant', () => {
  const mentioned = { 'm.mentions': { user_ids: [BOT] } }
  const nobody = { 'm.mentions': {} }
  test.each([
    ['a mention', text('you there', mentioned), true],
    ['nobody', text('hello all'), false],
    ['the name, from a program without mentions', text('Hermes: hello'), true],
    ['the name in small letters within the words', text('what does hermes say?'), true],
    ['a part of another word', text('hermeseta'), false],
    ['the id', text('@hermes:test hello'), true],
    ['the name where the program says it means nobody', text('Hermes is nice', nobody), false],
    ['everybody', text('@room', { 'm.mentions': { room: true } }), false],
    [
      'a mark of the name in the formatted words',
      text('You: hi', { formatted_body: '<a href="https://matrix.to/#/@hermes:test">You</a>: hi' }),
      true,
    ],
    [
      'a reply to the bot',
      text('yes', { ...nobody, ...relation({ 'm.in_reply_to': { event_id: '$bots' } }) }),
      true,
    ],
    ['a reply to somebody', text('yes', relation({ 'm.in_reply_to': { event_id: '$bobs' } })), false],
    ['a reply to what is gone', text('yes', relation({ 'm.in_reply_to': { event_id: '$gone' } })), false],
    [
      'a thread on a message of the bot',
      text('more', relation({ rel_type: 'm.thread', event_id: '$bots', is_falling_back: true })),
      true,
    ],
    [
      'a thread on somebody else, whose last message is the bot’s',
      text(
        'more',
        relation({
          rel_type: 'm.thread',
          event_id: '$bobs',
          is_falling_back: true,
          'm.in_reply_to': { event_id: '$bots' },
        }),
      ),
      false,
    ],
    ['a command of ours', text('/new'), true],
    ['a command that other bots may have, too', text('!new'), false],
    ['our command behind the name', text('Hermes: !new'), true],
    ['a command of somebody else', text('/roll 2d6'), false],
    ['what quotes the bot, from an older program', text('> <@hermes:test> hi\n\nagreed', nobody), false],
  ])('in a group: %s', async (_what, content, addressed) => {
    expect(await map(content, GROUP)).toMatchObject({ chat: { kind: 'group', addressed } })
  })

  test('in a private room the bot always is', async () => {
    expect(await map(text('hello'))).toMatchObject({
      chat: { id: ROOM, kind: 'private', addressed: true },
      person: { id: ADA, name: 'Ada' },
    })
  })
})

describe('the words', () => {
  test.each([
    ['  verbatim *text* \n', '  verbatim *text* \n'],
    ['!new', '/new'],
    ['!model claude-x', '/model claude-x'],
    ['Hermes: !status', '/status'],
    ['@hermes:test /stop now', '/stop now'],
    ['@hermes, !help', '/help'],
    ['/start', '/help'],
    ['!newer is better', '!newer is better'],
    ['Hermes: hello', 'Hermes: hello'],
    ['read !new', 'read !new'],
  ])('%j are %j', async (body, expected) => {
    expect(await map(text(body))).toMatchObject({ text: expected })
  })

  test('of a reply lack what it quotes', async () => {
    const body = '> <@bob:test> what is it?\n> second line\n\nthe answer\n> my own quote'
    const content = text(body, relation({ 'm.in_reply_to': { event_id: '$bobs' } }))
    expect(await map(content, PRIVATE, {}, { event: async () => null })).toMatchObject({
      text: 'the answer\n> my own quote',
    })
    expect(await map(text(body))).toMatchObject({ text: body })
  })
})

const answering = (id: string) => relation({ 'm.in_reply_to': { event_id: id } })

describe('what a message answers', () => {
  test.each([
    ['$bobs', 'why?', 'why?', 'Nomen est omen.\nYes.', 0],
    ['$picture', 'what is it?', 'what is it?', '', 1],
    ['$bots', 'thanks', 'thanks', null, 0],
    ['$gone', 'what?', 'what?', null, 0],
    ['$bobs', '!new', '/new', 'Nomen est omen.\nYes.', 0],
  ])('comes with it as a quotation: %s, %s', async (id, body, words, quoted, count) => {
    const item = await map(text(body, answering(id)))
    expect(item).toMatchObject({ text: words })
    expect(item?.kind === 'message' && item.about).toEqual(
      quoted === null ? undefined : { quotes: [{ kind: 'reply', from: '@bob:test', text: quoted }] },
    )
    expect(item?.kind === 'message' && item.attachments).toHaveLength(count)
  })

  test('is known from the first form of an edited message', async () => {
    known.set('$reply', { sender: ADA, threadRoot: null })
    const content = text('* y', {
      'm.new_content': text('y'),
      ...relation({ rel_type: 'm.replace', event_id: '$reply' }),
    })
    expect(await map(content)).toMatchObject({
      kind: 'edit',
      text: 'y',
    })
  })

  test('is not asked for where nobody meant the bot', async () => {
    const event = () => Promise.reject(new Error('this was not to be asked for'))
    expect(await map(text('why?', answering('$bobs')), GROUP, {}, { event })).toMatchObject({ text: 'why?' })
  })
})

describe('links that only the formatted words hold', () => {
  const formatted = (body: string, formatted_body: string) => map(text(body, { formatted_body }))
  test.each([
    [
      'read this',
      'read <a href="https://a.org/?x=1&amp;y=2">this</a>',
      [{ words: 'this', address: 'https://a.org/?x=1&y=2' }],
    ],
    [
      'a and a',
      "<a href='https://a.org'>a</a> and <a href='https://b.org'>a</a>",
      [
        { words: 'a', address: 'https://a.org' },
        { words: 'a', address: 'https://b.org' },
      ],
    ],
    ['[this](https://a.org)', '<a href="https://a.org">this</a>', undefined],
    ['a.org', '<a href="https://a.org">a.org</a>', undefined],
    ['bold', '<a href="https://a.org"><b>bold</b></a>', [{ words: 'bold', address: 'https://a.org' }]],
    ['Bob: hi', '<a href="https://matrix.to/#/@bob:test">Bob</a>: hi', undefined],
    ['words', '<a href="https://a.org">other</a>', [{ words: 'other', address: 'https://a.org' }]],
    ['yes', '<mx-reply><a href="https://a.org">quoted</a></mx-reply>yes', undefined],
    ['x', '<a href="javascript:alert(1)">x</a>', undefined],
  ])(
    'are handed over apart from the words, which stay as they are: %s',
    async (body, formattedBody, links) => {
      const item = await formatted(body, formattedBody)
      expect(item).toMatchObject({ text: body })
      expect(item?.kind === 'message' && item.about?.links).toEqual(links)
    },
  )

  test('are quoted with the words of somebody else', async () => {
    const content = text('see this', { formatted_body: 'see <a href="https://a.org">this</a>' })
    const event = async () => ({ type: 'm.room.message', event_id: '$x', sender: '@bob:test', content })
    const item = await map(text('why?', answering('$linked')), PRIVATE, {}, { event })
    expect(item).toMatchObject({ about: { quotes: [{ text: 'see [this](https://a.org)' }] } })
  })

  test.each([
    ['<a '.repeat(20_000)],
    ['<a >'.repeat(16_000)],
    ['<a href="'.repeat(7_000)],
    [`<a >${'<'.repeat(60_000)}</a>`],
    ['<a href="https://a.org">x</a>'.repeat(2_000)],
  ])('a long formatted text costs next to nothing (case %#)', async (hostile) => {
    expect(cpuMsOf(() => withLinks('x '.repeat(30_000), hostile))).toBeLessThan(50)
  })
})

describe('what is not answered', () => {
  test.each([
    ['requests to verify', { msgtype: 'm.key.verification.request', body: 'verify me' }, {}],
    ['notices of the server', { msgtype: 'm.server_notice', body: 'x' }, {}],
    ['kinds that nobody knows', { msgtype: 'com.example.thing', body: 'x' }, {}],
    ['its own messages', text('x'), { sender: BOT }],
    ['notices', { msgtype: 'm.notice', body: 'x' }, {}],
    [
      'an edit that is a notice',
      text('* x', {
        'm.new_content': { msgtype: 'm.notice', body: 'x' },
        ...relation({ rel_type: 'm.replace', event_id: '$adas' }),
      }),
      {},
    ],
    ['deleted messages', {}, {}],
    ['reactions', { 'm.relates_to': { rel_type: 'm.annotation', key: '👍' } }, { type: 'm.reaction' }],
    ['who comes and goes', { membership: 'join' }, { type: 'm.room.member' }],
    ['the unknown', { body: 'x' }, { type: 'com.example' }],
    [
      'an edit of somebody else’s message',
      text('* x', { 'm.new_content': text('x'), ...relation({ rel_type: 'm.replace', event_id: '$bobs' }) }),
      {},
    ],
  ])('%s', async (_what, content, over) => {
    expect(await map(content, PRIVATE, over)).toBeNull()
  })
})

describe('what changes a message', () => {
  test('an edit says the new words under the old id, in its thread', async () => {
    const content = text('* better', {
      'm.new_content': text('better'),
      ...relation({ rel_type: 'm.replace', event_id: '$adas' }),
    })
    expect(await map(content)).toEqual({
      kind: 'edit',
      address: `${ROOM} $root`,
      platformMessageId: '$adas',
      person: { id: ADA, name: 'Ada' },
      chat: { id: ROOM, kind: 'private', addressed: true },
      text: 'better',
    })
  })

  test.each([
    ['at the event', {}, { redacts: '$bobs' }],
    ['in the content, as newer rooms have it', { redacts: '$bobs' }, {}],
  ])('a deletion is handed on: named %s', async (_where, content, over) => {
    expect(await map(content, PRIVATE, { type: 'm.room.redaction', ...over })).toEqual({
      kind: 'deletion',
      address: ROOM,
      platformMessageId: '$bobs',
    })
  })
})

describe('what a message carries', () => {
  const image = {
    msgtype: 'm.image',
    body: 'cat.png',
    url: 'mxc://test/abc',
    info: { mimetype: 'image/png', size: 12 },
  }
  test('a picture is named, not loaded; its name is no caption', async () => {
    files.length = 0
    expect(await map(image)).toMatchObject({
      text: '',
      unsupported: null,
      attachments: [expect.any(Function)],
    })
    expect(files).toEqual([
      expect.objectContaining({
        server: 'test',
        mediaId: 'abc',
        name: 'cat.png',
        mediaType: 'image/png',
        size: 12,
      }),
    ])
  })

  test('a caption is the words', async () => {
    expect(await map({ ...image, filename: 'cat.png', body: 'what is this?' })).toMatchObject({
      text: 'what is this?',
    })
  })

  test.each([
    ['geo:52.52,13.405;u=35', { latitude: 52.52, longitude: 13.405 }],
    ['geo:-33.8,151.2', { latitude: -33.8, longitude: 151.2 }],
  ])('a place is data: %s', async (geo_uri, place) => {
    const item = await map({ msgtype: 'm.location', body: 'Here', geo_uri })
    expect(item).toMatchObject({
      text: '',
      unsupported: null,
      about: { location: { ...place, name: 'Here', address: null } },
    })
  })

  test('a place that cannot be read is read as the words that it came with', async () => {
    expect(await map({ msgtype: 'm.location', body: 'Here', geo_uri: 'geo:x' })).toMatchObject({
      text: 'Here',
    })
  })

  test('a room is known by its name', async () => {
    const item = await map(text('!new'), { ...GROUP, name: 'Team' })
    expect(item).toMatchObject({ chat: { kind: 'group', name: 'Team' } })
  })

  test.each([
    ['a sticker', { body: 'wave' }, { type: 'm.sticker' }, 'stickers'],
    ['a poll', {}, { type: 'm.poll.start' }, 'polls'],
    ['audio', { msgtype: 'm.audio', body: 'a.ogg' }, {}, 'audio'],
    ['a video', { msgtype: 'm.video', body: 'v.mp4' }, {}, 'videos'],
    ['an odd file', { msgtype: 'm.file', body: 'x.zip', url: 'mxc://test/a' }, {}, 'another kind'],
    ['a file at a strange address', { ...image, url: 'mxc://../../admin' }, {}, 'another kind'],
    ['a file that is encrypted', { ...image, url: undefined, file: {} }, {}, 'another kind'],
  ])('%s gets a short reply', async (_what, content, over, words) => {
    expect(await map(content, PRIVATE, over)).toMatchObject({
      unsupported: expect.stringContaining(words),
      attachments: [],
    })
  })
})
