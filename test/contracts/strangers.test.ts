import type { Update } from 'grammy/types'
import { expect, test } from 'vitest'
import { outlineMessage as discordOutline } from '../../src/channels/discord/intake/receive.ts'
import { outlineEvent } from '../../src/channels/matrix/intake/receive.ts'
import {
  outlineChange,
  outlineCommand,
  outlineMessage as slackOutline,
} from '../../src/channels/slack/intake/receive.ts'
import { outlineUpdate } from '../../src/channels/telegram/intake/receive.ts'
import type { InboundEvent } from '../../src/conversation/receiver.ts'

const read = (): never => {
  throw new Error('what a stranger has written was read')
}

/** `fields` with others of which only is known that they are there. */
function sealed<Fields extends object>(fields: Fields, ...names: readonly string[]): Fields {
  const copy = { ...fields }
  for (const name of names) Object.defineProperty(copy, name, { enumerable: true, get: read })
  return copy
}

const telegramMessage = (chat: object) =>
  sealed(
    { message_id: 5, date: 1, chat, from: { id: 99, is_bot: false, first_name: 'Ada' } },
    'text',
    'caption',
    'entities',
    'caption_entities',
    'photo',
    'document',
    'reply_to_message',
    'quote',
    'external_reply',
    'forward_origin',
  )
const telegram = (kind: 'message' | 'edited_message', chat: object) =>
  outlineUpdate({ update_id: 1, [kind]: telegramMessage(chat) } as unknown as Update, read)[0]!

const SLACK = { bot: { userId: 'U0BOT', name: 'bot' }, load: read, takesPart: read }
const slackMessage = sealed({ ts: '7.000001', user: 'U0X' }, 'text', 'blocks', 'attachments', 'files')

const DISCORD = {
  guildId: '1',
  parentId: null,
  botRoleId: null,
  bot: { id: '9', applicationId: '9', name: 'bot' },
}
const discordMessage = sealed(
  { id: '5', channel_id: '3', type: 0, author: { id: '99', username: 'ada' }, edited_timestamp: 'now' },
  'content',
  'embeds',
  'attachments',
  'sticker_items',
  'poll',
  'referenced_message',
  'message_snapshots',
) as never

const MATRIX = {
  roomId: '!r:x',
  userId: '@bot:x',
  room: { private: true, ownName: 'bot', names: new Map([['@ada:x', 'Ada']]) },
  load: read,
  pointed: read,
  event: read,
  recall: read,
}
const matrixEvent = {
  type: 'm.room.message',
  event_id: '$5',
  sender: '@ada:x',
  content: sealed({ msgtype: 'm.text' }, 'body', 'formatted_body', 'm.mentions', 'url', 'info'),
}

const OUTLINES: ReadonlyArray<readonly [string, () => InboundEvent | null, object]> = [
  [
    'a message in a private chat of Telegram',
    () => telegram('message', { id: 99, type: 'private' }),
    { address: '99', platformMessageId: '5', person: { id: '99' }, chat: { kind: 'private' }, isEdit: false },
  ],
  [
    'an edit in a group of Telegram',
    () => telegram('edited_message', { id: -4, type: 'supergroup' }),
    { address: '-4', person: { id: '99' }, chat: { id: '-4', kind: 'group' }, isEdit: true },
  ],
  [
    'a message of Slack',
    () => slackOutline('C1', slackMessage, SLACK),
    { address: 'C1:7.000001', person: { id: 'U0X' }, chat: { id: 'C1', kind: 'group' } },
  ],
  [
    'a changed message of Slack',
    () =>
      outlineChange(
        { ts: '8.000001', channel: 'D1', message: slackMessage, previous_message: slackMessage },
        SLACK,
      ),
    { address: 'D1', person: { id: 'U0X' }, chat: { kind: 'private' }, isEdit: true },
  ],
  [
    'a command of Slack',
    () => outlineCommand(sealed({ user_id: 'U0X', channel_id: 'C1', trigger_id: 't' }, 'text')),
    { person: { id: 'U0X' }, chat: { id: 'C1', kind: 'group' } },
  ],
  [
    'a message of Discord',
    () => discordOutline(discordMessage, DISCORD, { load: read }, false),
    { address: '3', person: { id: '99' }, chat: { id: '3', kind: 'group' }, isEdit: false },
  ],
  [
    'a changed message of Discord',
    () => discordOutline(discordMessage, { ...DISCORD, guildId: null }, { load: read }, true),
    { person: { id: '99' }, chat: { kind: 'private' }, isEdit: true },
  ],
  [
    'an event of Matrix',
    () => outlineEvent(matrixEvent, MATRIX),
    { address: '!r:x', person: { id: '@ada:x', name: 'Ada' }, chat: { id: '!r:x', kind: 'private' } },
  ],
]

test.each(OUTLINES)('%s says who wrote it and where before a word of it is read', (_what, outline, facts) => {
  const item = outline()!
  expect(item).toMatchObject({ kind: 'unread', ...facts })
})

test.each([
  ['a member who joins', { new_chat_members: [] }],
  ['a pinned message', { pinned_message: {} }],
])('%s in Telegram is nothing that somebody has written', (_what, fields) => {
  const message = { message_id: 5, chat: { id: 99, type: 'private' }, from: { id: 99 }, ...fields }
  expect(outlineUpdate({ update_id: 1, message } as never, () => [])).toEqual([])
})
