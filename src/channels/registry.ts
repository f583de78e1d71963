import type { ChannelSettings } from '../config/channels.ts'
import type { Cursor } from '../inbox/arrival.ts'
import type { ChannelInputs } from '../inbox/parked-inputs.ts'
import type { Clock } from '../support/clock.ts'
import type { Log } from '../support/log.ts'
import type { Channel } from './channel.ts'

export interface ChannelParts {
  readonly clock: Clock
  readonly log: Log
  readonly readCursor: (channel: string, name: string) => Promise<string | null>
  readonly readCursors: (channel: string) => Promise<ReadonlyArray<Omit<Cursor, 'channel'>>>
  /** Durable when it resolves. @throws StoreError */
  readonly writeCursor: (cursor: Cursor) => Promise<void>
  /** What was parked, of all channels. */
  readonly inputs: ChannelInputs
}

/** The platforms that the settings open. A platform's code is loaded only when it is used. */
export async function openPlatforms(
  settings: ChannelSettings,
  parts: ChannelParts,
): Promise<readonly Channel[]> {
  const channels: Channel[] = []
  const { telegram, openai } = settings
  if (openai.enabled) {
    const { OpenAiChannel } = await import('./openai/openai-channel.ts')
    channels.push(new OpenAiChannel(parts.clock))
  }
  if (telegram.enabled && telegram.botToken) {
    const { createTelegramChannel } = await import('./telegram/channel.ts')
    channels.push(
      createTelegramChannel({
        token: telegram.botToken,
        apiRoot: telegram.apiRoot,
        clock: parts.clock,
        log: parts.log,
        inputs: parts.inputs,
        readCursor: (name) => parts.readCursor('telegram', name),
        writeCursor: (name, value) => parts.writeCursor({ channel: 'telegram', name, value }),
      }),
    )
  }
  const { discord } = settings
  if (discord.enabled && discord.botToken) {
    const { createDiscordChannel } = await import('./discord/channel.ts')
    channels.push(
      createDiscordChannel({
        token: discord.botToken,
        apiRoot: discord.apiRoot,
        requireMention: discord.requireMention,
        allowedRoles: discord.allowedRoles,
        overhears: discord.groupContext > 0,
        clock: parts.clock,
        log: parts.log,
        inputs: parts.inputs,
        readCursors: () => parts.readCursors('discord'),
      }),
    )
  }
  const { email } = settings
  if (email.enabled && email.address && email.username && email.password && email.imap && email.smtp) {
    const { createEmailChannel } = await import('./email/channel.ts')
    const allowed = new Set(email.allowedUsers)
    channels.push(
      createEmailChannel({
        ...email,
        address: email.address,
        username: email.username,
        password: email.password,
        imap: email.imap,
        smtp: email.smtp,
        mayWrite: (from) => email.allowAllUsers || allowed.has(from),
        isListed: (from) => allowed.has(from),
        clock: parts.clock,
        log: parts.log,
        inputs: parts.inputs,
        readCursor: (name) => parts.readCursor('email', name),
        writeCursor: (name, value) => parts.writeCursor({ channel: 'email', name, value }),
      }),
    )
  }
  const { slack } = settings
  if (slack.enabled && slack.botToken && slack.appToken) {
    const { createSlackChannel } = await import('./slack/channel.ts')
    channels.push(
      createSlackChannel({
        botToken: slack.botToken,
        appToken: slack.appToken,
        apiRoot: slack.apiRoot,
        clock: parts.clock,
        log: parts.log,
        inputs: parts.inputs,
        readCursors: () => parts.readCursors('slack'),
        writeCursor: (name, value) => parts.writeCursor({ channel: 'slack', name, value }),
      }),
    )
  }
  const { matrix } = settings
  if (matrix.enabled && matrix.accessToken && matrix.apiRoot !== null) {
    const { createMatrixChannel } = await import('./matrix/channel.ts')
    channels.push(
      createMatrixChannel({
        token: matrix.accessToken,
        apiRoot: matrix.apiRoot,
        welcome: matrix.allowAllUsers ? null : new Set([...matrix.allowedUsers, ...matrix.operators]),
        openRooms: new Set(matrix.groupAllowedChats),
        clock: parts.clock,
        log: parts.log,
        inputs: parts.inputs,
        readCursors: () => parts.readCursors('matrix'),
        writeCursor: (name, value) => parts.writeCursor({ channel: 'matrix', name, value }),
      }),
    )
  }
  return channels
}
