import type { BotCheck } from '../../channels/discord/api/bot-check.ts'
import type { Settings } from '../../config/settings.ts'
import { systemClock } from '../../support/clock.ts'
import { NETWORK_LIMIT_MS } from './check-network.ts'
import { editCommand, error, ok, warning, word, type Finding } from './finding.ts'

export async function checkDiscord(settings: Settings): Promise<readonly Finding[]> {
  const { discord } = settings.channels
  if (!discord.enabled || discord.botToken === null) return []
  // The platform's library is loaded only where it is used.
  const [{ checkBot }, { DEFAULT_API_ROOT }] = await Promise.all([
    import('../../channels/discord/api/bot-check.ts'),
    import('../../channels/discord/api/client.ts'),
  ])
  const apiRoot = discord.apiRoot ?? DEFAULT_API_ROOT
  const options = { token: discord.botToken, apiRoot, clock: systemClock }
  const check = await checkBot(options, AbortSignal.timeout(NETWORK_LIMIT_MS))
  return [judgeBot(check, apiRoot, settings.paths.env), ...judgeAccess(settings)]
}

/** What Discord said of the bot, and what mends it. */
export function judgeBot(check: BotCheck, apiRoot: string, envFile: string): Finding {
  switch (check.kind) {
    case 'fine':
      return check.contentIntent
        ? ok('discord', `Discord knows the bot as ${check.username}`)
        : error(
            'discord.intent',
            `Discord knows the bot as ${check.username}, but does not let it read messages: enable the Message Content Intent on the application's Bot page (https://discord.com/developers/applications).`,
            null,
          )
    case 'bad-token':
      return error(
        'discord.token',
        `Discord does not take DISCORD_BOT_TOKEN (${check.words}). The application's Bot page makes a new one (Reset Token).`,
        editCommand(envFile),
      )
    case 'unreachable':
      return error(
        'discord.reach',
        `Discord cannot be asked: ${check.words}.`,
        `curl -sSI ${word(`${apiRoot}/v10/gateway`)}`,
      )
  }
}

/** A bot that answers nobody works, but hardly as it was meant. */
function judgeAccess({ channels, config, paths }: Settings): readonly Finding[] {
  const { allowedUsers, allowedRoles, groupAllowedChats, allowAllUsers } = channels.discord
  if (allowAllUsers) {
    const message = 'Everybody who shares a server with the bot may talk to it, at your expense.'
    return [warning('discord.access', message, editCommand(paths.env))]
  }
  const operators = config.gateway.operators.some(({ channel }) => channel === 'discord')
  if (operators || [allowedUsers, allowedRoles, groupAllowedChats].some((list) => list.length > 0)) return []
  const message = 'Nobody is on the list of those who may talk on Discord: each new person needs a pairing.'
  return [warning('discord.access', message, editCommand(paths.env))]
}
