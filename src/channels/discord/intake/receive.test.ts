import { expect, test } from 'vitest'
import type { FileLoader } from './media.ts'
import { mapEdit, mapMessage, type SeenMessage, type MessageContext } from './receive.ts'

const BOT = { id: '90000', applicationId: '90001', name: 'hermes' }
const load: FileLoader = (file) => async () => {
  throw new Error(`not loaded: ${file.name}`)
}
const privately: MessageContext = { guildId: null, parentId: null, botRoleId: null, bot: BOT }
const inServer: MessageContext = { guildId: '700', parentId: null, botRoleId: '710', bot: BOT }

const message = (content: string, more: object = {}): SeenMessage =>
  ({
    id: '200',
    channel_id: '300',
    author: { id: '500', username: 'ada', global_name: 'Ada' },
    content,
    mentions: [],
    mention_roles: [],
    attachments: [],
    type: 0,
    edited_timestamp: null,
    ...more,
  }) as unknown as SeenMessage
const mention = { mentions: [{ id: BOT.id }] }
const map = (seen: SeenMessage, where: MessageContext) => mapMessage(seen, where, { load })

test('a private message is meant for the bot and handed over word for word', () => {
  expect(map(message('  hello *you* '), privately)).toEqual({
    kind: 'message',
    address: '300',
    platformMessageId: '200',
    person: { id: '500', name: 'Ada' },
    chat: { id: '300', kind: 'private', addressed: true },
    text: '  hello *you* ',
    attachments: [],
    unsupported: null,
  })
})

test.each([
  ['a mention', message(`<@${BOT.id}> hi`, mention), true, 'hi'],
  ['a mention in the old form', message(`<@!${BOT.id}>  /new`, mention), true, '/new'],
  ['a mention within', message(`ask <@${BOT.id}> that`, mention), true, `ask <@${BOT.id}> that`],
  ["the bot's own role", message('<@&710> hi', { mention_roles: ['710'] }), true, 'hi'],
  [
    'a reply to the bot',
    message('more', { type: 19, referenced_message: { author: { id: BOT.id } } }),
    true,
    'more',
  ],
  [
    'a reply to somebody else',
    message('more', { type: 19, referenced_message: { author: { id: '7' } } }),
    false,
    'more',
  ],
  ['a mention of everyone', message('@everyone hi', { mention_everyone: true }), false, '@everyone hi'],
  ['another role', message('<@&711> hi', { mention_roles: ['711'] }), false, '<@&711> hi'],
] as const)('in a server: %s', (_, seen, addressed, text) => {
  expect(map(seen, inServer)).toMatchObject({ chat: { kind: 'group', addressed }, text })
})

test.each([
  ['a bot', { author: { id: '1', bot: true } }],
  ['a webhook', { webhook_id: '1' }],
  ['the platform', { author: { id: '1', system: true } }],
  ['a note that somebody joined', { type: 7 }],
])('%s is not answered', (_, more) => {
  expect(map(message('hello', more), privately)).toBeNull()
})

test('in a thread, everybody with access to its channel has access; the thread is its own conversation', () => {
  const item = map(message('hi', { channel_id: '301' }), { ...inServer, parentId: '300' })
  expect(item).toMatchObject({ address: '301', chat: { id: '300' } })
})

test('roles come with the event, or are looked up for what comes out of the history', () => {
  const member = { member: { nick: 'Countess', roles: ['800'] } }
  expect(map(message('hi', member), inServer)).toMatchObject({
    person: { name: 'Countess', groups: ['800'] },
  })
  expect(mapMessage(message('hi'), inServer, { load, groups: ['801'] })).toMatchObject({
    person: { groups: ['801'] },
  })
})

test('forwarded words are quoted, and never a command', () => {
  const forwarded = message('', {
    message_reference: { type: 1 },
    message_snapshots: [{ message: { content: '/new', attachments: [] } }],
  })
  expect(map(forwarded, privately)).toMatchObject({
    text: '',
    forwarded: true,
    about: { quotes: [{ kind: 'forward', from: null, text: '/new' }] },
  })
})

test('an address behind words is typed, and stays where it was typed', () => {
  const item = map(message('read [this](https://example.org/docs)'), privately)
  expect(item).toMatchObject({ text: 'read [this](https://example.org/docs)' })
  expect(item).not.toHaveProperty('about')
})

test('a channel is known by its name', () => {
  expect(map(message('hi'), { ...inServer, name: 'general' })).toMatchObject({ chat: { name: 'general' } })
})

test.each([
  ['a sticker', { sticker_items: [{}] }, 'stickers'],
  ['a poll', { poll: {} }, 'polls'],
  ['a voice message', { flags: 1 << 13 }, 'voice'],
  [
    'a film',
    { attachments: [{ url: 'x', filename: 'a.mp4', content_type: 'video/mp4', size: 1 }] },
    'videos',
  ],
  [
    'a program',
    { attachments: [{ url: 'x', filename: 'a.exe', content_type: 'application/x-msdownload', size: 1 }] },
    'another kind',
  ],
] as const)('%s gets a short reply', (_, more, word) => {
  expect(map(message('look', more), privately)).toMatchObject({ unsupported: expect.stringContaining(word) })
})

test('files are named and not loaded', () => {
  const attachments = [
    { url: 'u1', filename: 'a.png', content_type: 'image/png', size: 10 },
    { url: 'u2', filename: 'b.md', content_type: 'text/markdown; charset=utf-8', size: 10 },
  ]
  const item = map(message('', { attachments }), privately)
  expect(item).toMatchObject({ unsupported: null })
  expect(item?.kind === 'message' && item.attachments).toHaveLength(2)
})

test('only changed words are an edit', () => {
  const edited = { edited_timestamp: '2026-01-01T00:00:00Z' }
  expect(mapEdit(message('new words', edited), privately, { load })).toMatchObject({
    kind: 'edit',
    text: 'new words',
  })
  expect(mapEdit(message('a link preview came'), privately, { load })).toBeNull()
})

const BEN = { id: '9', username: 'ben', global_name: 'Ben' }
const answering = (text: string, referenced: object) =>
  message(text, {
    type: 19,
    referenced_message: { author: BEN, content: '', attachments: [], ...referenced },
  })

test.each([
  ['what is meant?', { content: 'Nomen\nomen' }, [{ kind: 'reply', from: 'Ben', text: 'Nomen\nomen' }]],
  ['/new', { content: 'Nomen' }, [{ kind: 'reply', from: 'Ben', text: 'Nomen' }]],
  ['thanks', { content: 'an answer', author: { id: BOT.id, username: 'hermes' } }, undefined],
  ['what?', {}, undefined],
])('what a message answers comes with it as a quotation: %s', (text, referenced, quotes) => {
  const item = map(answering(text, referenced), privately)
  expect(item).toMatchObject({ text })
  expect(item?.kind === 'message' && item.about?.quotes).toEqual(quotes)
  const edited = { ...answering(text, referenced), edited_timestamp: '2026-01-01T00:00:00Z' }
  expect(mapEdit(edited, privately, { load })).toMatchObject({ text })
})

test('a picture that a message answers comes with it', () => {
  const attachments = [{ url: 'u1', filename: 'IMG', size: 10 }]
  const item = map(answering('what is it?', { attachments }), privately)
  expect(item).toMatchObject({
    text: 'what is it?',
    about: { quotes: [{ kind: 'reply', from: 'Ben', text: '' }] },
    unsupported: null,
  })
  expect(item?.kind === 'message' && item.attachments).toHaveLength(1)
})
