import { describe, expect, test } from 'vitest'
import { cpuMsOf } from '../../../../test/support/cpu-time.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import type { SlackMessage, SlackMessageEvent } from './message.ts'
import { mapChange, mapCommand, mapDeletion, mapMessage, type MappingContext } from './receive.ts'

const BOT = { userId: 'U0BOT', name: 'hermes' }
const context: MappingContext = {
  bot: BOT,
  load: (file) => async () => ({ mediaType: file.mediaType, name: file.name, bytes: new Uint8Array() }),
  takesPart: (address) => address === 'C1:5.000000',
}

type Message = Extract<InboundEvent, { kind: 'message' }>

function map(fields: Partial<SlackMessage>, channel = 'C1'): Message | null {
  const item = mapMessage(channel, { ts: '7.000001', user: 'U0ADA', text: 'hello', ...fields }, context)
  if (item !== null && item.kind !== 'message') throw new Error('not a message')
  return item
}

describe('a place', () => {
  const PLACES = [
    ['a private chat is a conversation', 'D1', {}, 'D1'],
    ['a thread in a private chat is one of its own', 'D1', { thread_ts: '5.000000' }, 'D1:5.000000'],
    ['a message in a channel opens a thread', 'C1', {}, 'C1:7.000001'],
    ['a reply belongs to its thread', 'C1', { thread_ts: '5.000000' }, 'C1:5.000000'],
    ['the first message of a thread opened it', 'C1', { thread_ts: '7.000001' }, 'C1:7.000001'],
    [
      'a reply that is shown in the channel, too, belongs to its thread',
      'G1',
      { thread_ts: '5.000000', subtype: 'thread_broadcast' },
      'G1:5.000000',
    ],
  ] as const
  for (const [what, channel, fields, address] of PLACES) {
    test(`${what}`, () =>
      expect(map(fields, channel)).toMatchObject({ address, platformMessageId: '7.000001' }))
  }
})

describe('the bot is meant', () => {
  const MEANT = [
    ['in a private chat, always', 'D1', {}, true],
    ['in a channel not, by default', 'C1', {}, false],
    ['by its name', 'C1', { text: 'so <@U0BOT>, what?' }, true],
    ['by its name with a label', 'C1', { text: '<@U0BOT|hermes> hi' }, true],
    ['not by another name', 'C1', { text: '<@U0BOB> hi' }, false],
    ['not by a name that only begins like its own', 'C1', { text: '<@U0BOTTOM> hi' }, false],
    ['in a thread that it has a part in', 'C1', { thread_ts: '5.000000' }, true],
    ['not in other threads', 'C1', { thread_ts: '6.000000' }, false],
    ['in a thread on a message of its own', 'C1', { thread_ts: '6.000000', parent_user_id: 'U0BOT' }, true],
    [
      'not where people call each other in its thread',
      'C1',
      { thread_ts: '5.000000', text: '<@U0BOB> see?' },
      false,
    ],
    [
      'where it is called among others',
      'C1',
      { thread_ts: '5.000000', text: '<@U0BOB> <@U0BOT> see?' },
      true,
    ],
  ] as const
  for (const [what, channel, fields, addressed] of MEANT) {
    test(`${what}`, () => expect(map(fields, channel)!.chat.addressed).toBe(addressed))
  }
})

describe('the words', () => {
  const WORDS = [
    ['are as they were typed', 'a &lt;b&gt; &amp;amp; c', 'a <b> &amp; c'],
    ['lose the call at the beginning', '<@U0BOT>: what is it?', 'what is it?'],
    ['lose the call at the end', 'what is it, <@U0BOT>', 'what is it,'],
    ['keep the name in the middle', 'is <@U0BOT> here?', 'is @hermes here?'],
    ['name other people', 'ask <@U0BOB|bob> and <@U0EVE>', 'ask @bob and @U0EVE'],
    ['name channels and groups', '<#C2|general> <!here> <!subteam^S1|@ops>', '#general @here @ops'],
    [
      'show addresses as they were typed',
      '<http://example.org|example.org> <https://a.org/?x=1&amp;y=2>',
      'example.org https://a.org/?x=1&y=2',
    ],
    ['show the name of a link', '<https://a.org|here>', 'here'],
    ['show mail addresses', '<mailto:a@b.org|a@b.org>', 'a@b.org'],
    ['are a call for help where there are none', '<@U0BOT>', '/help'],
    ['may be a command in the form that Slack lets through', '!model x', '/model x'],
    ['are no command for an exclamation alone', '!important', '!important'],
    ['may be a command behind the call', '<@U0BOT> /new', '/new'],
  ] as const
  for (const [what, text, words] of WORDS) test(`${what}`, () => expect(map({ text })!.text).toBe(words))

  test('come with the addresses behind them, unless they are those', () => {
    const text = 'See <https://a.org/?x=1&amp;y=2|a &amp; b>, <http://example.org|example.org>.'
    expect(map({ text })!.about).toEqual({ links: [{ words: 'a & b', address: 'https://a.org/?x=1&y=2' }] })
    expect(map({ text: '<http://example.org|example.org>' })).not.toHaveProperty('about')
  })
})

describe('nothing is made of', () => {
  const NOTHING = [
    ['the bot itself', { user: 'U0BOT' }],
    ['other bots', { bot_id: 'B1' }],
    ['Slackbot', { user: 'USLACKBOT' }],
    ["Slack's own notes", { subtype: 'channel_join' }],
    ['messages of integrations', { subtype: 'bot_message' }],
    ['nobody', { user: undefined }],
  ] as const
  for (const [what, fields] of NOTHING) {
    test(`${what}`, () => expect(map(fields as Partial<SlackMessage>, 'D1')).toBeNull())
  }
})

describe('files', () => {
  const picture = {
    name: 'cat.png',
    mimetype: 'image/png',
    mode: 'hosted',
    url_private_download: 'https://files.slack.com/cat.png',
  }

  test('that the model reads come along, and are not fetched yet', () => {
    const item = map(
      { files: [picture, { ...picture, name: 'b.png' }], subtype: 'file_share', text: '' },
      'D1',
    )!
    expect(item.attachments).toHaveLength(2)
    expect(item.unsupported).toBeNull()
  })

  const OTHERS = [
    ['sound', { ...picture, mimetype: 'audio/mp4' }, /listen/],
    ['films', { ...picture, mimetype: 'video/mp4' }, /videos/],
    ['archives', { ...picture, name: 'a.zip', mimetype: 'application/zip' }, /of another kind/],
    ['files kept elsewhere', { ...picture, mode: 'external' }, /outside of Slack/],
    ['files that Slack does not show', { name: 'x.png', mimetype: 'image/png' }, /does not show/],
  ] as const
  for (const [what, file, sentence] of OTHERS) {
    test(`${what} get a short reply`, () => {
      expect(map({ files: [file], subtype: 'file_share' }, 'D1')!.unsupported).toMatch(sentence)
    })
  }

  test('that were deleted are left out', () => {
    expect(map({ files: [{ mode: 'tombstone' }] }, 'D1')).toMatchObject({
      attachments: [],
      unsupported: null,
    })
  })
})

describe('a change', () => {
  const message = { ts: '7.000001', user: 'U0ADA', text: 'after' }
  const event: SlackMessageEvent = {
    ts: '9.000000',
    channel: 'D1',
    subtype: 'message_changed',
    message,
    previous_message: { ...message, text: 'before' },
  }

  test('of the words is an edit', () => {
    expect(mapChange(event, context)).toMatchObject({
      kind: 'edit',
      address: 'D1',
      platformMessageId: '7.000001',
      text: 'after',
    })
  })

  test('that only adds a preview is none', () => {
    expect(mapChange({ ...event, previous_message: message }, context)).toBeNull()
  })

  test("of the bot's own message is none", () => {
    expect(mapChange({ ...event, message: { ...message, user: 'U0BOT' } }, context)).toBeNull()
  })

  test('into a tombstone is a deletion', () => {
    const emptied = {
      ...event,
      channel: 'C1',
      message: { ts: '7.000001', user: 'USLACKBOT', subtype: 'tombstone' },
    }
    expect(mapChange(emptied, context)).toEqual({
      kind: 'deletion',
      address: 'C1:7.000001',
      platformMessageId: '7.000001',
      place: 'C1',
    })
  })

  test('that takes the message away is a deletion', () => {
    const gone: SlackMessageEvent = {
      ts: '9.000000',
      channel: 'D1',
      subtype: 'message_deleted',
      deleted_ts: '7.000001',
      previous_message: message,
    }
    expect(mapDeletion(gone, BOT)).toEqual({ kind: 'deletion', address: 'D1', platformMessageId: '7.000001' })
    expect(mapDeletion({ ...gone, previous_message: { ...message, bot_id: 'B1' } }, BOT)).toBeNull()
  })
})

describe('/hermes', () => {
  const COMMANDS = [
    ['new', '/new'],
    ['/new', '/new'],
    ['model claude-x', '/model claude-x'],
    ['', '/help'],
    ['what is new?', 'what is new?'],
  ] as const
  for (const [text, words] of COMMANDS) {
    test(`"${text}" is "${words}"`, () => {
      const command = { text, user_id: 'U0ADA', channel_id: 'C1', trigger_id: '1.2' }
      expect(mapCommand(command)).toMatchObject({
        address: 'C1',
        text: words,
        chat: { kind: 'group', addressed: true },
      })
    })
  }
})

test.each([
  ['white space between words', `x${' '.repeat(40_000)}y`],
  ['white space before a name', `x${' '.repeat(40_000)}<@U0BOB>`],
  ['opened brackets', '<'.repeat(40_000)],
  ['begun mentions', '<@U0BOT'.repeat(5_000)],
  ['begun names', `<@U${'A'.repeat(40_000)}`],
  ['bars', `<${'|'.repeat(40_000)}>`],
])('the longest message that Slack lets a stranger write costs next to nothing: %s', (_what, text) => {
  expect(cpuMsOf(() => map({ text }))).toBeLessThan(50)
})

describe('a message that was passed on', () => {
  const shared = { is_share: true, author_name: 'Bob', text: 'Nomen &amp; <https://a.org|omen>' }
  const quoted = (text: string, from: string | null = null) => ({ quotes: [{ kind: 'forward', from, text }] })
  const nomen = quoted('Nomen & [omen](https://a.org)', 'Bob')
  const picture = { name: 'cat.png', mimetype: 'image/png', url_private: 'https://files.slack.com/cat.png' }

  test('alone is read with its files', () => {
    const item = map({ text: '', attachments: [{ ...shared, files: [picture] }] }, 'D1')!
    expect(item).toMatchObject({ text: '', about: nomen })
    expect(item.attachments).toHaveLength(1)
  })

  test('stands apart from the words about it', () => {
    expect(map({ text: 'What does it mean?', attachments: [shared] }, 'D1')).toMatchObject({
      text: 'What does it mean?',
      about: nomen,
    })
  })

  test('may have its words in blocks', () => {
    const blocks = [{ type: 'section', text: { type: 'mrkdwn', text: 'in blocks' } }]
    const attachment = { is_share: true, message_blocks: [{ message: { blocks } }] }
    expect(map({ text: '', attachments: [attachment] }, 'D1')!.about).toEqual(quoted('in blocks'))
  })

  test.each([
    [{ blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'in blocks' } }] }, 'in blocks'],
    [{ title: 'Build 7', text: 'failed' }, 'Build 7\nfailed'],
    [{ title: 'Build 7' }, 'Build 7'],
  ])('of a program is read as well: %j', (parts, words) => {
    const attachment = { is_share: true, fallback: '[no preview available]', ...parts }
    expect(map({ text: '', attachments: [attachment] }, 'D1')!.about).toEqual(quoted(words))
  })

  test.each([
    { author_name: 7, text: ['x'], fallback: {} },
    { files: 'x', message_blocks: {}, blocks: 7 },
    { message_blocks: [null, { message: null }], title: null },
    { fallback: '[no preview available]' },
  ])('of which nothing can be read costs nobody the words about it: %j', (odd) => {
    const attachments = [{ is_share: true, ...odd }] as never
    expect(map({ text: 'What is it?', attachments }, 'D1')!.text).toBe('What is it?')
    expect(map({ text: '', attachments }, 'D1')).toBeNull()
  })

  test('is no preview of a link', () => {
    expect(map({ text: 'see', attachments: [{ text: 'a page' }] }, 'D1')!.text).toBe('see')
  })

  test('may be known by standing there alone', () => {
    const attachments = [{ fallback: 'Bob: Nomen' }, {}]
    expect(map({ text: '', attachments }, 'D1')!.about).toEqual(quoted('Bob: Nomen'))
    expect(map({ text: '', attachments: [{}] }, 'D1')).toBeNull()
    for (const odd of ['x', {}, [null, 1]])
      expect(map({ text: '', attachments: odd as never }, 'D1')).toBeNull()
  })
})

describe('blocks without words next to them', () => {
  const rich = (...elements: object[]) => ({
    text: '',
    blocks: [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }],
  })

  test('are the words, and call the bot', () => {
    const call = { type: 'user', user_id: 'U0BOT' }
    const item = map(
      rich(
        call,
        { type: 'text', text: ' what is <this> & ' },
        { type: 'link', url: 'https://a.org', text: 'that' },
      ),
    )!
    expect(item).toMatchObject({
      text: 'what is <this> & that',
      about: { links: [{ words: 'that', address: 'https://a.org' }] },
      chat: { addressed: true },
    })
  })

  test('of every kind are read', () => {
    const text = (words: string) => ({ type: 'text', text: words })
    const blocks = [
      { type: 'header', text: { type: 'plain_text', text: 'Head' } },
      {
        type: 'section',
        text: { type: 'mrkdwn', text: 'a &lt; b' },
        fields: [{ type: 'mrkdwn', text: 'field' }],
      },
      {
        type: 'context',
        elements: [
          { type: 'mrkdwn', text: 'one' },
          { type: 'plain_text', text: 'two' },
        ],
      },
      {
        type: 'rich_text',
        elements: [
          { type: 'rich_text_list', elements: [{ type: 'rich_text_section', elements: [text('point')] }] },
          { type: 'rich_text_preformatted', elements: [text('code')] },
          { type: 'rich_text_quote', elements: [text('quote '), { type: 'emoji', name: 'wave' }] },
        ],
      },
      { type: 'markdown', text: '**bold**' },
      {
        type: 'table',
        rows: [
          [
            { type: 'raw_text', text: 'a' },
            { type: 'raw_text', text: 'b' },
          ],
        ],
      },
      { type: 'divider' },
    ]
    expect(map({ text: '', blocks }, 'D1')!.text).toBe(
      'Head\na < b\nfield\none two\n- point\ncode\nquote :wave:\n**bold**\na | b',
    )
  })

  test.each([[null], ['x'], [{}], [[null, 1, 'x', { type: 'rich_text', elements: 'x' }]]])(
    'of an unknown shape are none: %j',
    (blocks) => {
      expect(map({ text: '', blocks }, 'D1')).toBeNull()
    },
  )
})
