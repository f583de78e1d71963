import type { BotCheck } from '../../channels/discord/api/bot-check.ts'
import type { Settings } from '../../config/settings.ts'
import { systemClock } from '../../support/clock.ts'
import { NETWORK_LIMIT_MS } from './check-addresses.ts'
import { editCommand, error, ok, warning, quoteForShell, type Finding } from './finding.ts'

export async function checkDiscord(settings: Settings): Promise<readonly Finding[]> {
  const { discord } = settings.channels
  if (!discord.enabled || discord.botToken === null) return []
  // Load the platform's library only if it is needed.
  const [{ checkBot }, { DEFAULT_API_ROOT }] = await Promise.all([
    import('../../channels/discord/api/bot-check.ts'),
    import('../../channels/discord/api/client.ts'),
  ])
  const apiRoot = discord.apiRoot ?? DEFAULT_API_ROOT
  const options = { token: discord.botToken, apiRoot, clock: systemClock }
  const check = await checkBot(options, AbortSignal.timeout(NETWORK_LIMIT_MS))
  return [botFinding(check, apiRoot, settings.paths.env), ...accessFindings(settings)]
}

/** Turns Discord's reply into a finding. */
export function botFinding(check: BotCheck, apiRoot: string, envFile: string): Finding {
  switch (check.kind) {
    case 'fine':
      return check.contentIntent
        ? ok('discord', `Discord accepts the token of bot ${check.username}`)
        : error(
            'discord.intent',
            `Discord does not let bot ${check.username} read messages: enable the Message Content Intent on the application's Bot page (https://discord.com/developers/applications).`,
            null,
          )
    case 'bad-token':
      return error(
        'discord.token',
        `Discord rejects DISCORD_BOT_TOKEN (${check.words}). Create a new token with Reset Token on the application's Bot page.`,
        editCommand(envFile),
      )
    case 'unreachable':
      return error(
        'discord.reach',
        `Cannot reach Discord: ${check.words}.`,
        `curl -sSI ${quoteForShell(`${apiRoot}/v10/gateway`)}`,
      )
  }
}

/** Warns about a bot that answers nobody, or everybody. */
function accessFindings({ channels, config, paths }: Settings): readonly Finding[] {
  const { allowedUsers, allowedRoles, groupAllowedChats, allowAllUsers } = channels.discord
  if (allowAllUsers) {
    const message = 'Anybody who shares a server with the bot may use it, at your expense.'
    return [warning('discord.access', message, editCommand(paths.env))]
  }
  const operators = config.gateway.operators.some(({ channel }) => channel === 'discord')
  if (operators || [allowedUsers, allowedRoles, groupAllowedChats].some((list) => list.length > 0)) return []
  const message = 'The Discord allowlist is empty: every new person needs to be paired.'
  return [warning('discord.access', message, editCommand(paths.env))]
}
