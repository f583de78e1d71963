import { randomBytes } from 'node:crypto'
import type { DiscordServer } from '../../../test/support/platforms/discord/discord-server.ts'
import { mailFrom } from '../../../test/support/platforms/email/email-fixture.ts'
import { BOT, type MailHost } from '../../../test/support/platforms/email/mail-host.ts'
import type { MatrixServer } from '../../../test/support/platforms/matrix/matrix-server.ts'
import type { SlackServer } from '../../../test/support/platforms/slack/slack-server.ts'
import type { TelegramServer } from '../../../test/support/platforms/telegram/telegram-server.ts'
import type { OddValues } from './odd-values.ts'

/** Sends one odd message, frame or mail; each call another one. Never in a chat of an honest person. */
export type OddSender = () => void | Promise<void>

/** After a frame that is none a client begins a new connection; honest messages wait for it. */
const NONSENSE_SHARE = 0.005
/** Bytes of the files that odd messages carry. */
const FILE_BYTES = [0, 1, 300, 20_000, 2_000_000]
const CHATS = [9_001, 9_002, 9_003]

export function oddTelegram(server: TelegramServer, odd: OddValues): OddSender {
  for (const chat of CHATS) server.chats.openChat(chat)
  let message = 1_000_000
  return () => {
    const chat = odd.chance(0.2) ? -1_001_000_009 : odd.pick(CHATS)
    const file = { file_id: server.addFile(fileBytes(odd)), file_size: 100, file_unique_id: 'u' }
    const more = odd.pick<object>([
      {},
      {
        photo: [{ ...file, width: 10, height: 10 }],
        caption: odd.text(),
        media_group_id: odd.pick(['1', '2']),
      },
      { document: { ...file, file_name: odd.text(), mime_type: odd.pick(['text/plain', 'image/png', 'x']) } },
      { sticker: { ...file, emoji: '😀' } },
      { reply_to_message: server.message(chat, 1, odd.text()), quote: { text: odd.text(), position: 0 } },
      { entities: [{ type: 'text_link', offset: odd.below(9), length: odd.below(99), url: odd.text() }] },
      { forward_origin: { type: 'user', sender_user: { id: 1, first_name: odd.text() } } },
      { message_thread_id: 7, is_topic_message: true, location: { latitude: 1, longitude: 1 } },
    ])
    const said = server.message(chat, message++, odd.text(), { message: { ...more } })
    const kind = odd.pick([
      'message',
      'message',
      'message',
      'edited_message',
      'callback_query',
      'my_chat_member',
    ])
    server.pushRaw([odd.chance(0.3) ? { [kind]: said } : odd.version({ [kind]: said })])
  }
}

/** @param address where files are downloaded from */
export function oddDiscord(server: DiscordServer, odd: OddValues, address: string): OddSender {
  const chats = ['610000000000000001', '610000000000000002'].map((person) => server.chats.openPrivate(person))
  return () => {
    const name = `odd${odd.below(5)}.bin`
    server.files.set(name, fileBytes(odd))
    const file = {
      id: '1',
      filename: odd.text(),
      size: 100,
      content_type: odd.pick(['text/plain', 'image/png']),
    }
    const message = {
      id: server.chats.nextId(),
      channel_id: odd.pick(chats),
      content: odd.text(),
      type: odd.pick([0, 0, 19, 7]),
      author: { id: '610000000000000001', username: odd.text(), bot: false },
      attachments: odd.chance(0.4) ? [{ ...file, url: `${address}/attachments/${name}` }] : [],
      mentions: [{ id: '1' }],
      timestamp: '2026-01-01T00:00:00Z',
      message_reference: { message_id: '1', channel_id: '1' },
    }
    const kinds = ['MESSAGE_CREATE', 'MESSAGE_CREATE', 'MESSAGE_UPDATE', 'MESSAGE_DELETE', 'THREAD_CREATE']
    const t = odd.pick([...kinds, 'GUILD_CREATE', 'CHANNEL_CREATE', 'PRESENCE_UPDATE'])
    // An event bears its number, whatever is in it: a frame without one is none, and ends the connection.
    if (odd.chance(NONSENSE_SHARE)) return server.gateway.raw(odd.version({ op: 0, t, d: message }))
    server.gateway.dispatch(t, odd.chance(0.3) ? message : odd.version(message))
  }
}

/** @param address where files are downloaded from */
export function oddSlack(server: SlackServer, odd: OddValues, address: string): OddSender {
  const chat = 'D0ODD'
  server.workspace.open(chat, 'im', { user: 'U0ODD' })
  return () => {
    const name = odd.text().toWellFormed()
    const own = server.addFile(fileBytes(odd), name, odd.pick(['text/plain', 'image/png', 'x']))
    const { url_private: url } = own as { url_private: string }
    const file = { ...own, url_private: address + new URL(url).pathname, url_private_download: undefined }
    const event = {
      type: odd.pick(['message', 'message', 'app_mention', 'member_joined_channel']),
      subtype: odd.pick([undefined, undefined, 'message_changed', 'message_deleted', 'file_share', 'x']),
      channel: chat,
      channel_type: 'im',
      user: 'U0ODD',
      text: odd.text(),
      ts: `${1_760_000_000 + odd.below(100_000)}.000100`,
      files: odd.chance(0.4) ? [file] : [],
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: odd.text() } }],
      attachments: [{ text: odd.text(), from_url: 'x', files: [file] }],
    }
    const payload = { type: 'event_callback', event_id: `Ev${odd.below(1e9)}`, team_id: 'T', event }
    const frame = { envelope_id: `odd${odd.below(1e9)}`, type: 'events_api', payload }
    const type = odd.pick(['slash_commands', 'interactive', 'events_api', 'x'])
    server.sockets.raw(odd.chance(0.3) ? { ...frame, type } : odd.version(frame, NONSENSE_SHARE))
  }
}

export function oddMatrix(server: MatrixServer, odd: OddValues): OddSender {
  const room = '!odd:test'
  const person = '@odd:test'
  server.rooms.openRoom(room, [person])
  server.oddRoom = room
  let count = 0
  return () => {
    const msgtype = odd.pick(['m.text', 'm.notice', 'm.image', 'm.file', 'm.audio', 'm.location', 'x'])
    const event = {
      type: odd.pick([
        'm.room.message',
        'm.room.message',
        'm.room.encrypted',
        'm.reaction',
        'm.room.redaction',
      ]),
      event_id: `$odd${++count}`,
      sender: person,
      origin_server_ts: Date.now(),
      unsigned: { age: 1 },
      content: {
        msgtype,
        body: odd.text(),
        url: server.addMedia(fileBytes(odd)),
        format: 'org.matrix.custom.html',
        formatted_body: odd.text(),
        info: { size: 1, mimetype: odd.pick(['image/png', 'text/plain', 'x']) },
        'm.mentions': { user_ids: [person] },
        'm.relates_to': { rel_type: odd.pick(['m.thread', 'm.replace', 'x']), event_id: '$other' },
      },
    }
    server.oddEvents.push(odd.chance(0.3) ? event : odd.version(event))
    server.rooms.say(room, person, odd.text())
  }
}

export function oddMail(host: MailHost, odd: OddValues): OddSender {
  return () => {
    const line = () => odd.text().replaceAll(/[\r\n]/g, ' ')
    const from = 'odd@example.org'
    if (odd.chance(0.4)) {
      const attachments = odd.chance(0.5) ? [{ filename: line() || 'x', content: fileBytes(odd) }] : []
      const html = odd.chance(0.4) ? { html: `<div>${odd.text()}` } : {}
      return host.deliver(
        BOT,
        mailFrom(BOT, { from, text: odd.text(), subject: line(), attachments, ...html }),
      )
    }
    const head = [
      `From: ${odd.pick([from, '', line(), `"${line()}" <${from}>`])}`,
      `To: ${odd.pick([BOT, line()])}`,
      `Message-ID: ${odd.pick(['', '<>', line(), `<${odd.below(1e9)}@example.org>`])}`,
      `Subject: ${odd.pick([line(), '=?utf-8?B?', '=?x?Q?=ff=?='])}`,
      `Date: ${odd.pick(['', line(), 'Mon, 1 Dec 1000 99:99:99 +9999'])}`,
      `References: ${line()}`,
      `Authentication-Results: ${odd.pick([line(), 'mx.mail.test; dmarc=pass header.from=example.org'])}`,
      `Content-Type: ${odd.pick(['text/plain; charset=x', 'text/html', 'multipart/mixed; boundary=a', line()])}`,
      `Content-Transfer-Encoding: ${odd.pick(['base64', 'quoted-printable', '8bit', line()])}`,
    ].filter(() => odd.chance(0.85))
    const part = '--a\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n'
    const body = odd.pick([odd.text(), part.repeat(odd.below(200)), `--a\r\n\r\n${odd.text()}\r\n--a--`])
    return host.deliver(BOT, { raw: `${head.join('\r\n')}\r\n\r\n${body}\r\n` })
  }
}

function fileBytes(odd: OddValues): Buffer {
  const size = odd.pick(FILE_BYTES)
  const bytes = odd.chance(0.5) ? randomBytes(size) : Buffer.alloc(size, odd.text())
  // What it begins with is what it is taken for.
  return Buffer.concat([
    Buffer.from(odd.pick(['', '\x89PNG\r\n\x1a\n', '%PDF-1.7\n', 'GIF89a', '\xff\xd8\xff']), 'latin1'),
    bytes,
  ])
}
