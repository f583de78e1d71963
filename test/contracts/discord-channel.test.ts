import { hurried } from '../support/hurried-clock.ts'
import { BOT } from '../support/platforms/discord/discord-chats.ts'
import { DiscordFixture } from '../support/platforms/discord/discord-fixture.ts'
import { DiscordServer, tooManyRequests } from '../support/platforms/discord/discord-server.ts'
import type { RecordingReceiver } from '../support/platforms/recording-receiver.ts'
import { until } from '../support/until.ts'
import { CAPABILITIES } from './capabilities.ts'
import { BENS_WORDS, OWN_WORDS } from './channel-about.ts'
import { channelContract, type ChannelFixture } from './channel.ts'

/** Back-offs are no part of the contract. */
const LONGEST_WAIT_MS = 200

const REACTIONS = /reactions\/[^/]+\/@me$/
const WRITES = /^(?:POST|PATCH) \/channels\/\d+\/messages/

channelContract('discord', {
  capabilities: CAPABILITIES.discord,
  facts: ['reply', 'forward', 'group'],
  fed: true,
  async open(): Promise<ChannelFixture> {
    const fixture = await DiscordFixture.open()
    const { server, chat } = fixture
    const place = `dm/${chat}`
    const general = server.chats.addChannel(server.chats.addGuild())
    let store: RecordingReceiver | null = null
    let newest = server.chats.nextId()
    const begin = newest
    return {
      platform: {
        address: chat,
        async say(text) {
          return (newest = server.say(chat, text))
        },
        async redeliver(id) {
          const message = server.chats.channels.get(chat)!.messages.find((known) => known.id === id)!
          server.gateway.dispatch('MESSAGE_CREATE', server.chats.asEvent(message))
        },
        acknowledged: () => BigInt(store?.cursors.get(place) ?? 0) >= BigInt(newest),
        sent: () => server.chats.sentTo(chat).map(({ id, content }) => ({ id, text: content })),
        attempts: () => server.callsOf(WRITES).length,
        limitRate: (seconds) => server.fail(WRITES, tooManyRequests(seconds)),
        block: () => void server.chats.blocked.add(chat),
        reactions: {
          of: (id) => [...server.chats.reactionsTo(id)],
          attempts: () => server.callsOf(REACTIONS).length,
          limitRate: (seconds) => server.fail(REACTIONS, tooManyRequests(seconds)),
          close: () => void server.chats.withoutReactions.add(chat),
        },
        quoted(id) {
          const message = server.chats.sentTo(chat).find((known) => known.id === id)!
          return (message['message_reference'] as { message_id: string } | undefined)?.message_id ?? null
        },
        down: () => server.down(),
        up: () => server.restore(),
      },
      odd: {
        frame() {
          const told = { id: server.chats.nextId(), channel_id: chat, content: 'odd <@1>', type: 0 }
          const author = { id: '501', username: 'ada', bot: false }
          const attachments = [{ id: '1', filename: 'a.txt', size: 1, url: 'x', content_type: 'text/plain' }]
          const d = {
            ...told,
            author,
            attachments,
            mentions: [{ id: '1' }],
            timestamp: '2026-01-01T00:00:00Z',
          }
          return { op: 0, s: 1, t: 'MESSAGE_CREATE', d }
        },
        async deliver(frames) {
          const hello = [
            { op: 10, d: null },
            { op: 10, d: { heartbeat_interval: 0 } },
          ]
          const ready = [
            { op: 0, s: 1, t: 'READY', d: null },
            { op: 0, s: 1, t: 'READY', d: { session_id: 7 } },
          ]
          for (const frame of [...hello, ...ready, ...frames]) {
            await until(() => server.gateway.connected > 0, 'a connection')
            server.gateway.raw(frame)
          }
        },
        answer(body) {
          server.fail(/gateway\/bot/, { kind: 'body', body })
          server.gateway.forgetSessions()
          server.gateway.drop()
        },
      },
      says: {
        reply() {
          const author = { id: '9', username: 'ben', global_name: 'Ben' }
          const bens = { author, content: BENS_WORDS, attachments: [] }
          server.say(chat, OWN_WORDS, { message: { type: 19, referenced_message: bens } })
        },
        forward() {
          const snapshot = { message: { content: BENS_WORDS, attachments: [] } }
          server.say(chat, '', { message: { message_reference: { type: 1 }, message_snapshots: [snapshot] } })
        },
        group: () => server.say(general, `<@${BOT.id}> hello`),
      },
      create(receiver) {
        store = receiver
        // The person has written before: of an unknown private chat Discord tells nothing afterwards.
        if (!receiver.cursors.has(place)) receiver.cursors.set(place, begin)
        return fixture.create(receiver, { clock: hurried(LONGEST_WAIT_MS) })
      },
      logged: () => fixture.lines.join(''),
      secrets: [DiscordServer.token],
      [Symbol.asyncDispose]: () => fixture[Symbol.asyncDispose](),
    }
  },
})
