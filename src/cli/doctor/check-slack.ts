import type { AppCheck } from '../../channels/slack/api/app-check.ts'
import { BOT_SCOPES, LEAST_SCOPES } from '../../channels/slack/api/trouble.ts'
import type { Settings } from '../../config/settings.ts'
import { createLog } from '../../support/log.ts'
import { NETWORK_LIMIT_MS } from './check-network.ts'
import { editCommand, error, ok, warning, word, type Finding } from './finding.ts'

export async function checkSlack(settings: Settings): Promise<readonly Finding[]> {
  const { slack } = settings.channels
  const { enabled, botToken, appToken, apiRoot } = slack
  if (!enabled || botToken === null || appToken === null) return []
  // Slack's library is loaded only where it is used.
  const { checkApp } = await import('../../channels/slack/api/app-check.ts')
  const log = await createLog({ level: 'silent' })
  const signal = AbortSignal.timeout(NETWORK_LIMIT_MS)
  const check = await checkApp({ botToken, appToken, apiRoot, log }, signal)
  return [judgeApp(check, apiRoot, settings.paths.env), ...judgeAccess(settings)]
}

/** What Slack said of the app, and what mends it. */
export function judgeApp(check: AppCheck, apiRoot: string | null, envFile: string): Finding {
  switch (check.kind) {
    case 'fine':
      return ok('slack', `Slack knows the bot as @${check.name} in ${check.team}, with every scope it needs`)
    case 'bad-token':
      return error(`slack.${check.token}-token`, `Slack: ${check.words}.`, editCommand(envFile))
    case 'unreachable':
      return error(
        'slack.reach',
        `Slack cannot be asked: ${check.words}.`,
        `curl -sSI ${word(apiRoot ?? 'https://slack.com/api')}`,
      )
    case 'scopes': {
      const list = check.missing.map((scope) => `${scope} (${BOT_SCOPES[scope]})`).join(', ')
      const message = `The Slack app of @${check.name} lacks scopes: ${list}. Add them under "OAuth & Permissions" and install the app again.`
      const silent = check.missing.some((scope) => LEAST_SCOPES.includes(scope))
      return (silent ? error : warning)('slack.scopes', message, null)
    }
  }
}

/** A bot that answers nobody works, but hardly as it was meant. */
function judgeAccess({ channels, config, paths }: Settings): Finding[] {
  const { allowedUsers, allowAllUsers, groupAllowedChats } = channels.slack
  const operators = config.gateway.operators.some(({ channel }) => channel === 'slack')
  if (allowAllUsers || allowedUsers.length > 0 || groupAllowedChats.length > 0 || operators) return []
  return [
    warning(
      'slack.access',
      'Nobody is on the list of those who may talk on Slack: each new person needs a pairing.',
      editCommand(paths.env),
    ),
  ]
}
