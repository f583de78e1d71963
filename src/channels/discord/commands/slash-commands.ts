import type { APIApplicationCommand, APIInteraction } from 'discord-api-types/v10'
import { COMMAND_LIST } from '../../../conversation/commands.ts'
import type { InboundEvent } from '../../../conversation/receiver.ts'
import { isSnowflake } from '../api/snowflake.ts'
import { describePerson } from '../intake/receive.ts'

/** @see https://discord.com/developers/docs/interactions/application-commands */
const CHAT_INPUT = 1
const TEXT_OPTION = 3
const IN_SERVER = 0
const IN_BOT_CHAT = 1
const BY_SERVER = 0
/** Interactions of other kinds (buttons, forms) are never offered. */
const COMMAND_USED = 2

/** The commands as they are registered for all servers and private chats. */
export const REGISTERED = COMMAND_LIST.map(({ name, description, argument }) => ({
  name,
  description,
  type: CHAT_INPUT,
  contexts: [IN_SERVER, IN_BOT_CHAT],
  integration_types: [BY_SERVER],
  options: argument ? [{ ...argument, type: TEXT_OPTION, required: false }] : [],
}))

/** Do the commands that Discord holds say the same as ours? Registering again is limited by the day. */
export function areRegistered(held: readonly APIApplicationCommand[]): boolean {
  const essence = (commands: ReadonlyArray<Partial<APIApplicationCommand>>) =>
    commands
      .map(({ name, description, options }) =>
        JSON.stringify([
          name,
          description,
          (options ?? []).map((option) => [option.name, option.description, option.type]),
        ]),
      )
      .toSorted()
      .join('\n')
  return essence(held) === essence(REGISTERED as never)
}

/** A command that somebody chose from the list. */
export interface UsedCommand {
  readonly id: string
  /** Good for answers for a quarter of an hour. */
  readonly token: string
  readonly guildId: string | null
  readonly channelId: string
  /** With its stroke. What follows it may be a secret, and is not said again. */
  readonly name: string
  readonly item: InboundEvent
}

/**
 * The message that a used command means: its words as one would type them. Null: another kind of interaction.
 *
 * @throws TypeError for what is no interaction
 */
export function usedCommand(interaction: APIInteraction): UsedCommand | null {
  if (Number(interaction.type) !== COMMAND_USED || !interaction.channel) return null
  const { data } = interaction as Extract<APIInteraction, { type: 2 }>
  const user = interaction.member?.user ?? interaction.user
  if (!user || Number(data.type) !== CHAT_INPUT) return null
  const options = 'options' in data ? (data.options ?? []) : []
  const rest = options.flatMap((option) => ('value' in option ? [String(option.value)] : [])).join(' ')
  const ids = [interaction.id, interaction.channel.id, user.id]
  if (!ids.every(isSnowflake) || typeof interaction.token !== 'string' || typeof data.name !== 'string')
    throw new TypeError('a used command has no id')
  const text = `/${data.name}${rest === '' ? '' : ` ${rest}`}`
  const guildId = interaction.guild_id ?? null
  const { id: channelId } = interaction.channel
  const parentId = 'thread_metadata' in interaction.channel ? interaction.channel.parent_id : null
  const { member } = interaction
  return {
    id: interaction.id,
    token: interaction.token,
    guildId,
    channelId,
    name: `/${data.name}`,
    item: {
      kind: 'message',
      address: channelId,
      platformMessageId: interaction.id,
      person: describePerson(user, member, undefined),
      // Anybody who uses the bot's own command means the bot.
      chat: {
        id: parentId && isSnowflake(parentId) ? parentId : channelId,
        kind: guildId === null ? 'private' : 'group',
        addressed: true,
      },
      text,
      attachments: [],
      unsupported: null,
    },
  }
}
