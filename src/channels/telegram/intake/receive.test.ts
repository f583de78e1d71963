import type { Update } from 'grammy/types'
import { describe, expect, test } from 'vitest'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import type { Attachment } from '../../../inbox/message.ts'
import type { FileRef } from './media.ts'
import { mapUpdate } from './receive.ts'

const ADA = { id: 501, is_bot: false, first_name: 'Ada', last_name: 'L' }
const GROUP = { id: -100777, type: 'supergroup', title: 'A group' }
const BOT = { id: 4242, username: 'hermes_test_bot' }
const notes: string[] = []
const asked: FileRef[] = []

function map(fields: object, kind = 'message'): readonly InboundEvent[] {
  const message = {
    message_id: 7,
    date: 1,
    chat: { id: 501, type: 'private', first_name: 'Ada' },
    from: ADA,
    ...fields,
  }
  const load = (file: FileRef) => {
    asked.push(file)
    return async (): Promise<Attachment> => ({
      mediaType: file.mediaType,
      name: file.name,
      bytes: new Uint8Array(),
    })
  }
  const update = { update_id: 1, [kind]: message } as unknown as Update
  return mapUpdate(update, { bot: BOT, load, note: (text) => void notes.push(text) })
}

/** The one message that `fields` deliver. */
function one(fields: object): Extract<InboundEvent, { kind: 'message' }> {
  const [item, ...more] = map(fields)
  expect(more).toEqual([])
  if (item?.kind !== 'message') throw new Error('no message was delivered')
  return item
}

const inGroup = (text: string, fields: object = {}) =>
  one({ chat: GROUP, text, ...entities(text), ...fields })

function entities(text: string): object {
  const match = /^\/\w+(@\w+)?/.exec(text)
  const mention = /@\w+/.exec(text)
  if (match) return { entities: [{ type: 'bot_command', offset: 0, length: match[0].length }] }
  return mention ? { entities: [{ type: 'mention', offset: mention.index, length: mention[0].length }] } : {}
}

describe('an update of Telegram', () => {
  test('from a private chat is a message to the bot, word for word', () => {
    expect(one({ text: '  Hi *there*\n' })).toEqual({
      kind: 'message',
      address: '501',
      platformMessageId: '7',
      person: { id: '501', name: 'Ada L' },
      chat: { id: '501', kind: 'private', addressed: true },
      text: '  Hi *there*\n',
      attachments: [],
      unsupported: null,
    })
  })

  test('from a topic of a forum has the topic in its address; a plain thread of replies has not', () => {
    const thread = { message_thread_id: 33 }
    expect(inGroup('x', { ...thread, is_topic_message: true }).address).toBe('-100777/33')
    expect(inGroup('x', thread).address).toBe('-100777')
  })

  test.each([
    ['hello all', {}, false],
    ['@hermes_test_bot hello', {}, true],
    ['@Hermes_Test_Bot hello', {}, true],
    ['@another_bot hello', {}, false],
    ['hello', { entities: [{ type: 'text_mention', offset: 0, length: 5, user: { id: 4242 } }] }, true],
    ['hello', { reply_to_message: { message_id: 1, from: { id: 4242, is_bot: true } } }, true],
    ['hello', { reply_to_message: { message_id: 1, from: { id: 4242 }, forum_topic_created: {} } }, false],
    ['hello', { reply_to_message: { message_id: 1, from: { id: 9 } } }, false],
    ['/new', {}, true],
    ['/new@hermes_test_bot', {}, true],
    ['/new@another_bot', {}, false],
    ['/roll', {}, false],
    ['@hermes_test_bot hello', { forward_origin: { type: 'hidden_user' } }, false],
  ])('from a group saying %j %j: meant for the bot? %j', (text, fields, expected) => {
    expect(inGroup(text, fields).chat).toEqual({
      id: '-100777',
      kind: 'group',
      name: 'A group',
      addressed: expected,
    })
  })

  test('with a command is read without the name of the bot, and nothing else is rewritten', () => {
    expect(inGroup('/model@hermes_test_bot opus').text).toBe('/model opus')
    expect(inGroup('/model@another_bot opus').text).toBe('/model@another_bot opus')
    expect(inGroup('@hermes_test_bot  do it').text).toBe('@hermes_test_bot  do it')
    expect(one({ text: '/start abc', entities: [{ type: 'bot_command', offset: 0, length: 6 }] }).text).toBe(
      '/help',
    )
  })

  test('that is a piece of an album, or may have been split off a longer text, says so', () => {
    expect(one({ text: 'x'.repeat(4_096) }).piece).toEqual({ of: null })
    expect(one({ text: 'x'.repeat(3_796) }).piece).toEqual({ of: null })
    expect(one({ text: 'x'.repeat(3_795) })).not.toHaveProperty('piece')
    expect(one({ photo: [{ file_id: 'f' }], media_group_id: 'g' }).piece).toEqual({ of: 'g' })
  })

  test('that was forwarded has the forwarder as its sender and is marked', () => {
    const origin = { type: 'user', date: 1, sender_user: { id: 1, is_bot: false, first_name: 'Boss' } }
    const item = one({
      text: '/new',
      forward_origin: origin,
      entities: [{ type: 'bot_command', offset: 0, length: 4 }],
    })
    expect(item).toMatchObject({ person: { id: '501' }, text: '', forwarded: true })
    expect(item.about).toEqual({ quotes: [{ kind: 'forward', from: 'Boss', text: '/new' }] })
  })

  test('that was forwarded without words is marked by its picture', () => {
    const item = one({
      photo: [{ file_id: 'p' }],
      forward_origin: { type: 'hidden_user', sender_user_name: 'Cleo' },
    })
    expect(item.about).toEqual({ quotes: [{ kind: 'forward', from: 'Cleo', text: '' }] })
    expect(item.attachments).toHaveLength(1)
  })

  const link = (offset: number, length: number, url: string) => ({ type: 'text_link', offset, length, url })

  test('with words that link to an address carries both, the words verbatim', () => {
    const url = 'https://example.org/docs'
    const marks = [link(5, 4, url), { type: 'bold', offset: 0, length: 9 }, link(15, 7, 'https://b.org')]
    const item = one({ text: 'Read this, and another.', entities: marks })
    expect(item.text).toBe('Read this, and another.')
    const links = [{ words: 'look', address: url }]
    expect(item.about).toEqual({
      links: [
        { words: 'this', address: url },
        { words: 'another', address: 'https://b.org' },
      ],
    })
    const caption = { caption: 'look', caption_entities: [link(0, 4, url)] }
    expect(one({ photo: [{ file_id: 'p' }], ...caption })).toMatchObject({ text: 'look', about: { links } })
    const forwarded = one({ ...caption, photo: [{ file_id: 'p' }], forward_origin: { type: 'hidden_user' } })
    expect(forwarded.about).toEqual({ quotes: [{ kind: 'forward', from: null, text: `[look](${url})` }] })
    expect(map({ text: 'look', entities: [link(0, 4, url)] }, 'edited_message')).toMatchObject([
      { text: 'look', links },
    ])
    const command = { type: 'bot_command', offset: 0, length: 20 }
    const called = one({ text: '/new@hermes_test_bot this', entities: [command, link(21, 4, url)] })
    expect(called).toMatchObject({ text: '/new this', about: { links: [{ words: 'this', address: url }] } })
    expect(one({ text: 'example.org/docs', entities: [link(0, 16, url)] }).about).toBeUndefined()
  })

  const BEN = { id: 9, is_bot: false, first_name: 'Ben' }
  const said = (text: string, more: object = {}) => ({ message_id: 3, from: BEN, text, ...more })

  test('that answers somebody else carries what it answers, marked as a quotation', () => {
    const asks = '@hermes_test_bot what does this mean?'
    const reply = (kind: string, text: string) => ({ quotes: [{ kind, from: 'Ben', text }] })
    const whole = inGroup(asks, { reply_to_message: said('Nomen est omen.\nYes.') })
    expect(whole).toMatchObject({ text: asks, about: reply('reply', 'Nomen est omen.\nYes.') })
    const quote = { text: 'omen', position: 10 }
    const part = inGroup(asks, { reply_to_message: said('Nomen est omen.'), quote })
    expect(part.about).toEqual(reply('part', 'omen'))
    const linked = said('here', { entities: [link(0, 4, 'https://example.org/docs')] })
    expect(inGroup(asks, { reply_to_message: linked }).about).toEqual(
      reply('reply', '[here](https://example.org/docs)'),
    )
    const edit = map({ text: 'and this?', reply_to_message: said('Nomen') }, 'edited_message')
    // What it answers is known from its first form.
    expect(edit).toMatchObject([{ text: 'and this?' }])
  })

  test('that answers a picture carries it, also from another chat', () => {
    asked.length = 0
    const photo = [{ file_id: 'theirs' }]
    const item = one({ text: 'what is it?', reply_to_message: said('', { photo, text: undefined }) })
    expect(item).toMatchObject({
      text: 'what is it?',
      about: { quotes: [{ kind: 'reply', from: 'Ben', text: '' }] },
    })
    const origin = { type: 'hidden_user', sender_user_name: 'Cleo', date: 1 }
    const elsewhere = one({ text: 'and?', external_reply: { origin, photo }, quote: { text: 'a cat' } })
    expect(elsewhere.about).toEqual({ quotes: [{ kind: 'part', from: 'Cleo', text: 'a cat' }] })
    expect(asked.map(({ fileId }) => fileId)).toEqual(['theirs', 'theirs'])
  })

  test.each([[{ origin: undefined }], [{ origin: { type: 'new' } }], [{ origin: { type: 'chat' } }], [{}]])(
    'that answers something unknown is not lost: %j',
    (external) => {
      const quoted = one({ text: 'why?', external_reply: external, quote: { text: 'x' } })
      expect(quoted).toMatchObject({
        text: 'why?',
        about: { quotes: [{ kind: 'part', from: null, text: 'x' }] },
      })
      expect(one({ text: 'why?', external_reply: external, quote: {} }).text).toBe('why?')
    },
  )

  test.each([
    ['what the bot wrote', { from: { id: 4242, is_bot: true } }],
    ['what made the topic', { forum_topic_created: {} }],
    ['a note of the service', { text: undefined, pinned_message: {} }],
  ])('is not quoted with %s', (_what, fields) => {
    const item = one({ text: 'hello', reply_to_message: said('before', fields) })
    expect(item).not.toHaveProperty('about')
  })

  test('of the bot is quoted where a part of it was chosen', () => {
    const own = said('one two three', { from: { id: 4242, is_bot: true, first_name: 'Hermes' } })
    expect(one({ text: 'why?', reply_to_message: own, quote: { text: 'two' } }).about).toEqual({
      quotes: [{ kind: 'part', from: 'Hermes', text: 'two' }],
    })
  })

  test('with a photo carries the largest size that the model takes, and its caption', () => {
    asked.length = 0
    const sizes = [1_000, 90_000, 3_900_000, 9_000_000].map((file_size) => ({
      file_id: `p${file_size}`,
      file_size,
    }))
    const item = one({ photo: sizes, caption: 'what is it?' })
    expect(item.text).toBe('what is it?')
    expect(item.attachments.length).toBe(1)
    expect(asked[0]).toMatchObject({ fileId: 'p3900000', mediaType: 'image/jpeg' })
  })

  test.each([
    ['application/pdf', 'paper.pdf', 'application/pdf'],
    ['image/png', 'x.png', 'image/png'],
    ['text/csv', 'x.csv', 'text/plain'],
    ['application/octet-stream', 'main.py', 'text/plain'],
    ['application/json', 'x', 'text/plain'],
    ['', 'paper.PDF', 'application/pdf'],
  ])('with a document of type %j named %j is read as %s', (mime_type, file_name, mediaType) => {
    asked.length = 0
    expect(one({ document: { file_id: 'd', mime_type, file_name } }).unsupported).toBeNull()
    expect(asked[0]!.mediaType).toBe(mediaType)
  })

  test.each([
    [{ document: { file_id: 'z', mime_type: 'application/zip', file_name: 'x.zip' } }],
    [{ animation: { file_id: 'a' }, document: { file_id: 'a', mime_type: 'video/mp4' } }],
    [{ voice: {} }],
    [{ audio: {} }],
    [{ video: {} }],
    [{ video_note: {} }],
    [{ sticker: {} }],
    [{ poll: {} }],
    [{ dice: {} }],
  ])('with %j gets a short reply', (fields) => {
    expect(one(fields).unsupported).toMatch(/^I can.*\.$/)
  })

  const place = { latitude: 52.52, longitude: 13.405 }

  test.each([
    [{ location: place }, { location: { ...place, name: null, address: null } }],
    [
      { location: place, venue: { location: place, title: 'Zoo', address: 'Budapester Str. 34' } },
      { location: { ...place, name: 'Zoo', address: 'Budapester Str. 34' } },
    ],
    [
      { contact: { phone_number: '+49301', first_name: 'Ben', last_name: 'B' } },
      { contact: { name: 'Ben B', phone: '+49301' } },
    ],
  ])('with %j is data, and has no words', (fields, about) => {
    expect(one(fields)).toMatchObject({ text: '', unsupported: null, about })
  })

  test.each([[{ location: {} }], [{ contact: {} }]])('with %j holds nothing that can be known', (fields) => {
    expect(map(fields)).toEqual([])
  })

  test('that changes a message is an edit; a location that moves is nothing', () => {
    expect(map({ text: 'better', edit_date: 2 }, 'edited_message')).toEqual([
      {
        kind: 'edit',
        address: '501',
        platformMessageId: '7',
        person: { id: '501', name: 'Ada L' },
        chat: { id: '501', kind: 'private', addressed: true },
        text: 'better',
      },
    ])
    expect(map({ location: {}, edit_date: 2 }, 'edited_message')).toEqual([])
  })

  test('that reports a group with a new id moves the chat, from either side', () => {
    const moved = [{ kind: 'moved', from: '-55', to: '-100777' }]
    expect(map({ chat: { id: -55, type: 'group' }, migrate_to_chat_id: -100777 })).toEqual(moved)
    expect(map({ chat: GROUP, migrate_from_chat_id: -55 })).toEqual(moved)
  })

  test.each([
    ['another bot', { from: { id: 9, is_bot: true, first_name: 'B' }, text: 'x' }],
    ['a channel', { chat: { id: -1, type: 'channel' }, text: 'x' }],
    [
      'a channel linked to the group',
      { chat: GROUP, is_automatic_forward: true, sender_chat: { id: -2 }, text: 'x' },
    ],
    ['the service itself', { chat: GROUP, new_chat_members: [ADA] }],
    ['nobody', { from: undefined, text: 'x' }],
  ])('from %s delivers nothing', (_who, fields) => {
    expect(map(fields)).toEqual([])
  })

  test('from an anonymous administrator has the group as its person', () => {
    const from = { id: 1087968824, is_bot: true, first_name: 'Group' }
    expect(inGroup('x', { from, sender_chat: GROUP }).person).toEqual({ id: '-100777', name: 'A group' })
  })

  test('that says that the bot was blocked is noted', () => {
    notes.length = 0
    expect(map({ new_chat_member: { status: 'kicked' } }, 'my_chat_member')).toEqual([])
    expect(notes.join()).toContain('kicked')
  })

  test.each([
    [{ chat: undefined }],
    [{ chat: { id: 'x', type: 'private' }, text: 'x' }],
    [{ message_id: null, text: 'x' }],
  ])('of an unknown shape %j throws, to be passed over', (fields) => {
    expect(() => map(fields)).toThrow(TypeError)
  })
})
